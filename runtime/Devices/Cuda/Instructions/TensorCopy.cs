using System;
using System.Runtime.InteropServices;
using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>
/// Copies of boxes of a matrix into shared memory by the tensor memory accelerator (SM 90). A tensor map of 128 bytes says where
/// the matrix lies, how large it and the box are; on a device the driver makes it (cuTensorMapEncodeTiled). As C# it is read as
/// the PTX interpreter's TensorMap lays it out.
/// </summary>
public static unsafe class TensorCopy
{
    /// <summary>cp.async.bulk.tensor.2d: a box, zero outside the matrix, swizzled as the map says; its bytes count on the barrier.</summary>
    /// <param name="to">A shared address, a multiple of 128.</param>
    /// <param name="map">The tensor map's global address, a multiple of 64.</param>
    /// <param name="x">First element of the box along a row.</param>
    /// <param name="y">First row.</param>
    /// <param name="barrier">An <see cref="Mbarrier"/>.</param>
    [IntrinsicImplementation]
    public static void Fetch(long to, long map, int x, int y, long barrier)
    {
        var fields = new ReadOnlySpan<byte>((void*)map, 128);
        var (size, swizzle, from) = (fields[5], fields[6], MemoryMarshal.Read<long>(fields[8..]));
        var (width, height) = (MemoryMarshal.Read<int>(fields[16..]), MemoryMarshal.Read<int>(fields[20..]));
        var (boxWidth, boxHeight, stride) = (MemoryMarshal.Read<int>(fields[36..]), MemoryMarshal.Read<int>(fields[40..]), MemoryMarshal.Read<long>(fields[64..]));
        for (var i = 0; i < boxWidth * boxHeight * size; i++)
        {
            var (row, column) = (y + (i / (boxWidth * size)), x + (i / size % boxWidth));
            var inside = row >= 0 && row < height && column >= 0 && column < width;
            *(byte*)Swizzle(to + i, swizzle) = inside ? *(byte*)(from + (row * stride) + ((long)column * size) + (i % size)) : (byte)0;
        }

        Mbarrier.Bring(barrier, boxWidth * boxHeight * size);
    }

    /// <summary>Swizzling exchanges an address's bits 4 to 6 with bits 7 to 9: 3 all three, 2 the lower two, 1 the lowest, 0 none.</summary>
    internal static long Swizzle(long address, int swizzle) => address ^ ((address >> 3) & (((1L << swizzle) - 1) << 4));
}
