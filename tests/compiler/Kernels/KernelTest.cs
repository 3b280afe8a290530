using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.Intrinsics;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;
using Sinter.Tests.Machines;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

/// <summary>What the numeric tests of compiled kernels share.</summary>
internal static unsafe class KernelTest
{
    /// <summary>Those that this machine runs at full speed, and the portable shortest.</summary>
    public static IEnumerable<Type> Lanes
    {
        get
        {
            NarrowerVectors.CheckThatTheyAreAsWanted();
            yield return typeof(Lanes128);
            if (Vector256.IsHardwareAccelerated) yield return typeof(Lanes256);
            if (Vector512.IsHardwareAccelerated) yield return typeof(Lanes512);
        }
    }

    public static float[] Random(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];

    /// <summary>The nearest BF16 of a finite number, ties to even.</summary>
    public static float BF16(float number)
    {
        uint bits = BitConverter.SingleToUInt32Bits(number);
        return BitConverter.UInt32BitsToSingle((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
    }

    /// <param name="tolerance">What the sum's terms, taken without their signs, allow.</param>
    public static void Close(double wanted, float found, double tolerance, string where)
    {
        if (!(Math.Abs(wanted - found) <= tolerance)) Assert.Fail($"{where}: {found} instead of {wanted}, with a tolerance of {tolerance}");
    }
}

/// <summary>A step of sequences: (tokens of the step, keys with them, slot).</summary>
internal sealed unsafe class TestStep
{
    public TestStep(Sinter.Tests.Kernels.GuardedMemory memory, params (int Count, int Length, int Slot)[] sequences)
    {
        var ranges = new SequenceRange[sequences.Length];
        List<int> positions = [], rangeOf = [];
        int first = 0, firstKey = 0;
        for (int s = 0; s < sequences.Length; s++)
        {
            (int count, int length, int slot) = sequences[s];
            ranges[s] = new() { First = first, Count = count, Slot = slot, Length = length, FirstKey = firstKey };
            for (int i = 0; i < count; i++)
            {
                positions.Add(length - count + i);
                rangeOf.Add(s);
            }

            first += count;
            firstKey += length;
        }

        Ranges = ranges;
        Positions = [.. positions];
        RangeOf = [.. rangeOf];
        Step = new()
        {
            Tokens = first,
            Sequences = sequences.Length,
            Keys = firstKey,
            Positions = memory.Integers(Positions),
            RangeOf = memory.Integers(RangeOf),
            Ranges = memory.Many<SequenceRange>(ranges),
            Capacity = 64,
        };
    }

    public Step Step { get; }

    public SequenceRange[] Ranges { get; }

    public int[] Positions { get; }

    public int[] RangeOf { get; }
}
