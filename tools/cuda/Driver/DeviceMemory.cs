namespace Sinter.Cuda.Driver;

/// <summary>A piece of a GPU's memory.</summary>
public readonly record struct DeviceMemory(ulong Address, long Bytes);
