using System;
using ILGPU;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Devices;

/// <summary>What kernels know of a step; passed to each by value.</summary>
public struct DeviceStep
{
    /// <summary>Rows of every activation.</summary>
    public int Tokens;

    public int Sequences;

    /// <summary>The most tokens that one sequence of the step has.</summary>
    public int LongestCount;

    /// <summary>The most positions that one sequence has, this step's included.</summary>
    public int LongestLength;

    /// <summary>[tokens] position of each token in its sequence.</summary>
    public ArrayView<int> Positions;

    /// <summary>[tokens] which of <see cref="Ranges"/> each token belongs to.</summary>
    public ArrayView<int> RangeOf;

    /// <summary>[sequences].</summary>
    public ArrayView<SequenceRange> Ranges;
}

/// <summary>One stored tensor on the device, or all experts' of a layer one after the other.</summary>
public struct DeviceWeight
{
    public ArrayView<byte> Data;

    /// <summary>[ceil(rows/128), ceil(columns/128)] for each tensor of E4M3 codes.</summary>
    public ArrayView<float> Scales;

    /// <summary>Numbers a row.</summary>
    public int Columns;

    /// <summary>Scales a row of blocks.</summary>
    public int ScaleColumns;

    /// <summary>Bytes of one expert's tensor.</summary>
    public long Bytes;

    /// <summary>Scales of one expert's tensor.</summary>
    public int ScaleCount;

    public WeightFormat Format;

    // A byte, as kernels take no bool.
    private byte _isOrdinary;

    /// <summary>Whether E4M3 codes are all numbers and their scales of ordinary size, so that kernels may exchange the units of sums for others.</summary>
    public bool IsOrdinary
    {
        readonly get => _isOrdinary != 0;
        init => _isOrdinary = value ? (byte)1 : (byte)0;
    }

    /// <summary>The tensor of one expert.</summary>
    public readonly DeviceWeight OfExpert(int expert)
    {
        DeviceWeight one = this;
        one.Data = Data.SubView(expert * Bytes, Bytes);
        one.Scales = Scales.SubView(expert * ScaleCount, ScaleCount);
        return one;
    }

    /// <summary>The stored row from an element on.</summary>
    public readonly WeightLine Line(int element) => new()
    {
        Element = element,
        Column = element % Columns,
        Scale = element / Columns / ScaleBlock * ScaleColumns,
    };

    /// <summary>
    /// Whether there is no NaN among E4M3 codes, and no scale beside 2⁻⁴⁰ to 2²⁴: published checkpoints' are about 2⁻¹³. Then sums in
    /// the units of any scale are finite.
    /// </summary>
    internal static bool AreOrdinary(ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales)
    {
        foreach (float scale in scales)
        {
            if (!(scale is >= SmallestScale and <= GreatestScale)) return false;
        }

        return codes.IndexOfAny((byte)0x7f, (byte)0xff) < 0;
    }

    private const float SmallestScale = 1f / (1L << 40);
    private const float GreatestScale = 1L << 24;

    /// <summary>Rows and columns that share a scale.</summary>
    public const int ScaleBlock = 128;
}

/// <summary>A stored row from some element on.</summary>
public struct WeightLine
{
    public int Element;

    /// <summary>The element's column in the stored matrix.</summary>
    public int Column;

    /// <summary>The first scale of the row's blocks.</summary>
    public int Scale;
}

/// <summary>One cache of one layer: [slot, position, width].</summary>
public struct DeviceCache
{
    public ArrayView<float> Data;

    /// <summary>Numbers between one slot and the next.</summary>
    public long SlotStride;
}

/// <summary>Pairs of token and expert, ordered by expert.</summary>
public struct DeviceGroups(ArrayView<int> offsets, ArrayView<int> pairs, ArrayView<int> rank, int experts, int chosen)
{
    /// <summary>[experts + 1] first row of each expert's segment.</summary>
    public ArrayView<int> Offsets = offsets;

    /// <summary>[tokens · chosen] row → pair.</summary>
    public ArrayView<int> Pairs = pairs;

    /// <summary>[tokens · chosen] pair → row.</summary>
    public ArrayView<int> Rank = rank;

    public int Experts = experts;

    /// <summary>Experts chosen a token.</summary>
    public int Chosen = chosen;
}
