using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Sinter.Runtime.Numerics;

/// <summary>What all kernels do with the tiles in a worker's memory.</summary>
public static unsafe class Tiles
{
    private const int CacheLine = 64;

    public static void Clear(float* tile, int count) => Unsafe.InitBlockUnaligned(tile, 0, (uint)count * sizeof(float));

    /// <summary>
    /// Asks for memory that the next tile will read, so that it comes while this one is computed: stored matrices are
    /// read in pieces too short for the machine to see where they lead. Any address will do.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* place, int bytes)
    {
        if (!Sse.IsSupported) return;
        for (byte* end = place + bytes; place < end; place += CacheLine) Sse.Prefetch1(place);
    }
}
