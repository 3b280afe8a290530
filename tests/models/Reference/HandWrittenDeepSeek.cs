using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Sinter.Compiler;
using Sinter.Compiler.Graph;

namespace Sinter.Models.Tests.Reference;

/// <summary>
/// DeepSeek-V3 in the tensor algebra, written node by node from the report (arXiv 2412.19437, sections 2.1 and 2.2), without
/// the language. It shows that the reference evaluator agrees with other programs, so that a front end can be held against it.
/// </summary>
internal sealed class HandWrittenDeepSeek
{
    private static readonly Axis s_t = new("t", 0, Extent.Tokens);
    private static readonly Axis s_s = new("s", 0, Extent.Positions);
    private static readonly Scalar s_sum = Two(BinaryOperator.Add, new Argument(0), new Argument(1));
    private static readonly Scalar s_product = Two(BinaryOperator.Multiply, new Argument(0), new Argument(1));

    private readonly JsonElement _config;
    private readonly Axis _v, _h, _n, _r, _u, _q, _c, _e, _k;
    private readonly int _layers, _dense;
    private readonly RotaryTable _rotary;
    private readonly double _scale;
    private Axis _d;
    private List<Node> _nodes = [];
    private List<Trace> _traces = [];

    private HandWrittenDeepSeek(JsonElement config)
    {
        _config = config;
        (_v, _d, _h) = (Axis("v", "vocab_size"), Axis("d", "hidden_size"), Axis("h", "num_attention_heads"));
        (_n, _r, _u) = (Axis("n", "qk_nope_head_dim"), Axis("r", "qk_rope_head_dim"), Axis("u", "v_head_dim"));
        (_q, _c) = (Axis("q", "q_lora_rank"), Axis("c", "kv_lora_rank"));
        (_e, _k) = (Axis("e", "n_routed_experts"), Axis("k", "num_experts_per_tok"));
        (_layers, _dense) = (Whole("num_hidden_layers"), Whole("first_k_dense_replace"));
        (_rotary, _scale) = Rotary();
    }

    public static ModelGraph Build(string config) => new HandWrittenDeepSeek(JsonDocument.Parse(config).RootElement).Build();

    private ModelGraph Build()
    {
        Region embedding = Region("embedding", -1, 0, () =>
        {
            int x = Row("model.embed_tokens.weight", Input("token", s_t), null);
            _traces.Add(new Trace("hidden", x));
            return [("x", x)];
        });
        Region dense = Region("dense layers", 0, _dense, () => [("x", Layer(Input("x", s_t, _d), isDense: true))]);
        Region sparse = Region("layers of experts", _dense, _layers, () => [("x", Layer(Input("x", s_t, _d), isDense: false))]);
        Region head = Region("head", -1, 0, () =>
        {
            int hidden = Norm(Input("x", s_t, _d), _d, "model.norm.weight");
            return [("hidden", hidden), ("logits", Linear("logits", [s_t, _v], hidden, "lm_head.weight", _v, _d))];
        });
        Region prediction = Region("prediction", _layers, _layers + 1, Prediction);
        return new ModelGraph(
            "HandWritten", "DeepSeekV3", new[] { "deepseek_v3" }.ToEquatable(),
            new[] { new Binding("max_position_embeddings", $"{Whole("max_position_embeddings")}") }.ToEquatable(), _layers, new[] { embedding, dense, sparse, head }.ToEquatable(),
            Whole("num_nextn_predict_layers") > 0 ? prediction : null,
            new[] { new CacheSpecification("latent", _c.Size), new CacheSpecification("key", _r.Size) }.ToEquatable());
    }

