using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Tests.Reports;

/// <summary>
/// A model small enough to count by hand: v = 10, d = 4, two layers of latent attention (2 heads of width 3, latent 5), the
/// first dense (6), the second with 8 experts of width 2, two chosen, and one shared expert of width 3.
/// </summary>
internal static class HandMadeModel
{
    private static readonly Axis s_t = new("t", 0, Extent.Tokens);
    private static readonly Axis s_s = new("s", 0, Extent.Positions);
    private static readonly Axis s_v = new("v", 10);
    private static readonly Axis s_d = new("d", 4);
    private static readonly Axis s_h = new("h", 2);
    private static readonly Axis s_n = new("n", 3);
    private static readonly Axis s_c = new("c", 5);
    private static readonly Axis s_e = new("e", 8);
    private static readonly Axis s_k = new("k", 2);

    public static ModelGraph Build() => new(
        "HandMade",
        "HandMade",
        EquatableArray.ToEquatable<string>([]),
        EquatableArray.ToEquatable<Graph.Binding>([]),
        Layers: 2,
        EquatableArray.ToEquatable([Embedding(), Layer("dense", 0, false), Layer("experts", 1, true), Head()]),
        Prediction(),
        EquatableArray.ToEquatable([new CacheSpecification("latent", 5)]));

    private static Region Embedding()
    {
        var nodes = new Nodes();
        int token = nodes.Add(new Input("token", Axes(s_t), IsIndex: true));
        int x = nodes.Embed("embed.weight", token, null);
        return nodes.Region("embedding", -1, 0, ("x", x));
    }

    private static Region Layer(string name, int layer, bool hasExperts)
    {
        var nodes = new Nodes();
        int x = nodes.Add(new Input("x", Axes(s_t, s_d), IsIndex: false));
        return nodes.Region(name, layer, layer + 1, ("x", AddLayer(nodes, x, hasExperts)));
    }

    private static Region Head()
    {
        var nodes = new Nodes();
        int x = nodes.Add(new Input("x", Axes(s_t, s_d), IsIndex: false));
        int normed = nodes.Contract("normed", [s_t, s_d], x, nodes.Weight("norm.weight", [s_d]));
        int logits = nodes.Contract("logits", [s_t, s_v], normed, nodes.Weight("head.weight", [s_v, s_d]));
        return nodes.Region("head", -1, 0, ("hidden", normed), ("logits", logits));
    }

    private static Region Prediction()
    {
        var nodes = new Nodes();
        int hidden = nodes.Add(new Input("hidden", Axes(s_t, s_d), IsIndex: false));
        int next = nodes.Add(new Input("next", Axes(s_t), IsIndex: true));
        int embedded = nodes.Embed("layers.{layer}.embed.weight", next, "embed.weight");
        int joined = nodes.Contract("joined", [s_t, new Axis("d2", 4)], embedded, hidden, nodes.Weight("layers.{layer}.join.weight", [new Axis("d2", 4), s_d]));
        int y = AddLayer(nodes, joined, hasExperts: true);
        int logits = nodes.Contract("logits", [s_t, s_v], y, nodes.Weight("layers.{layer}.head.weight", [s_v, s_d], otherwise: "head.weight"));
        return nodes.Region("prediction", 2, 3, ("logits", logits));
    }

