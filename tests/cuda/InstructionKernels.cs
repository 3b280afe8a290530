using ILGPU;
using ILGPU.Runtime;
using Sinter.Cuda.Instructions;

namespace Sinter.Cuda.Tests;

/// <summary>One warp and one instruction each.</summary>
public static class InstructionKernels
{
    public static void MultiplyBF16(ArrayView<uint> words, ArrayView<float> sums, ArrayView<float> result)
    {
        var (w, s) = (Group.IdxX * 6, Group.IdxX * 4);
        Put(result, s, TensorCore.MultiplyBF16(words[w], words[w + 1], words[w + 2], words[w + 3], words[w + 4], words[w + 5], sums[s], sums[s + 1], sums[s + 2], sums[s + 3]));
    }

    public static void MultiplyE4M3(ArrayView<uint> words, ArrayView<float> sums, ArrayView<float> result)
    {
        var (w, s) = (Group.IdxX * 6, Group.IdxX * 4);
        Put(result, s, TensorCore.MultiplyE4M3(words[w], words[w + 1], words[w + 2], words[w + 3], words[w + 4], words[w + 5], sums[s], sums[s + 1], sums[s + 2], sums[s + 3]));
    }

    public static void LoadMatrices(ArrayView<byte> bytes, ArrayView<int> rows, ArrayView<uint> result)
    {
        var memory = SharedMemory.GetDynamic<byte>();
        for (var i = 0; i < 16; i++)
        {
            memory[(Group.IdxX * 16) + i] = bytes[(Group.IdxX * 16) + i];
        }

        Group.Barrier();
        var words = TensorCore.LoadMatrices(AsyncCopy.Shared(ref memory[0]) + rows[Group.IdxX]);
        result[Group.IdxX * 4] = words.X;
        result[(Group.IdxX * 4) + 1] = words.Y;
        result[(Group.IdxX * 4) + 2] = words.Z;
        result[(Group.IdxX * 4) + 3] = words.W;
    }

    public static void Copy(ArrayView<byte> bytes, ArrayView<int> counts, ArrayView<byte> result)
    {
        var memory = SharedMemory.GetDynamic<byte>();
        var place = Group.IdxX * 16;
        AsyncCopy.Copy(AsyncCopy.Shared(ref memory[0]) + place, AsyncCopy.Global(ref bytes[0]) + place, counts[Group.IdxX]);
        AsyncCopy.Commit();
        AsyncCopy.WaitAllBut(0);
        for (var i = 0; i < 16; i++)
        {
            result[place + i] = memory[place + i];
        }
    }

    public static void Narrow16(ArrayView<float> upper, ArrayView<float> lower, ArrayView<uint> result)
        => result[Grid.GlobalIndex.X] = Narrowing.ToBF16(upper[Grid.GlobalIndex.X], lower[Grid.GlobalIndex.X]);

    public static void Narrow8(ArrayView<float> upper, ArrayView<float> lower, ArrayView<ushort> result)
        => result[Grid.GlobalIndex.X] = Narrowing.ToE4M3(upper[Grid.GlobalIndex.X], lower[Grid.GlobalIndex.X]);

    private static void Put(ArrayView<float> result, int place, Sums sums)
    {
        result[place] = sums.X;
        result[place + 1] = sums.Y;
        result[place + 2] = sums.Z;
        result[place + 3] = sums.W;
    }
}
