using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;

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

    public static void LoadMatricesTurned(ArrayView<byte> bytes, ArrayView<int> rows, ArrayView<uint> result)
    {
        var memory = SharedMemory.GetDynamic<byte>();
        for (var i = 0; i < 16; i++)
        {
            memory[(Group.IdxX * 16) + i] = bytes[(Group.IdxX * 16) + i];
        }

        Group.Barrier();
        var words = TensorCore.LoadMatricesTurned(AsyncCopy.Shared(ref memory[0]) + rows[Group.IdxX]);
        result[Group.IdxX * 4] = words.X;
        result[(Group.IdxX * 4) + 1] = words.Y;
        result[(Group.IdxX * 4) + 2] = words.Z;
        result[(Group.IdxX * 4) + 3] = words.W;
    }

    public static void PowersOfTwo(ArrayView<float> x, ArrayView<float> unused, ArrayView<float> result)
        => result[Grid.GlobalIndex.X] = Exponential.OfTwo(x[Grid.GlobalIndex.X]);

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

    /// <summary>A warpgroup fetches two boxes, waits for their bytes, and multiplies them: all that is new in SM 90a.</summary>
    public static void FetchAndMultiplyBF16(ArrayView<byte> maps, ArrayView<float> sums, ArrayView<float> result)
    {
        var shared = Fetch(maps);
        var place = Group.IdxX * 4;
        WideSums before = default;
        before.C0.C0.X = sums[place];
        before.C1.C1.Y = sums[place + 1];
        before.C2.C2.Z = sums[place + 2];
        before.C3.C3.W = sums[place + 3];
        Put(result, Group.IdxX * 64, Warpgroup.MultiplyBF16(shared, shared + 8192, before));
    }

    public static void FetchAndMultiplyE4M3(ArrayView<byte> maps, ArrayView<float> sums, ArrayView<float> result)
    {
        var shared = Fetch(maps);
        Put(result, Group.IdxX * 64, Warpgroup.MultiplyE4M3(shared, shared + 8192));
    }

    /// <summary>Rows of both factors are put where a warpgroup multiplies them, published, and multiplied beside what follows.</summary>
    public static void PublishAndMultiplyBF16(ArrayView<byte> rows, ArrayView<float> sums, ArrayView<float> result)
    {
        var shared = (AsyncCopy.Shared(ref SharedMemory.GetDynamic<byte>()[0]) + 1023) & ~1023L;
        for (var i = Group.IdxX; i < 8 * (Warpgroup.Rows + Warpgroup.BroadColumns); i += 128)
        {
            AsyncCopy.Copy(shared + (i / 8 * 128) + ((i % 8 ^ (i / 8 % 8)) * 16), AsyncCopy.Global(ref rows[0]) + (i * 16), 16);
        }

        AsyncCopy.Commit();
        AsyncCopy.WaitAllBut(0);
        Warpgroup.Publish();
        Group.Barrier();
        var place = Group.IdxX * 4;
        BroadSums before = default;
        before.Left.C0.C0.X = sums[place];
        before.Left.C3.C3.W = sums[place + 1];
        before.Right.C0.C0.X = sums[place + 2];
        before.Right.C3.C3.W = sums[place + 3];
        var after = Warpgroup.Wait(Warpgroup.BeginBF16(shared, shared + (Warpgroup.Rows * 128), before));
        Put(result, Group.IdxX * 128, after.Left);
        Put(result, (Group.IdxX * 128) + 64, after.Right);
    }

    /// <summary>16 bytes a thread, turned around among the threads.</summary>
    public static void LoadShared(ArrayView<byte> bytes, ArrayView<int> places, ArrayView<uint> result)
    {
        var memory = SharedMemory.GetDynamic<byte>();
        for (var i = 0; i < 16; i++)
        {
            memory[(Group.IdxX * 16) + i] = bytes[(Group.IdxX * 16) + i];
        }

        Group.Barrier();
        var words = WideAccess.LoadShared(AsyncCopy.Shared(ref memory[0]) + places[Group.IdxX]);
        result[Group.IdxX * 4] = words.X;
        result[(Group.IdxX * 4) + 1] = words.Y;
        result[(Group.IdxX * 4) + 2] = words.Z;
        result[(Group.IdxX * 4) + 3] = words.W;
    }

    public static void Narrow16(ArrayView<float> upper, ArrayView<float> lower, ArrayView<uint> result)
        => result[Grid.GlobalIndex.X] = Narrowing.ToBF16(upper[Grid.GlobalIndex.X], lower[Grid.GlobalIndex.X]);

    public static void Narrow8(ArrayView<float> upper, ArrayView<float> lower, ArrayView<ushort> result)
        => result[Grid.GlobalIndex.X] = Narrowing.ToE4M3(upper[Grid.GlobalIndex.X], lower[Grid.GlobalIndex.X]);

    /// <summary>Two words of codes a thread.</summary>
    public static void Widen(ArrayView<uint> codes, ArrayView<uint> unused, ArrayView<uint> result)
    {
        for (var i = 0; i < 2; i++)
        {
            var word = (Group.IdxX * 2) + i;
            result[word * 2] = Widening.EvenE4M3(codes[word]);
            result[(word * 2) + 1] = Widening.OddE4M3(codes[word]);
        }
    }

    /// <summary>The first thread fetches when all have arrived at a barrier of their own.</summary>
    private static long Fetch(ArrayView<byte> maps)
    {
        // Multiples of 1,024, which ILGPU's CPU accelerator does not promise.
        var shared = (AsyncCopy.Shared(ref SharedMemory.GetDynamic<byte>()[0]) + 1023) & ~1023L;
        var (full, all) = (shared + 24576, shared + 24584);
        if (Group.IdxX == 0)
        {
            Mbarrier.Initialise(full, 1);
            Mbarrier.Initialise(all, 128);
            Mbarrier.Publish();
        }

        Group.Barrier();
        Mbarrier.Arrive(all);
        if (Group.IdxX == 0)
        {
            Mbarrier.Wait(all, 0);
            Mbarrier.ArriveExpecting(full, 24576);
            TensorCopy.Fetch(shared, AsyncCopy.Global(ref maps[0]), 16, -3, full);
            TensorCopy.Fetch(shared + 8192, AsyncCopy.Global(ref maps[128]), 0, 5, full);
        }

        Mbarrier.Wait(full, 0);
        return shared;
    }

    private static void Put(ArrayView<float> result, int place, WideSums sums)
    {
        Put(result, place, sums.C0);
        Put(result, place + 16, sums.C1);
        Put(result, place + 32, sums.C2);
        Put(result, place + 48, sums.C3);
    }

    private static void Put(ArrayView<float> result, int place, Strip sums)
    {
        Put(result, place, sums.C0);
        Put(result, place + 4, sums.C1);
        Put(result, place + 8, sums.C2);
        Put(result, place + 12, sums.C3);
    }

    private static void Put(ArrayView<float> result, int place, Sums sums)
    {
        result[place] = sums.X;
        result[place + 1] = sums.Y;
        result[place + 2] = sums.Z;
        result[place + 3] = sums.W;
    }
}
