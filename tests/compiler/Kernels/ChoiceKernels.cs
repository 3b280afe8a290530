using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Tests.Kernels;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

public sealed unsafe class ChoiceKernels
{
    private static readonly ChooseOperation[] s_choices =
    [
        new("Best", "chosen", 20, 3, 1, 1, GroupScore.Max, new(20)),
        new("All", "chosen", 5, 5, 1, 1, GroupScore.Max, new(7, 0, 1)),
        new("One", "chosen", 9, 1, 1, 1, GroupScore.Max, new(9)),
        new("BestOfGroups", "chosen", 24, 4, 6, 2, GroupScore.Max, new(24)),
        new("BestOfPairs", "chosen", 256, 8, 8, 4, GroupScore.Top2Sum, new(256)),
        new("LoneMembers", "chosen", 6, 2, 6, 3, GroupScore.Top2Sum, new(6)),
    ];

    private static readonly GroupOperation s_group = new("Pairs", "groups", 7, 3);

    private static readonly CompiledKernels s_kernels =
        new([.. s_choices.Select(o => KernelPrinter.Print(o, o.Name)), KernelPrinter.Print(s_group, s_group.Name)]);

    internal static IReadOnlyList<ChooseOperation> Operations => s_choices;

    internal static ChooseOperation Operation(string name) => s_choices.Single(o => o.Name == name);

    internal static GroupOperation Group => s_group;

    public static TheoryData<string> Names() => [.. s_choices.Select(o => o.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Chooses_what_sorting_chooses(string name) => Compare(s_kernels, Operation(name));

    internal static void Compare(IKernels kernels, ChooseOperation operation)
    {
        foreach (int tokens in new[] { 1, 2, 40 })
        {
            foreach (int levels in new[] { 1, 3, 1000 })
            {
                using var memory = new GuardedMemory();
                var random = new Random(3);
                var step = new TestStep(memory, (tokens, tokens, 0));

                // Few levels: many scores are equal, and the order of equals is fixed.
                float[] scores = [.. Enumerable.Range(0, tokens * operation.Scores.RowStride).Select(_ => (random.Next(levels) - levels / 2) / 7f)];
                float* data = memory.Floats(scores);
                int[] wanted = [.. Enumerable.Range(0, tokens).SelectMany(t => Sort(operation, scores.AsSpan(t * operation.Scores.RowStride + operation.Scores.Offset, operation.Width).ToArray()))];
                foreach (int workers in new[] { 1, 2, 3 })
                {
                    int* chosen = memory.Integers(new int[wanted.Length]);
                    kernels.Run(operation.Name, KernelTest.Lanes.First(), step.Step, workers, (nint)data, (nint)chosen);
                    Assert.Equal(wanted, new Span<int>(chosen, wanted.Length).ToArray());
                }
            }
        }
    }

    [Fact]
    public void Chooses_valid_and_distinct_indices_among_scores_that_are_not_numbers()
    {
        foreach (ChooseOperation operation in s_choices)
        {
            using var memory = new GuardedMemory();
            var step = new TestStep(memory, (1, 1, 0));
            float[] scores = [.. Enumerable.Range(0, operation.Scores.RowStride).Select(i => i % 3 == 0 ? float.NaN : i % 5 == 0 ? float.NegativeInfinity : i)];
            int* chosen = memory.Integers([.. Enumerable.Repeat(-1, operation.Count)]);
            s_kernels.Run(operation.Name, KernelTest.Lanes.First(), step.Step, 1, (nint)memory.Floats(scores), (nint)chosen);
            int[] found = new Span<int>(chosen, operation.Count).ToArray();
            Assert.Equal(operation.Count, found.Distinct().Count());
            Assert.All(found, index => Assert.InRange(index, 0, operation.Width - 1));
        }
    }

    [Fact]
    public void Refuses_to_choose_more_than_there_are_candidates() =>
        Assert.Throws<ArgumentException>(() => KernelPrinter.Print(new ChooseOperation("Many", "", 8, 5, 4, 2, GroupScore.Max, new(8)), "Many"));

    [Theory]
    [InlineData(1, false)]
    [InlineData(33, false)]
    [InlineData(12, true)]
    public void Orders_pairs_by_expert_and_keeps_the_order_within_one(int tokens, bool allToOne) => CompareOrder(s_kernels, tokens, allToOne);

    internal static void CompareOrder(IKernels kernels, int tokens, bool allToOne)
    {
        using var memory = new GuardedMemory();
        var random = new Random(11);
        var step = new TestStep(memory, (tokens, tokens, 0));
        int pairs = tokens * s_group.Chosen;
        int[] chosen = [.. Enumerable.Range(0, pairs).Select(_ => allToOne ? 4 : random.Next(s_group.Experts - 1))];
        ExpertGroups* groups = memory.One(new ExpertGroups
        {
            Offsets = memory.Integers(new int[s_group.Experts + 1]),
            Pairs = memory.Integers(new int[pairs]),
            Rank = memory.Integers(new int[pairs]),
        });
        kernels.Run(s_group.Name, KernelTest.Lanes.First(), step.Step, 3, (nint)memory.Integers(chosen), (nint)groups);

        int[] wanted = [.. Enumerable.Range(0, pairs).OrderBy(p => chosen[p])];
        Assert.Equal(wanted, new Span<int>(groups->Pairs, pairs).ToArray());
        Assert.Equal(Enumerable.Range(0, pairs), wanted.Select(p => groups->Rank[p]));
        Assert.Equal(Enumerable.Range(0, s_group.Experts + 1).Select(e => chosen.Count(c => c < e)), new Span<int>(groups->Offsets, s_group.Experts + 1).ToArray());
    }

    private static int[] Sort(ChooseOperation operation, float[] scores)
    {
        int members = operation.Width / operation.Groups;
        double Worth(int group)
        {
            float[] best = [.. scores.Skip(group * members).Take(members).OrderByDescending(s => s)];
            return operation.GroupScore == GroupScore.Top2Sum && members > 1 ? best[0] + best[1] : best[0];
        }

        int[] kept = [.. Enumerable.Range(0, operation.Groups).OrderByDescending(Worth).Take(operation.Keep)];
        return [.. Enumerable.Range(0, operation.Width).Where(e => kept.Contains(e / members)).OrderByDescending(e => scores[e]).Take(operation.Count)];
    }
}
