using Sinter.Runtime;

namespace Sinter.Devices.Cuda;

/// <summary>NVIDIA's driver is not there, or refused a call; the message is a sentence for users.</summary>
public sealed class CudaException(string message) : SinterException(message);
