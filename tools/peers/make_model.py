"""Makes a checkpoint of DeepSeek-V3's layout with random weights, for measuring speed: make_model.py FOLDER [S|M]

Both have the shape of the real one: latent attention, a dense layer first, grouped experts, one of them shared.
S: 24.8 million parameters, of which a token reads 11.9 million: small enough to make anywhere, too large for a core's caches.
M: 974 million, of which a token reads 208 million: what it reads comes from memory.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

CONFIG = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "vocab_size": 2048,
    "hidden_size": 512,
    "num_hidden_layers": 6,
    "first_k_dense_replace": 1,
    "intermediate_size": 1024,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "q_lora_rank": 192,
    "kv_lora_rank": 128,
    "qk_nope_head_dim": 64,
    "qk_rope_head_dim": 32,
    "v_head_dim": 64,
    "n_routed_experts": 16,
    "n_shared_experts": 1,
    "num_experts_per_tok": 4,
    "moe_intermediate_size": 128,
    "moe_layer_freq": 1,
    "n_group": 4,
    "topk_group": 2,
    "topk_method": "noaux_tc",
    "scoring_func": "sigmoid",
    "norm_topk_prob": True,
    "routed_scaling_factor": 2.5,
    "num_nextn_predict_layers": 0,
    "hidden_act": "silu",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000,
    "max_position_embeddings": 2048,
    "initializer_range": 0.02,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "torch_dtype": "bfloat16",
    "use_cache": True,
}

SIZES = {
    "S": {},
    "M": {
        "vocab_size": 24576,
        "hidden_size": 1024,
        "num_hidden_layers": 16,
        "intermediate_size": 4096,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "q_lora_rank": 384,
        "kv_lora_rank": 256,
        "n_routed_experts": 48,
        "num_experts_per_tok": 6,
        "moe_intermediate_size": 384,
        "n_group": 8,
        "topk_group": 4,
        "max_position_embeddings": 8192,
    },
}


def shapes(c):
    """Name → shape of every tensor, in the order of the layers."""
    d, heads, key = c["hidden_size"], c["num_attention_heads"], c["qk_nope_head_dim"] + c["qk_rope_head_dim"]
    yield "model.embed_tokens.weight", (c["vocab_size"], d)
    for layer in range(c["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        attention = prefix + "self_attn."
        yield prefix + "input_layernorm.weight", (d,)
        yield attention + "q_a_proj.weight", (c["q_lora_rank"], d)
        yield attention + "q_a_layernorm.weight", (c["q_lora_rank"],)
        yield attention + "q_b_proj.weight", (heads * key, c["q_lora_rank"])
        yield attention + "kv_a_proj_with_mqa.weight", (c["kv_lora_rank"] + c["qk_rope_head_dim"], d)
        yield attention + "kv_a_layernorm.weight", (c["kv_lora_rank"],)
        yield attention + "kv_b_proj.weight", (heads * (c["qk_nope_head_dim"] + c["v_head_dim"]), c["kv_lora_rank"])
        yield attention + "o_proj.weight", (d, heads * c["v_head_dim"])
        yield prefix + "post_attention_layernorm.weight", (d,)
        if layer < c["first_k_dense_replace"]:
            parts = {"mlp.": c["intermediate_size"]}
        else:
            yield prefix + "mlp.gate.weight", (c["n_routed_experts"], d)
            yield prefix + "mlp.gate.e_score_correction_bias", (c["n_routed_experts"],)
            parts = {f"mlp.experts.{e}.": c["moe_intermediate_size"] for e in range(c["n_routed_experts"])}
            parts["mlp.shared_experts."] = c["n_shared_experts"] * c["moe_intermediate_size"]
        for part, width in parts.items():
            yield prefix + part + "gate_proj.weight", (width, d)
            yield prefix + part + "up_proj.weight", (width, d)
            yield prefix + part + "down_proj.weight", (d, width)
    yield "model.norm.weight", (d,)
    yield "lm_head.weight", (c["vocab_size"], d)


def main(folder, size="S"):
    config = CONFIG | SIZES[size]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(20241227)
    tensors = {}
    for name, shape in shapes(config):
        numbers = torch.randn(shape, generator=generator)
        if name.endswith("e_score_correction_bias"):
            tensors[name] = numbers * 0.01
        elif len(shape) == 1:
            tensors[name] = (1 + 0.1 * numbers).bfloat16()
        else:
            tensors[name] = (numbers / shape[1] ** 0.5).bfloat16()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    print(f"{sum(t.numel() for t in tensors.values()) / 1e6:.1f} million parameters in {folder}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["S"], ["M"]):
        sys.exit(__doc__)
    main(*sys.argv[1:])
