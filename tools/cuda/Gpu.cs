namespace Sinter.Cuda;

/// <summary>A device, as NVIDIA's data sheets and the CUDA programming guide describe it.</summary>
/// <param name="Name">As users call it.</param>
/// <param name="Multiprocessors">How many.</param>
/// <param name="SharedBytes">Shared memory of a multiprocessor that blocks can have together.</param>
/// <param name="Bandwidth">Of its memory, in bytes a second.</param>
/// <param name="BF16">Dense products of BF16 in operations a second.</param>
/// <param name="E4M3">Of E4M3 by <c>mma</c>: on Hopper at BF16's rate; 0 where there are none.</param>
public sealed record Gpu(string Name, int Multiprocessors, int SharedBytes, double Bandwidth, double BF16, double E4M3)
{
    /// <summary>Threads that a multiprocessor holds.</summary>
    public int Threads => Name == "4090" ? 1536 : 2048;

    public static Gpu A100 { get; } = new("a100", 108, 164 * 1024, 2.039e12, 312e12, 0);

    public static Gpu Rtx4090 { get; } = new("4090", 128, 100 * 1024, 1.008e12, 165.2e12, 330.3e12);

    public static Gpu H100 { get; } = new("h100", 132, 228 * 1024, 3.35e12, 989e12, 989e12);

    public static Gpu H800 { get; } = H100 with { Name = "h800" };
}
