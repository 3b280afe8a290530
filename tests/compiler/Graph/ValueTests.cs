using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

/// <summary>What constructs and operators of the language mean: graphs made of text, evaluated, against loops written out here.</summary>
public sealed class ValueTests
{
    private static readonly int[] s_tokens = [1, 4, 2];

    /// <summary>Statements over x[t,d] that give y[t,d], and y at (t, d).</summary>
    private static readonly Dictionary<string, (string Statements, Func<Numbers, int, int, double> Expected)> s_maps = new()
    {
        ["sum and difference"] = ("y[t,d] = x[t,d] + 2*x[t,d] - x[t,d]/4 - 1", (a, t, d) => 2.75 * a.X(t, d) - 1),
        ["unary minus binds looser than a power"] = ("y[t,d] = -x[t,d]^2", (a, t, d) => -Math.Pow(a.X(t, d), 2)),
        ["powers"] = ("y[t,d] = x[t,d]^3 + (x[t,d]^2)^0.5 + (1 + x[t,d]^2)^-0.5 + (3 + x[t,d])^-1",
            (a, t, d) => Math.Pow(a.X(t, d), 3) + Math.Abs(a.X(t, d)) + 1 / Math.Sqrt(1 + a.X(t, d) * a.X(t, d)) + 1 / (3 + a.X(t, d))),
        ["exp and log"] = ("y[t,d] = log(1 + exp(x[t,d]))", (a, t, d) => Math.Log(1 + Math.Exp(a.X(t, d)))),
        ["sqrt and rsqrt"] = ("y[t,d] = sqrt(2 + x[t,d]) * rsqrt(3 + x[t,d])", (a, t, d) => Math.Sqrt((2 + a.X(t, d)) / (3 + a.X(t, d)) / (3 + a.X(t, d)) * (3 + a.X(t, d)))),
        ["sigmoid and silu"] = ("y[t,d] = sigmoid(x[t,d]) - silu(x[t,d])", (a, t, d) => (1 - a.X(t, d)) / (1 + Math.Exp(-a.X(t, d)))),
        ["tanh, relu and abs"] = ("y[t,d] = tanh(x[t,d]) + relu(x[t,d]) * abs(x[t,d])", (a, t, d) => Math.Tanh(a.X(t, d)) + Math.Max(0, a.X(t, d)) * Math.Abs(a.X(t, d))),
        ["max and min"] = ("y[t,d] = max(x[t,d], 0.25) - min(x[t,d], b.weight[d])", (a, t, d) => Math.Max(a.X(t, d), 0.25) - Math.Min(a.X(t, d), a.W("b", d))),
        ["reductions"] = ("y[t,d] = x[t,d] * mean[d](x[t,d]^2) + sum[d](x[t,d]) - max[d](x[t,d])",
            (a, t, d) => a.X(t, d) * a.Row(t).Average(v => v * v) + a.Row(t).Sum() - a.Row(t).Max()),
        ["softmax"] = ("y[t,d] = softmax[d](3*x[t,d])", (a, t, d) => Math.Exp(3 * a.X(t, d)) / a.Row(t).Sum(v => Math.Exp(3 * v))),
        ["normalize"] = ("y[t,d] = normalize[d](1 + abs(x[t,d]))", (a, t, d) => (1 + Math.Abs(a.X(t, d))) / a.Row(t).Sum(v => 1 + Math.Abs(v))),
        ["a constant is worked out at once"] = ("y[t,d] = x[t,d] * sqrt(n + 1) * max(2, 3) / log(exp(2))", (a, t, d) => a.X(t, d) * 3),
        ["a matrix"] = ("a[t,n] = x[t,d] * a.weight[n,d]\n y[t,d] = a[t,n] * b.weight[d,n]",
            (a, t, d) => a.Sum(3, n => a.Sum(6, i => a.X(t, i) * a.W("a", n, i)) * a.W("b", d, n))),
        ["a product of three with a scalar"] = ("y[t,d] = 2 * x[t,d'] * a.weight[d',n] * b.weight[d,n]",
            (a, t, d) => 2 * a.Sum(3, n => a.Sum(6, i => a.X(t, i) * a.W("a", i, n)) * a.W("b", d, n))),
        ["each product of a sum adds up its own axis"] = ("m[t] = 3 * (x[t,d] * a.weight[d] + 1)\n y[t,d] = x[t,d] * m[t]",
            (a, t, d) => a.X(t, d) * 3 * (a.Sum(6, i => a.X(t, i) * a.W("a", i)) + 1)),
        ["a sum within a product is added up with it"] = ("m[t] = (x[t,d] + b.weight[d]) * a.weight[d]\n y[t,d] = x[t,d] + m[t]",
            (a, t, d) => a.X(t, d) + a.Sum(6, i => (a.X(t, i) + a.W("b", i)) * a.W("a", i))),
        ["a divisor within the sum and one outside"] = ("m[t] = x[t,d] * a.weight[d] / (2 + b.weight[d]) / (4 + sum[d](x[t,d]))\n y[t,d] = x[t,d] * m[t]",
            (a, t, d) => a.X(t, d) * a.Sum(6, i => a.X(t, i) * a.W("a", i) / (2 + a.W("b", i))) / (4 + a.Row(t).Sum())),
        ["heads taken apart and merged"] = ("p[t,h,n], q[t,h,r] = x[t,d] * a.weight[h*(n+r),d]\n y[t,d] = p[t,h,n] * b.weight[d,h*n] + q[t,h,r] * c.weight[d,h*r]",
            (a, t, d) => a.Sum(2, h => a.Sum(3, n => a.Sum(6, i => a.X(t, i) * a.W("a", h * 7 + n, i)) * a.W("b", d, h * 3 + n))
                + a.Sum(4, r => a.Sum(6, i => a.X(t, i) * a.W("a", h * 7 + 3 + r, i)) * a.W("c", d, h * 4 + r)))),
        ["a sum of products of axes"] = ("p[t,h,n], q[t,r] = x[t,d] * a.weight[h*n+r,d]\n y[t,d] = p[t,h,n] * b.weight[d,h,n] + q[t,r] * c.weight[d,r]",
            (a, t, d) => a.Sum(2, h => a.Sum(3, n => a.Sum(6, i => a.X(t, i) * a.W("a", h * 3 + n, i)) * a.W("b", d, h, n)))
                + a.Sum(4, r => a.Sum(6, i => a.X(t, i) * a.W("a", 6 + r, i)) * a.W("c", d, r))),
        ["values side by side"] = ("a[t,n] = x[t,d] * a.weight[n,d]\n g[t,d'] = b.weight[d'] * x[t,d] * e.weight[d',d]\n z[t,d'+n] = concat(g[t,d'], a[t,n])\n y[t,d] = z[t,d'+n] * c.weight[d,d'+n]",
            (a, t, d) => a.Sum(6, j => a.W("b", j) * a.Sum(6, i => a.X(t, i) * a.W("e", j, i)) * a.W("c", d, j))
                + a.Sum(3, n => a.Sum(6, i => a.X(t, i) * a.W("a", n, i)) * a.W("c", d, 6 + n))),
        ["a table read by index"] = ("chosen[t,k] = top_k[e](x[t,d] * g.weight[e,d])\n y[t,d] = x[t,d] + a.weight[chosen[t,k], d] * b.weight[k]",
            (a, t, d) => a.X(t, d) + a.Sum(2, k => a.W("a", a.Best(t)[k], d) * a.W("b", k))),
        ["entries taken by index"] = ("s[t,e] = x[t,d] * g.weight[e,d]\n chosen[t,k] = top_k[e](s[t,e])\n y[t,d] = x[t,d] * s[t,chosen[t,k]] * b.weight[k]",
            (a, t, d) => a.X(t, d) * a.Sum(2, k => a.Score(t, a.Best(t)[k]) * a.W("b", k))),
        ["branches"] = ("if has absent { y[t,d] = 0 * x[t,d] } else if layers == 3 and not (n > 3) { y[t,d] = missing_name or 5 == 5 ? x[t,d] : 2*x[t,d] }",
            (a, t, d) => a.X(t, d)),
    };

