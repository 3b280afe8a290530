using System.Collections.Generic;

namespace Sinter.Devices;

/// <param name="Devices">Those that can be used.</param>
/// <param name="Trouble">Why there are none; a sentence.</param>
public sealed record DeviceReport(DeviceKind Kind, IReadOnlyList<FoundDevice> Devices, string? Trouble);

/// <param name="IsProcessor">Whether it is a processor that OpenCL drives like a device.</param>
public sealed record FoundDevice(string Name, long MemoryBytes, bool IsProcessor);
