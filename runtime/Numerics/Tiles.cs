using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>What all kernels do with the tiles in a worker's memory.</summary>
public static unsafe class Tiles
{
    public static void Clear(float* tile, int count) => Unsafe.InitBlockUnaligned(tile, 0, (uint)count * sizeof(float));
}
