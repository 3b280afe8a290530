using System;
using Sinter.Ptx.Analysis;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx.Operations;

/// <summary>A factor of wgmma in shared memory, which a descriptor names (PTX ISA, section 9.7.15.5.1, "Shared Memory Matrix Layout").</summary>
internal static class SharedMatrix
{
    /// <summary>Elements [row, k] of 32 bytes in depth; for B a row is a column of the product.</summary>
    /// <remarks>
    /// Factors lie along their depth in pieces of 16 bytes. With swizzling, 8 rows lie a span of 32, 64 or 128 bytes apart and
    /// groups of 8 rows a stride; without it, a row's pieces lie a leading offset apart.
    /// </remarks>
    public static double[] Read(Warp warp, ulong descriptor, DataType type, int firstRow, int count, in Access access)
    {
        var start = (descriptor & 0x3FFF) << 4;
        var leading = (descriptor >> 16 & 0x3FFF) << 4;
        var stride = (descriptor >> 32 & 0x3FFF) << 4;
        // 0 none, 1 of 128, 2 of 64, 3 of 32 bytes.
        var swizzle = (TensorSwizzle)((4 - (int)(descriptor >> 62)) % 4);
        var span = 16UL << (int)swizzle;
        if ((descriptor >> 49 & 7) != 0)
        {
            warp.Report(FindingKind.InvalidOperand, 0, null, "a matrix base offset other than 0 is not supported.");
        }

        var each = 16 / type.Bytes;
        var values = new double[count * 2 * each];
        for (var row = 0; row < count; row++)
        {
            for (var piece = 0; piece < 2; piece++)
            {
                var (line, group) = ((ulong)(firstRow + row) % 8, (ulong)(firstRow + row) / 8);
                var address = start + (line * span) + (group * stride) + ((ulong)piece * (swizzle == TensorSwizzle.None ? leading : 16));
                Decode(warp, TensorCopies.Swizzle(address, swizzle), type, access, values.AsSpan(((2 * row) + piece) * each, each));
            }
        }

        return values;
    }

    private static void Decode(Warp warp, ulong address, DataType type, in Access access, Span<double> values)
    {
        var (memory, space) = (warp.Block.Memory, Space.Shared);
        if (!memory.Locate(warp, 0, ref space, ref address, 16, out var region, out var offset))
        {
            return;
        }

        if (!region.IsWritten(offset, 16))
        {
            warp.Report(FindingKind.UninitialisedMemory, 0, address, "the product reads shared memory that nothing wrote.");
            region.MarkWritten(offset, 16);
        }

        memory.Note(warp, 0, offset, 16, write: false, access);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = MatrixProducts.Element(region.Load(offset + (i * type.Bytes), type.Bytes), 0, type);
        }
    }
}