    /// <summary>Section 2.2: [embedding of the next token ; hidden state] · eh_proj, then a layer and the head.</summary>
    private (string, int)[] Prediction()
    {
        int hidden = Norm(Input("hidden", s_t, _d), _d, "model.layers.{layer}.hnorm.weight");
        int next = Norm(
            Row("model.layers.{layer}.embed_tokens.weight", Input("next", s_t), "model.embed_tokens.weight"), _d, "model.layers.{layer}.enorm.weight");

        // eh_proj sums d, so what it makes has a name of its own; the layer is written on that.
        (Axis summed, Axis made) = (_d, new Axis("d2", _d.Size));
        var both = new WeightTensor("model.layers.{layer}.eh_proj.weight", Shape(made.Size, 2 * summed.Size));
        int Half(string name, int x, int offset) => Contract(
            name, [s_t, made], x, Add(new Weight(name, Axes(made, summed), both, offset, Shape(2 * summed.Size, 1))));
        int x = Map("x", [s_t, made], s_sum, Half("left", next, 0), Half("right", hidden, summed.Size));

        _d = made;
        const string head = "model.layers.{layer}.shared_head.";
        int normed = Norm(Layer(x, isDense: false), _d, head + "norm.weight");
        var table = new WeightTensor(head + "head.weight", Shape(_v.Size, _d.Size), Otherwise: "lm_head.weight");
        int logits = Contract("logits", [s_t, _v], normed, Add(new Weight("head", Axes(_v, _d), table, 0, Shape(_d.Size, 1))));
        _d = summed;
        return [("logits", logits)];
    }

    private int Layer(int x, bool isDense)
    {
        const string layer = "model.layers.{layer}.";
        int a = Map("a", [s_t, _d], s_sum, x, Attention(Norm(x, _d, layer + "input_layernorm.weight"), layer + "self_attn."));
        int m = Norm(a, _d, layer + "post_attention_layernorm.weight");
        int y = Map("y", [s_t, _d], s_sum, a, isDense ? SwiGlu(m, layer + "mlp.", Axis("i", "intermediate_size")) : Experts(m, layer + "mlp."));
        _traces.Add(new Trace("hidden", y));
        return y;
    }

    /// <summary>Equations 1 to 11, in the order that expands keys and values.</summary>
    private int Attention(int x, string prefix)
    {
        int rows = _n.Size + _r.Size;
        bool hasLatentQuery = _config.GetProperty("q_lora_rank").ValueKind != JsonValueKind.Null;
        Axis depth = hasLatentQuery ? _q : _d;
        int a = hasLatentQuery
            ? Norm(Linear("a", [s_t, _q], x, prefix + "q_a_proj.weight", _q, _d), _q, prefix + "q_a_layernorm.weight")
            : x;
        var wq = new WeightTensor(prefix + (hasLatentQuery ? "q_b_proj.weight" : "q_proj.weight"), Shape(_h.Size * rows, depth.Size));
        int[] strides = [rows * depth.Size, depth.Size, 1];
        int qn = Contract("qn", [s_t, _h, _n], a, Add(new Weight("wqn", Axes(_h, _n, depth), wq, 0, Shape(strides))));
        int qr = Contract("qr", [s_t, _h, _r], a, Add(new Weight("wqr", Axes(_h, _r, depth), wq, _n.Size * depth.Size, Shape(strides))));
        qr = Add(new Rotary("qr", Axes(s_t, _h, _r), qr, _r, _rotary));

        var wkv = new WeightTensor(prefix + "kv_a_proj_with_mqa.weight", Shape(_c.Size + _r.Size, _d.Size));
        int l = Contract("l", [s_t, _c], x, Add(new Weight("wl", Axes(_c, _d), wkv, 0, Shape(_d.Size, 1))));
        int kr = Contract("kr", [s_t, _r], x, Add(new Weight("wkr", Axes(_r, _d), wkv, _c.Size * _d.Size, Shape(_d.Size, 1))));
        int latent = Add(new Cached("latent", Axes(s_s, _c), Norm(l, _c, prefix + "kv_a_layernorm.weight"), "latent"));
        int key = Add(new Cached("key", Axes(s_s, _r), Add(new Rotary("kr", Axes(s_t, _r), kr, _r, _rotary)), "key"));

        int both = _n.Size + _u.Size;
        var wb = new WeightTensor(prefix + "kv_b_proj.weight", Shape(_h.Size * both, _c.Size));
        int kn = Contract("kn", [s_s, _h, _n], latent, Add(new Weight("wk", Axes(_h, _n, _c), wb, 0, Shape(both * _c.Size, _c.Size, 1))));
        int val = Contract("val", [s_s, _h, _u], latent, Add(new Weight("wv", Axes(_h, _u, _c), wb, _n.Size * _c.Size, Shape(both * _c.Size, _c.Size, 1))));

        int content = Contract("content", [s_t, _h, s_s], qn, kn);
        int position = Contract("position", [s_t, _h, s_s], qr, key);
        int score = Map("score", [s_t, _h, s_s], Two(BinaryOperator.Multiply, s_sum, new Constant(_scale)), content, position);
        int p = Add(new Softmax("p", Axes(s_t, _h, s_s), Add(new Causal("masked", Axes(s_t, _h, s_s), score)), s_s));
        int o = Contract("o", [s_t, _h, _u], p, val);
        var wo = new WeightTensor(prefix + "o_proj.weight", Shape(_d.Size, _h.Size * _u.Size));
        return Contract("attention", [s_t, _d], o, Add(new Weight("wo", Axes(_d, _h, _u), wo, 0, Shape(_h.Size * _u.Size, _u.Size, 1))));
    }