    public static TheoryData<string> Maps => new(s_maps.Keys);

    [Theory]
    [MemberData(nameof(Maps))]
    public void Means_what_the_definition_says(string name)
    {
        (string statements, Func<Numbers, int, int, double> expected) = s_maps[name];
        ModelGraph graph = Described.Block(statements);
        var numbers = new Numbers(graph);
        double[] y = new GraphEvaluator(graph, numbers).Run(s_tokens).Outputs["y"].Numbers;
        for (int t = 0; t < s_tokens.Length; t++)
        {
            for (int d = 0; d < 6; d++) Assert.Equal(expected(numbers, t, d), y[t * 6 + d], 1e-12);
        }
    }

    [Fact]
    public void Experts_use_the_weights_of_their_index()
    {
        ModelGraph graph = Described.Block("""
            s[t,e]      = x[t,d] * g.weight[e,d]
            chosen[t,k] = top_k[e](s[t,e])
            y[t,d]      = s[t,chosen[t,k]] * experts[chosen[t,k]].Unit(x[t,d], width f)
            """, others: """
            block Unit(x[t,d], width j) -> y[t,d] {
              a[t,j] = silu(x[t,d] * up.weight[j,d])
              y[t,d] = a[t,j] * down.weight[d,j]
            }
            """);
        var a = new Numbers(graph);
        double[] y = new GraphEvaluator(graph, a).Run(s_tokens).Outputs["y"].Numbers;
        for (int t = 0; t < s_tokens.Length; t++)
        {
            for (int d = 0; d < 6; d++)
            {
                double wanted = a.Best(t).Sum(e => a.Score(t, e) * a.Sum(5, j =>
                {
                    double up = a.Sum(6, i => a.X(t, i) * a.W($"experts.{e}.up", j, i));
                    return up / (1 + Math.Exp(-up)) * a.W($"experts.{e}.down", d, j);
                }));
                Assert.Equal(wanted, y[t * 6 + d], 1e-12);
            }
        }
    }

