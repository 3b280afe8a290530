using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Tests;

/// <summary>Model descriptions written by hand, as generated code would hold them.</summary>
internal static class DescriptionOf
{
    public static ModelDescription Nothing { get; } = new()
    {
        Name = "Nothing",
        Architecture = "Nothing",
        ModelTypes = [],
        Config = new Dictionary<string, object?>(),
        VocabularySize = 1,
        HiddenSize = 1,
        Layers = 0,
        MaxPositions = 1,
        Weights = [],
        Caches = [],
        CachedLayers = 0,
        Rotaries = [],
        TokenBytes = 0,
        PositionBytes = 0,
        FixedBytes = 0,
        ScratchBytes = 0,
        Predicts = false,
    };

    /// <summary>DeepSeek-V3's weights in the sizes that a checkpoint's config.json states.</summary>
    public static ModelDescription DeepSeekV3(string folder)
    {
        ModelConfig config = ModelConfig.Load(folder);
        int Size(string name) => Convert.ToInt32(config.Values[name], CultureInfo.InvariantCulture);
        int hidden = Size("hidden_size"), vocabulary = Size("vocab_size"), heads = Size("num_attention_heads");
        int nope = Size("qk_nope_head_dim"), rope = Size("qk_rope_head_dim"), value = Size("v_head_dim"), latent = Size("kv_lora_rank");
        int layers = Size("num_hidden_layers"), dense = Size("first_k_dense_replace"), experts = Size("n_routed_experts");
        int width = Size("moe_intermediate_size"), shared = width * Size("n_shared_experts"), predicted = Size("num_nextn_predict_layers");
        var weights = new List<WeightDeclaration>();
        int slot = 0;

        void Add(string name, int[] shape, int first, int count, int expertCount = 0, string? otherwise = null)
        {
            weights.Add(new(name, shape, first, count, expertCount, slot, otherwise, first == layers));
            slot += count * Math.Max(expertCount, 1);
        }

        void AddLayers(int first, int count, bool isDense)
        {
            const string Layer = "model.layers.{layer}.";
            Add(Layer + "input_layernorm.weight", [hidden], first, count);
            Add(Layer + "post_attention_layernorm.weight", [hidden], first, count);
            if (config.Values["q_lora_rank"] is long query)
            {
                Add(Layer + "self_attn.q_a_proj.weight", [(int)query, hidden], first, count);
                Add(Layer + "self_attn.q_a_layernorm.weight", [(int)query], first, count);
                Add(Layer + "self_attn.q_b_proj.weight", [heads * (nope + rope), (int)query], first, count);
            }
            else
            {
                Add(Layer + "self_attn.q_proj.weight", [heads * (nope + rope), hidden], first, count);
            }

            Add(Layer + "self_attn.kv_a_proj_with_mqa.weight", [latent + rope, hidden], first, count);
            Add(Layer + "self_attn.kv_a_layernorm.weight", [latent], first, count);
            Add(Layer + "self_attn.kv_b_proj.weight", [heads * (nope + value), latent], first, count);
            Add(Layer + "self_attn.o_proj.weight", [hidden, heads * value], first, count);
            if (isDense)
            {
                AddFeedForward(Layer + "mlp.", Size("intermediate_size"), first, count, 0);
                return;
            }

            Add(Layer + "mlp.gate.weight", [experts, hidden], first, count);
            Add(Layer + "mlp.gate.e_score_correction_bias", [experts], first, count);
            AddFeedForward(Layer + "mlp.experts.{expert}.", width, first, count, experts);
            AddFeedForward(Layer + "mlp.shared_experts.", shared, first, count, 0);
        }

        void AddFeedForward(string prefix, int inner, int first, int count, int expertCount)
        {
            Add(prefix + "gate_proj.weight", [inner, hidden], first, count, expertCount);
            Add(prefix + "up_proj.weight", [inner, hidden], first, count, expertCount);
            Add(prefix + "down_proj.weight", [hidden, inner], first, count, expertCount);
        }

        Add("model.embed_tokens.weight", [vocabulary, hidden], 0, 1);
        Add("model.norm.weight", [hidden], 0, 1);
        Add("lm_head.weight", [vocabulary, hidden], 0, 1);
        AddLayers(0, dense, isDense: true);
        AddLayers(dense, layers - dense, isDense: false);
        if (predicted > 0)
        {
            const string Layer = "model.layers.{layer}.";
            AddLayers(layers, 1, isDense: false);
            Add(Layer + "embed_tokens.weight", [vocabulary, hidden], layers, 1, 0, "model.embed_tokens.weight");
            Add(Layer + "shared_head.head.weight", [vocabulary, hidden], layers, 1, 0, "lm_head.weight");
            Add(Layer + "shared_head.norm.weight", [hidden], layers, 1);
            Add(Layer + "enorm.weight", [hidden], layers, 1);
            Add(Layer + "hnorm.weight", [hidden], layers, 1);
            Add(Layer + "eh_proj.weight", [hidden, 2 * hidden], layers, 1);
        }

        return Nothing with
        {
            Name = Path.GetFileName(folder),
            Config = config.Values,
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            Layers = layers,
            MaxPositions = Size("max_position_embeddings"),
            Weights = weights,
            CachedLayers = layers + predicted,
            Predicts = predicted > 0,
            SameFormat = [["model.layers.{layer}.mlp.experts.{expert}.gate_proj.weight", "model.layers.{layer}.mlp.experts.{expert}.up_proj.weight"]],
        };
    }
}