    private int SwiGlu(int x, string prefix, Axis f)
    {
        int gate = Linear("gate", [s_t, f], x, prefix + "gate_proj.weight", f, _d);
        int up = Linear("up", [s_t, f], x, prefix + "up_proj.weight", f, _d);
        return Linear("down", [s_t, _d], Gated([s_t, f], gate, up), prefix + "down_proj.weight", _d, f);
    }

    /// <summary>Equations 12 to 16.</summary>
    private int Experts(int x, string prefix)
    {
        Axis f = Axis("f", "moe_intermediate_size");
        int logits = Linear("router", [s_t, _e], x, prefix + "gate.weight", _e, _d);
        int s = Map("s", [s_t, _e], new Unary(UnaryOperator.Sigmoid, new Argument(0)), logits);
        int biased = Map("biased", [s_t, _e], s_sum, s, Vector(prefix + "gate.e_score_correction_bias", _e));
        int chosen = Add(new Choose("chosen", Axes(s_t, _k), biased, _e, Whole("n_group"), Whole("topk_group"), GroupScore.Top2Sum));
        int taken = Add(new Take("taken", Axes(s_t, _k), s, chosen, _e));
        int sum = Add(new Reduce("sum", Axes(s_t), Reduction.Sum, taken, _k));
        Scalar share = Two(BinaryOperator.Multiply, Two(BinaryOperator.Divide, new Argument(0), new Argument(1)), new Constant(_config.GetProperty("routed_scaling_factor").GetDouble()));
        int w = Map("w", [s_t, _k], share, taken, sum);
        _traces.AddRange([new Trace("router.logits", logits), new Trace("router.topk_idx", chosen), new Trace("router.topk_weight", w)]);

        int gate = Contract("gates", [s_t, _k, f], x, Expert(prefix, "gate_proj", f, _d, chosen));
        int up = Contract("ups", [s_t, _k, f], x, Expert(prefix, "up_proj", f, _d, chosen));
        int act = Gated([s_t, _k, f], gate, up);
        int routed = Contract("routed", [s_t, _d], w, act, Expert(prefix, "down_proj", _d, f, chosen));
        var g = new Axis("g", Whole("n_shared_experts") * f.Size);
        return Map("experts", [s_t, _d], s_sum, routed, SwiGlu(x, prefix + "shared_experts.", g));
    }

    private int Expert(string prefix, string name, Axis rows, Axis columns, int chosen) => Add(new Weight(
        name, Axes(s_t, _k, rows, columns),
        new WeightTensor($"{prefix}experts.{{expert}}.{name}.weight", Shape(rows.Size, columns.Size), _e.Size), 0, Shape(0, 0, columns.Size, 1), chosen));

    private int Gated(Axis[] axes, int gate, int up) =>
        Map("act", axes, Two(BinaryOperator.Multiply, new Unary(UnaryOperator.Silu, new Argument(0)), new Argument(1)), gate, up);

