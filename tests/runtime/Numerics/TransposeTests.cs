using Sinter.Runtime.Numerics;
using Xunit;

namespace Sinter.Runtime.Tests.Numerics;

public sealed unsafe class TransposeTests
{
    [Fact]
    public void Rows_become_columns_and_nothing_beside_them_changes()
    {
        Check<Lanes512>();
        Check<Lanes256>();
        Check<Lanes128>();
    }

    private static void Check<V>()
        where V : struct, ILanes<V>
    {
        int count = V.Count, fromStride = count + 3, toStride = count + 5;
        float[] from = new float[count * fromStride], to = new float[count * toStride];
        for (int i = 0; i < from.Length; i++) from[i] = i + 1;
        fixed (float* source = from, target = to) V.Transpose(source, fromStride, target, toStride);
        for (int row = 0; row < count; row++)
        {
            for (int column = 0; column < toStride; column++)
                Assert.Equal(column < count ? from[column * fromStride + row] : 0f, to[row * toStride + column]);
        }
    }
}
