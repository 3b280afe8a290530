using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Xunit;

namespace Sinter.Compiler.Tests.Passes;

/// <summary>Random graphs of all operators against finite differences.</summary>
public sealed class DifferentiateRandomGraphsTests
{
    private const int Graphs = 250;

    [Fact]
    public void Agree_with_finite_differences()
    {
        int compared = 0;
        for (int seed = 0; seed < Graphs; seed++)
        {
            (double analytic, double numeric, double uncertainty) = new GradientCheck(Make(seed), seed).Slopes();

            // A corner or another choice within the step: the differences tell of both sides.
            if (uncertainty > 1e-6 * Math.Max(1, Math.Abs(numeric))) continue;
            compared++;
            Assert.True(
                Math.Abs(analytic - numeric) <= GradientCheck.Tolerance(numeric, uncertainty),
                $"graph {seed}: slope {analytic:R}, by differences {numeric:R} ± {uncertainty:E1}");
        }

        Assert.InRange(compared, 0.8 * Graphs, Graphs);
    }

    [Fact]
    public void Hold_every_operator()
    {
        Node[] nodes = [.. Enumerable.Range(0, Graphs).SelectMany(seed => Make(seed).Nodes)];
        Type[] kinds = [.. nodes.Select(node => node.GetType()).Distinct()];
        Type[] expected = [typeof(Input), typeof(Weight), typeof(Contract), typeof(Map), typeof(Reduce), typeof(Softmax), typeof(LogSumExp), typeof(Rotary), typeof(Causal), typeof(Choose), typeof(Take), typeof(Cached), typeof(OneHot)];
        Assert.Equal(expected.OrderBy(kind => kind.Name), kinds.OrderBy(kind => kind.Name));

        HashSet<UnaryOperator> operators = [.. nodes.OfType<Map>().SelectMany(map => Operators(map.Function))];
        Assert.Equal(Enum.GetValues<UnaryOperator>().Where(operation => operation != UnaryOperator.Step), operators.Order());
    }

    private static TensorGraph Make(int seed) => RandomGraph.Make(seed, operations: 6 + seed % 20);

    private static IEnumerable<UnaryOperator> Operators(Scalar function) => function switch
    {
        Unary unary => Operators(unary.Operand).Append(unary.Operator),
        Binary binary => Operators(binary.Left).Concat(Operators(binary.Right)),
        _ => [],
    };
}