    private int Norm(int x, Axis axis, string weight)
    {
        int square = Map("square", [s_t, axis], Two(BinaryOperator.Multiply, new Argument(0), new Argument(0)), x);
        int mean = Add(new Reduce("mean", Axes(s_t), Reduction.Mean, square, axis));
        var epsilon = new Constant(_config.GetProperty("rms_norm_eps").GetDouble());
        Scalar scaled = Two(BinaryOperator.Multiply, new Argument(0), new Unary(UnaryOperator.Rsqrt, Two(BinaryOperator.Add, new Argument(1), epsilon)));
        return Map("normed", [s_t, axis], Two(BinaryOperator.Multiply, scaled, new Argument(2)), x, mean, Vector(weight, axis));
    }

    private int Linear(string name, Axis[] axes, int x, string weight, Axis rows, Axis columns) => Contract(
        name, axes, x, Add(new Weight(weight, Axes(rows, columns), new WeightTensor(weight, Shape(rows.Size, columns.Size)), 0, Shape(columns.Size, 1))));

    private int Vector(string name, Axis axis) => Add(new Weight(name, Axes(axis), new WeightTensor(name, Shape(axis.Size)), 0, Shape(1)));

    private int Row(string name, int index, string? otherwise) => Add(new Weight(
        name, Axes(s_t, _d), new WeightTensor(name, Shape(_v.Size, _d.Size), Otherwise: otherwise), 0, Shape(0, 1), index, _d.Size));

    /// <summary>Angles and the softmax scale; YaRN as DeepSeek's model.py has it (precompute_freqs_cis and mscale).</summary>
    private (RotaryTable, double) Rotary()
    {
        double theta = _config.GetProperty("rope_theta").GetDouble();
        double[] frequencies = [.. Enumerable.Range(0, _r.Size / 2).Select(i => Math.Pow(theta, -2.0 * i / _r.Size))];
        double scale = 1 / Math.Sqrt(_n.Size + _r.Size);
        if (_config.TryGetProperty("rope_scaling", out JsonElement yarn) && yarn.ValueKind == JsonValueKind.Object)
        {
            double Correction(double rotations) => _r.Size
                * Math.Log(yarn.GetProperty("original_max_position_embeddings").GetDouble() / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta));
            double factor = yarn.GetProperty("factor").GetDouble();
            double low = Math.Max(Math.Floor(Correction(yarn.GetProperty("beta_fast").GetDouble())), 0);
            double high = Math.Min(Math.Ceiling(Correction(yarn.GetProperty("beta_slow").GetDouble())), _r.Size - 1);
            frequencies = [.. frequencies.Select((frequency, i) =>
            {
                double ramp = Math.Clamp((i - low) / (high - low), 0, 1);
                return frequency / factor * ramp + frequency * (1 - ramp);
            })];
            double magnitude = 0.1 * yarn.GetProperty("mscale_all_dim").GetDouble() * Math.Log(factor) + 1;
            scale *= magnitude * magnitude;
        }

        return (new RotaryTable(_r.Size, frequencies.ToEquatable(), 1), scale);
    }

    private Region Region(string name, int first, int end, Func<(string Name, int Node)[]> build)
    {
        (_nodes, _traces) = ([], []);
        (string Name, int Node)[] outputs = build();
        return new Region(name, first, end, new TensorGraph(
            _nodes.ToEquatable(), outputs.Select(output => new Output(output.Name, output.Node)).ToEquatable(), _traces.ToEquatable()));
    }

    private int Input(string name, params Axis[] axes) => Add(new Input(name, axes.ToEquatable(), IsIndex: axes.Length == 1));

    private int Contract(string name, Axis[] axes, params int[] factors) => Add(new Contract(name, axes.ToEquatable(), factors.ToEquatable()));

    private int Map(string name, Axis[] axes, Scalar function, params int[] inputs) => Add(new Map(name, axes.ToEquatable(), function, inputs.ToEquatable()));

    private int Add(Node node)
    {
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    private Axis Axis(string name, string setting) =>
        new(name, _config.GetProperty(setting).ValueKind == JsonValueKind.Null ? 0 : Whole(setting));

    private int Whole(string setting) => _config.GetProperty(setting).GetInt32();

    private static Scalar Two(BinaryOperator operation, Scalar left, Scalar right) => new Binary(operation, left, right);

    private static EquatableArray<Axis> Axes(params Axis[] axes) => axes.ToEquatable();

    private static EquatableArray<int> Shape(params int[] sizes) => sizes.ToEquatable();
}