    [Fact]
    public void Attention_sees_its_own_and_earlier_positions_only()
    {
        ModelGraph graph = Described.Block("""
            l[t,r]       = x[t,d] * a.weight[r,d]
            cache key[s,r] = rope(l[t,r])
            p[t,s]       = softmax[s](causal(rope(l[t,r]) * key[s,r]))
            y[t,d]       = p[t,s] * key[s,r] * b.weight[d,r]
            """);
        var a = new Numbers(graph);
        double[] y = new GraphEvaluator(graph, a).Run(s_tokens).Outputs["y"].Numbers;
        double[][] keys = [.. Enumerable.Range(0, 3).Select(t =>
        {
            double[] l = [.. Enumerable.Range(0, 4).Select(r => a.Sum(6, i => a.X(t, i) * a.W("a", r, i)))];
            return Enumerable.Range(0, 4).Select(r =>
            {
                double angle = t * Math.Pow(100, -(r / 2) * 2 / 4.0);
                return r % 2 == 0 ? l[r] * Math.Cos(angle) - l[r + 1] * Math.Sin(angle) : l[r] * Math.Cos(angle) + l[r - 1] * Math.Sin(angle);
            }).ToArray();
        })];
        for (int t = 0; t < 3; t++)
        {
            double[] p = [.. Enumerable.Range(0, t + 1).Select(s => Math.Exp(keys[t].Zip(keys[s], (q, k) => q * k).Sum()))];
            for (int d = 0; d < 6; d++)
                Assert.Equal(Enumerable.Range(0, t + 1).Sum(s => p[s] / p.Sum() * a.Sum(4, r => keys[s][r] * a.W("b", d, r))), y[t * 6 + d], 1e-12);
        }
    }

    [Theory]
    [InlineData("max", "keep: 1", new[] { 0, 1 })]
    [InlineData("top2_sum", "keep: 1", new[] { 2, 3 })]
    [InlineData("top2_sum", "keep: 2", new[] { 0, 3 })]
    public void Groups_limit_the_choice(string score, string keep, int[] chosen)
    {
        ModelGraph graph = Described.Block($"""
            s[t,e]      = 0*(x[t,d] * z.weight[d]) + bias.weight[e]
            chosen[t,k] = top_k[e](s[t,e], groups: 2, {keep}, group_score: {score})
            trace chosen = chosen[t,k]
            y[t,d]      = x[t,d]
            """);
        var numbers = new Numbers(graph);
        new[] { 0.9, 0.1, 0.5, 0.7 }.CopyTo(numbers.Find("block.bias.weight")!.Numbers, 0);
        Evaluation result = new GraphEvaluator(graph, numbers).Run(s_tokens);
        Assert.Equal(chosen, result.Traced("chosen", -1).Integers[..2].Order());
    }

    /// <summary>Weights of every tensor that a graph reads, from a fixed sequence of numbers.</summary>
    private sealed class Numbers : IWeightSource
    {
        private readonly Dictionary<string, StoredTensor> _tensors = [];

        public Numbers(ModelGraph graph)
        {
            var random = new Random(7);
            foreach (WeightTensor tensor in graph.Main.SelectMany(region => region.Graph.Nodes).OfType<Weight>().Select(weight => weight.Tensor).Distinct())
            {
                foreach (int expert in Enumerable.Range(0, Math.Max(1, tensor.Experts)))
                {
                    int count = tensor.Shape.Aggregate(1, (product, size) => product * size);
                    double[] numbers = [.. Enumerable.Range(0, count).Select(_ => Math.Round(random.NextDouble() * 2 - 1, 3))];
                    _tensors[tensor.Name.Replace("{expert}", $"{expert}")] = new StoredTensor("F64", [.. tensor.Shape], numbers);
                }
            }
        }

        public StoredTensor? Find(string name) => _tensors.GetValueOrDefault(name);

        public double X(int t, int d) => _tensors["model.embed.weight"].Numbers[s_tokens[t] * 6 + d];

        public double[] Row(int t) => [.. Enumerable.Range(0, 6).Select(d => X(t, d))];

        public double W(string name, params int[] place)
        {
            StoredTensor tensor = _tensors[$"block.{name}.weight"];
            int at = 0;
            for (int i = 0; i < place.Length; i++) at = at * tensor.Shape[i] + place[i];
            return tensor.Numbers[at];
        }

        public double Score(int t, int e) => Sum(6, d => X(t, d) * W("g", e, d));

        public int[] Best(int t) => [.. Enumerable.Range(0, 4).OrderByDescending(e => Score(t, e)).Take(2)];

        public double Sum(int count, Func<int, double> term) => Enumerable.Range(0, count).Sum(term);
    }
}
