using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;

namespace Sinter.Compiler.Tests.Passes;

/// <summary>Small graphs written node by node.</summary>
internal sealed class Sketch
{
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<string, Axis> _axes = [];

    public Sketch(params (string Name, int Size)[] sizes)
    {
        _axes["t"] = new Axis("t", 0, Extent.Tokens);
        _axes["s"] = new Axis("s", 0, Extent.Positions);
        foreach ((string name, int size) in sizes) _axes[name] = new Axis(name, size);
    }

    public EquatableArray<Axis> Axes(string names) => names.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(name => _axes[name]).ToEquatable();

    public Axis Axis(string name) => _axes[name];

    public int Add(Node node)
    {
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    public int Input(string name, string axes, bool isIndex = false) => Add(new Input(name, Axes(axes), isIndex));

    /// <summary>A stored tensor with the axes in their stored order.</summary>
    public int Weight(string name, string axes) => View(name, Axes(axes).Select(axis => axis.Size).ToArray(), axes, 0, Strides(Axes(axes)));

    public int View(string name, int[] shape, string axes, int offset, int[] strides) =>
        Add(new Weight(name, Axes(axes), new WeightTensor(name, shape.ToEquatable()), offset, strides.ToEquatable()));

    public int Product(string name, string axes, params int[] factors) => Add(new Contract(name, Axes(axes), factors.ToEquatable()));

    public int Map(string name, string axes, Scalar function, params int[] inputs) => Add(new Map(name, Axes(axes), function, inputs.ToEquatable()));

    public TensorGraph Graph(params (string Name, int Node)[] outputs) =>
        new(_nodes.ToEquatable(), outputs.Select(output => new Output(output.Name, output.Node)).ToEquatable(), default);

    /// <summary>
    /// Latent attention without its norms: the report's equations 1 to 11 on axes of the given sizes, from queries and a
    /// latent that are there already.
    /// </summary>
    public static TensorGraph LatentAttention(int h, int n, int r, int u, int c, int q, int d)
    {
        var sketch = new Sketch(("h", h), ("n", n), ("r", r), ("u", u), ("c", c), ("q", q), ("d", d));
        int a = sketch.Input("a", "t,q");
        int qr = sketch.Input("qr", "t,h,r");
        int l = sketch.Input("l", "t,c");
        int kr = sketch.Input("kr", "t,r");
        int wq = sketch.Weight("q_b_proj.weight", "h,n,q");
        int[] shape = [h * (n + u), c];
        int wk = sketch.View("kv_b_proj.weight", shape, "h,n,c", 0, [(n + u) * c, c, 1]);
        int wv = sketch.View("kv_b_proj.weight", shape, "h,u,c", n * c, [(n + u) * c, c, 1]);
        int wo = sketch.Weight("o_proj.weight", "d,h,u");

        int qn = sketch.Product("qn", "t,h,n", a, wq);
        int latent = sketch.Add(new Cached("latent", sketch.Axes("s,c"), l, "latent"));
        int key = sketch.Add(new Cached("key", sketch.Axes("s,r"), kr, "key"));
        int kn = sketch.Product("kn", "s,h,n", latent, wk);
        int val = sketch.Product("val", "s,h,u", latent, wv);
        int content = sketch.Product("content", "t,h,s", qn, kn);
        int position = sketch.Product("position", "t,h,s", qr, key);
        var scaled = new Binary(BinaryOperator.Multiply, new Binary(BinaryOperator.Add, new Argument(0), new Argument(1)), new Constant(0.25));
        int score = sketch.Map("score", "t,h,s", scaled, content, position);
        int masked = sketch.Add(new Causal("masked", sketch.Axes("t,h,s"), score));
        int p = sketch.Add(new Softmax("p", sketch.Axes("t,h,s"), masked, sketch.Axis("s")));
        int o = sketch.Product("o", "t,h,u", p, val);
        int y = sketch.Product("y", "t,d", o, wo);
        return sketch.Graph(("y", y));
    }

    public static IReadOnlyDictionary<string, NamedArray> RandomInputs(TensorGraph graph, int tokens, int seed)
    {
        var random = new Random(seed);
        return graph.Nodes.OfType<Input>().ToDictionary(input => input.Name, input =>
        {
            int[] sizes = [.. input.Axes.Select(axis => axis.Extent == Extent.Tokens ? tokens : axis.Size)];
            int count = sizes.Aggregate(1, (product, size) => product * size);
            return new NamedArray([.. input.Axes.Select(axis => axis.Name)], sizes, [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() - 0.5)]);
        });
    }

    /// <summary>Runs a graph on a sequence in two steps, so that the cache is read as well as written; gives the second step's output.</summary>
    public static double[] Evaluate(TensorGraph graph, string output, int first = 3, int second = 2)
    {
        var weights = new RandomWeights(graph);
        var caches = new CacheStore();
        new NodeReference(weights, caches, 0, 0, first).Evaluate(graph, RandomInputs(graph, first, seed: 1));
        IReadOnlyList<NamedArray> values = new NodeReference(weights, caches, 0, first, second).Evaluate(graph, RandomInputs(graph, second, seed: 2));
        return values[graph.Outputs.Single(candidate => candidate.Name == output).Node].Numbers;
    }

    private static int[] Strides(EquatableArray<Axis> axes) =>
        [.. axes.Select((_, i) => axes.Skip(i + 1).Aggregate(1, (product, axis) => product * axis.Size))];

    private sealed class RandomWeights(TensorGraph graph) : IWeightSource
    {
        public StoredTensor? Find(string name)
        {
            Weight? weight = graph.Nodes.OfType<Weight>().FirstOrDefault(weight => weight.Tensor.Name == name);
            if (weight is null) return null;
            var random = new Random(name.Length * 31 + name[0]);
            int count = weight.Tensor.Shape.Aggregate(1, (product, size) => product * size);
            return new StoredTensor("F32", [.. weight.Tensor.Shape], [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() - 0.5)]);
        }
    }
}
