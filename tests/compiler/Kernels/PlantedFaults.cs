using System;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;
using Xunit;
using Xunit.Sdk;

namespace Sinter.Compiler.Tests.Kernels;

/// <summary>Whether the comparisons of this folder see a fault: kernels with one planted into their text must not pass them.</summary>
public sealed class PlantedFaults
{
    [Theory]
    [InlineData("Norm7", "column < Width; column += V.Count", "column <= Width - V.Count; column += V.Count")]
    [InlineData("Norm20", "int lanes = LaneMath.Left<V>(Width, column);", "int lanes = LaneMath.Left<V>(Width - 1, column);")]
    [InlineData("Norm20", "/ 20f", "/ 21f")]
    [InlineData("RotateToCache", "step.Positions[token]", "token")]
    [InlineData("Combine", "rank[token * 3 + i]", "rank[token * 2 + i]")]
    public void In_rows(string name, string text, string fault)
    {
        RowOperation operation = RowKernels.Operation(name);
        CheckThatItShows(operation, text, fault, kernels =>
        {
            using var problem = new RowProblem(operation, WeightFormat.F32, [(5, 5, 0), (1, 12, 2), (4, 6, 1)]);
            foreach (Type lanes in KernelTest.Lanes) problem.Run(kernels, lanes, 1);
        });
    }

    [Theory]
    [InlineData("Ragged", "c < columns; c += V.Count", "c <= columns - V.Count; c += V.Count")]
    [InlineData("Gated", "LaneMath.Silu(sum1) * sum2", "LaneMath.Silu(sum2) * sum1")]
    [InlineData("Heads", "if (block == from || column == 0) FewRows.Arrange", "if (block == from) FewRows.Arrange")]
    [InlineData("Listed", "rows[row + i] * 37", "(row + i) * 37")]
    [InlineData("Scaled", "(long)(row + i) * 3", "(long)row * 3")]
    [InlineData("ExpertsUp", "groups->Pairs[row + i] / groups->Chosen", "groups->Pairs[row + i]")]
    [InlineData("ExpertsDown", "extra + (long)groups->Pairs[row + i]", "extra + (long)(row + i)")]
    public void In_contractions(string name, string text, string fault)
    {
        ContractionOperation operation = ContractionKernels.Operation(name);
        CheckThatItShows(operation, text, fault, kernels =>
        {
            foreach (int tokens in new[] { 8, 30 })
            {
                using var problem = new ContractionProblem(operation, WeightFormat.BF16, tokens);
                foreach (Type lanes in KernelTest.Lanes)
                    foreach (int workers in new[] { 1, 2 }) problem.Run(kernels, lanes, workers);
            }
        });
    }

    [Theory]
    [InlineData("largest[i] == now ? 1f : MathF.Exp(largest[i] - now)", "1f")]
    [InlineData("largest[i] == now ? 1f : MathF.Exp(largest[i] - now)", "MathF.Exp(largest[i] - now)")]
    [InlineData("total[i] * factors[i]", "total[i]")]
    [InlineData("MathF.Exp(largestThere[at] - top)", "1f")]
    [InlineData("sum += totalThere[at] * factor", "sum += totalThere[at]")]
    [InlineData("worker.ScratchOf(owner)", "worker.Scratch")]
    [InlineData("item / worker.Count * RowTile + i", "item * RowTile + i")]
    [InlineData("start += distance", "start += KeyTile")]
    [InlineData("step.Positions[token] + 1", "range.Length")]
    [InlineData("step.Positions[token] + 1", "Math.Max(1, step.Positions[token])")]
    [InlineData(", lanes, V.Zero)", ", V.Count, V.Zero)")]
    [InlineData("range.Slot * key2->SlotStride", "0")]
    public void In_attention(string text, string fault)
    {
        AttentionOperation operation = AttentionKernels.Operation("AbsorbedSome");
        CheckThatItShows(operation, text, fault, kernels =>
            AttentionKernels.Compare(kernels, operation, [(70, 130, 1), (1, 65, 0), (3, 3, 2), (2, 129, 1), (3, 700, 0)], 40f, KernelTest.Lanes));
    }

    private static void CheckThatItShows(Operation operation, string text, string fault, Action<CompiledKernels> compare)
    {
        KernelSource sound = KernelPrinter.Print(operation, operation.Name);
        string faulty = sound.Text.Replace(text, fault);
        Assert.True(faulty != sound.Text, $"«{text}» is not in the kernel:\n{sound.Text}");
        compare(new([sound]));
        Assert.ThrowsAny<XunitException>(() => compare(new([sound with { Text = faulty }])));
    }
}
