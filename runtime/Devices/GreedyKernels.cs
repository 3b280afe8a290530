using System;
using ILGPU;
using ILGPU.Runtime;

namespace Sinter.Devices;

/// <summary>
/// The token of the greatest logit, found on the device so that only its number comes back: first the best of each part of
/// the vocabulary, then the best of these. Among equals the lowest token is taken, as on the host.
/// </summary>
/// <remarks>Loaded when first used; all sessions on a device share them. For CUDA their PTX is in this assembly.</remarks>
internal sealed class GreedyKernels(DeviceLauncher launcher)
{
    /// <summary>Of a group.</summary>
    public const int Threads = 256;

    /// <summary>Logits of a part: some tens to a thread, and DeepSeek-V3's vocabulary makes 16 groups a row.</summary>
    public const int PartSize = 8192;

    private Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<int>, int>? _compareLogits;
    private Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, ArrayView<int>, int>? _compareParts;

    /// <summary><see cref="ChooseInPart"/>; a group of <see cref="Threads"/> a part and row.</summary>
    public Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<int>, int> CompareLogits
        => _compareLogits ??= launcher.Load<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<int>, int>>(ChooseInPart);

    /// <summary><see cref="ChooseOfParts"/>; a group of <see cref="Threads"/> a row.</summary>
    public Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, ArrayView<int>, int> CompareParts
        => _compareParts ??= launcher.Load<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, ArrayView<int>, int>>(ChooseOfParts);

    /// <summary>A group takes a part of a row.</summary>
    /// <param name="logits">[row, vocabulary].</param>
    /// <param name="greatest">[row, part].</param>
    /// <param name="places">[row, part]: whose it is; -1, which beats all, where a logit is not finite.</param>
    /// <param name="vocabulary">Logits of a row.</param>
    [Threads(Threads)]
    public static void ChooseInPart(ArrayView<float> logits, ArrayView<float> greatest, ArrayView<int> places, int vocabulary)
    {
        ArrayView<float> best = SharedMemory.Allocate<float>(Threads);
        ArrayView<int> place = SharedMemory.Allocate<int>(Threads);
        long row = (long)Grid.IdxY * vocabulary;
        int end = IntrinsicMath.Min(vocabulary, (Grid.IdxX + 1) * PartSize);
        float mine = float.NegativeInfinity;
        int at = vocabulary;
        for (int token = (Grid.IdxX * PartSize) + Group.IdxX; token < end; token += Threads)
        {
            float logit = logits[row + token];
            // By its bits: devices may be told that there is nothing but finite numbers.
            if ((Interop.FloatAsInt(logit) & 0x7f800000u) == 0x7f800000u)
            {
                mine = float.PositiveInfinity;
                at = -1;
            }
            else if (logit > mine)
            {
                mine = logit;
                at = token;
            }
        }

        Best(best, place, mine, at);
        if (Group.IdxX == 0)
        {
            greatest[(Grid.IdxY * Grid.DimX) + Grid.IdxX] = best[0];
            places[(Grid.IdxY * Grid.DimX) + Grid.IdxX] = place[0];
        }
    }

    /// <summary>A group takes a row.</summary>
    [Threads(Threads)]
    public static void ChooseOfParts(ArrayView<float> greatest, ArrayView<int> places, ArrayView<int> chosen, int parts)
    {
        ArrayView<float> best = SharedMemory.Allocate<float>(Threads);
        ArrayView<int> place = SharedMemory.Allocate<int>(Threads);
        float mine = float.NegativeInfinity;
        int at = int.MaxValue;
        for (int part = Group.IdxX; part < parts; part += Threads)
        {
            float other = greatest[(Grid.IdxX * parts) + part];
            int there = places[(Grid.IdxX * parts) + part];
            if (IsBetter(other, there, mine, at))
            {
                mine = other;
                at = there;
            }
        }

        Best(best, place, mine, at);
        if (Group.IdxX == 0)
        {
            chosen[Grid.IdxX] = place[0];
        }
    }

    /// <summary>The greatest of what a group's threads bring, the lowest place among equals, comes to the first.</summary>
    private static void Best(ArrayView<float> best, ArrayView<int> place, float mine, int at)
    {
        best[Group.IdxX] = mine;
        place[Group.IdxX] = at;
        for (int half = Threads / 2; half > 0; half /= 2)
        {
            Group.Barrier();
            if (Group.IdxX < half)
            {
                float other = best[Group.IdxX + half];
                int there = place[Group.IdxX + half];
                if (IsBetter(other, there, best[Group.IdxX], place[Group.IdxX]))
                {
                    best[Group.IdxX] = other;
                    place[Group.IdxX] = there;
                }
            }
        }

        Group.Barrier();
    }

    private static bool IsBetter(float number, int place, float than, int thanPlace) => number > than || (number == than && place < thanPlace);
}