    private static int AddLayer(Nodes nodes, int x, bool hasExperts)
    {
        int normed = nodes.Contract("normed", [s_t, s_d], x, nodes.Weight("layers.{layer}.norm.weight", [s_d]));
        int q = nodes.Contract("q", [s_t, s_h, s_n], normed, nodes.Weight("layers.{layer}.q.weight", [s_h, s_n, s_d]));
        int l = nodes.Contract("l", [s_t, s_c], normed, nodes.Weight("layers.{layer}.down.weight", [s_c, s_d]));
        int latent = nodes.Add(new Cached("latent", Axes(s_s, s_c), l, "latent"));
        int key = nodes.Contract("key", [s_s, s_h, s_n], latent, nodes.Weight("layers.{layer}.key.weight", [s_h, s_n, s_c]));
        int value = nodes.Contract("value", [s_s, s_h, s_n], latent, nodes.Weight("layers.{layer}.value.weight", [s_h, s_n, s_c]));
        int score = nodes.Contract("score", [s_t, s_h, s_s], q, key);
        int p = nodes.Add(new Softmax("p", Axes(s_t, s_h, s_s), score, s_s));
        int o = nodes.Contract("o", [s_t, s_h, s_n], p, value);
        int attended = nodes.Contract("attended", [s_t, s_d], o, nodes.Weight("layers.{layer}.o.weight", [s_d, s_h, s_n]));
        int a = nodes.Sum("a", x, attended);
        if (!hasExperts) return nodes.Sum("y", a, FeedForward(nodes, a, "mlp", 6));

        int scores = nodes.Contract("scores", [s_t, s_e], a, nodes.Weight("layers.{layer}.router.weight", [s_e, s_d]));
        int biased = nodes.Sum("biased", scores, nodes.Weight("layers.{layer}.router.bias", [s_e]));
        int chosen = nodes.Add(new Choose("chosen", Axes(s_t, s_k), biased, s_e));
        var f = new Axis("f", 2);
        int up = nodes.Contract("up", [s_t, s_k, f], a, nodes.Expert("layers.{layer}.experts.{expert}.up.weight", chosen, [f, s_d]));
        int down = nodes.Contract("down", [s_t, s_d], up, nodes.Expert("layers.{layer}.experts.{expert}.down.weight", chosen, [s_d, f]));
        return nodes.Sum("y", nodes.Sum("routed", a, down), FeedForward(nodes, a, "shared", 3));
    }

    private static int FeedForward(Nodes nodes, int x, string name, int width)
    {
        var f = new Axis("g", width);
        int up = nodes.Contract("up", [s_t, f], x, nodes.Weight($"layers.{{layer}}.{name}.up.weight", [f, s_d]));
        return nodes.Contract("down", [s_t, s_d], up, nodes.Weight($"layers.{{layer}}.{name}.down.weight", [s_d, f]));
    }

    private static EquatableArray<Axis> Axes(params Axis[] axes) => axes.ToEquatable();

    /// <summary>A graph as it grows.</summary>
    private sealed class Nodes
    {
        private readonly List<Node> _nodes = [];

        public int Add(Node node)
        {
            _nodes.Add(node);
            return _nodes.Count - 1;
        }

        public int Contract(string name, Axis[] axes, params int[] factors) => Add(new Contract(name, Axes(axes), factors.ToEquatable()));

        public int Sum(string name, int left, int right) => Add(new Map(
            name, _nodes[left].Axes, new Binary(BinaryOperator.Add, new Argument(0), new Argument(1)), new[] { left, right }.ToEquatable()));

        public int Weight(string name, Axis[] axes, string? otherwise = null) =>
            Add(new Weight(name, Axes(axes), new WeightTensor(name, Shape(axes), 0, otherwise), 0, Shape(axes)));

        public int Expert(string name, int chosen, Axis[] axes) => Add(new Weight(
            name, Axes([s_t, s_k, .. axes]), new WeightTensor(name, Shape(axes), s_e.Size), 0, Shape(axes), chosen));

        public int Embed(string name, int token, string? otherwise) => Add(new Weight(
            name, Axes(s_t, s_d), new WeightTensor(name, Shape([s_v, s_d]), 0, otherwise), 0, Shape([s_t, s_d]), token, s_d.Size));

        public Region Region(string name, int first, int end, params (string Name, int Node)[] outputs) => new(
            name,
            first,
            end,
            new TensorGraph(_nodes.ToEquatable(), outputs.Select(output => new Output(output.Name, output.Node)).ToEquatable(), default));

        /// <summary>At most two: heads and their entries are one dimension of the stored tensor.</summary>
        private static EquatableArray<int> Shape(Axis[] axes) => axes.Length == 3 && axes[0] == s_d
            ? new[] { axes[0].Size, axes[1].Size * axes[2].Size }.ToEquatable()
            : axes.Length == 3 ? new[] { axes[0].Size * axes[1].Size, axes[2].Size }.ToEquatable()
            : axes.Select(axis => axis.Size).ToEquatable();
    }
}
