"""Writes a checkpoint of DeepSeek-V3's layout as GGUF for llama.cpp: make_gguf.py FOLDER FILE bfloat16|float32

The architecture is `deepseek2`, in the form that llama.cpp absorbs the latent attention in: kv_b_proj taken apart into the part
that makes keys (turned, so that it maps a query to the latent) and the part that makes values; a layer's experts in one tensor.
Norms, router and correction bias stay F32 in both. Layers that predict further tokens are left out. The vocabulary is a
placeholder: prompts come as numbers.
"""
import json
import pathlib
import sys

import gguf
import torch
from safetensors import safe_open

TYPES = {
    "bfloat16": (torch.bfloat16, gguf.GGMLQuantizationType.BF16),
    "float32": (torch.float32, gguf.GGMLQuantizationType.F32),
}

MODEL = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}

LAYER = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.q_a_proj.weight": "attn_q_a.weight",
    "self_attn.q_a_layernorm.weight": "attn_q_a_norm.weight",
    "self_attn.q_b_proj.weight": "attn_q_b.weight",
    "self_attn.kv_a_proj_with_mqa.weight": "attn_kv_a_mqa.weight",
    "self_attn.kv_a_layernorm.weight": "attn_kv_a_norm.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "mlp.gate.weight": "ffn_gate_inp.weight",
    "mlp.gate.e_score_correction_bias": "exp_probs_b.bias",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
    "mlp.shared_experts.gate_proj.weight": "ffn_gate_shexp.weight",
    "mlp.shared_experts.up_proj.weight": "ffn_up_shexp.weight",
    "mlp.shared_experts.down_proj.weight": "ffn_down_shexp.weight",
}


def describe(writer, c):
    """The numbers of config.json under llama.cpp's names."""
    writer.add_vocab_size(c["vocab_size"])
    writer.add_context_length(c["max_position_embeddings"])
    writer.add_embedding_length(c["hidden_size"])
    writer.add_block_count(c["num_hidden_layers"])
    writer.add_feed_forward_length(c["intermediate_size"])
    writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    writer.add_head_count(c["num_attention_heads"])
    # Absorbed, all heads share one key: the latent and the rotated part.
    writer.add_head_count_kv(1)
    writer.add_key_length(c["kv_lora_rank"] + c["qk_rope_head_dim"])
    writer.add_value_length(c["kv_lora_rank"])
    writer.add_key_length_mla(c["qk_nope_head_dim"] + c["qk_rope_head_dim"])
    writer.add_value_length_mla(c["v_head_dim"])
    writer.add_kv_lora_rank(c["kv_lora_rank"])
    if c.get("q_lora_rank"):
        writer.add_q_lora_rank(c["q_lora_rank"])
    writer.add_rope_dimension_count(c["qk_rope_head_dim"])
    writer.add_rope_freq_base(c["rope_theta"])
    writer.add_leading_dense_block_count(c["first_k_dense_replace"])
    writer.add_expert_feed_forward_length(c["moe_intermediate_size"])
    writer.add_expert_count(c["n_routed_experts"])
    writer.add_expert_used_count(c["num_experts_per_tok"])
    writer.add_expert_shared_count(c["n_shared_experts"])
    writer.add_expert_group_count(c["n_group"])
    writer.add_expert_group_used_count(c["topk_group"])
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    writer.add_expert_weights_norm(c["norm_topk_prob"])
    writer.add_expert_weights_scale(c["routed_scaling_factor"])


def name_tokens(writer, count):
    """
    A SentencePiece vocabulary: three special tokens, ASCII byte by byte, a space, and names that no text has. No bytes from 128 on:
    where one is the likeliest token, llama-server waits for the rest of its character and answers without probabilities.
    """
    special = [("<unk>", gguf.TokenType.UNKNOWN), ("<s>", gguf.TokenType.CONTROL), ("</s>", gguf.TokenType.CONTROL)]
    tokens = (special + [(f"<0x{byte:02X}>", gguf.TokenType.BYTE) for byte in range(128)] + [("\u2581", gguf.TokenType.NORMAL)])[:count]
    tokens += [(f"<t{token}>", gguf.TokenType.NORMAL) for token in range(len(tokens), count)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([name for name, _ in tokens])
    writer.add_token_scores([0.0] * count)
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)


def tensors(read, names, c):
    """Name in GGUF and numbers of every tensor."""
    for name, theirs in MODEL.items():
        if name in names:
            yield theirs, read(name)
    heads, key, value = c["num_attention_heads"], c["qk_nope_head_dim"], c["v_head_dim"]
    for layer in range(c["num_hidden_layers"]):
        prefix, block = f"model.layers.{layer}.", f"blk.{layer}."
        for name, theirs in LAYER.items():
            if prefix + name in names:
                yield block + theirs, read(prefix + name)
        both = read(prefix + "self_attn.kv_b_proj.weight").view(heads, key + value, c["kv_lora_rank"])
        yield block + "attn_k_b.weight", both[:, :key].transpose(1, 2)
        yield block + "attn_v_b.weight", both[:, key:]
        if layer >= c["first_k_dense_replace"]:
            for part in ("gate", "up", "down"):
                experts = [read(f"{prefix}mlp.experts.{e}.{part}_proj.weight") for e in range(c["n_routed_experts"])]
                yield f"{block}ffn_{part}_exps.weight", torch.stack(experts)


def main(folder, path, kind):
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    if config.get("rope_scaling") or config.get("quantization_config"):
        sys.exit("make_gguf.py: a stretched context or quantised weights are not provided for")
    stored, gguf_type = TYPES[kind]
    files = [safe_open(file, framework="pt") for file in sorted(folder.glob("*.safetensors"))]
    home = {name: file for file in files for name in file.keys()}
    writer = gguf.GGUFWriter(path, "deepseek2")
    describe(writer, config)
    writer.add_file_type({"bfloat16": gguf.LlamaFileType.MOSTLY_BF16, "float32": gguf.LlamaFileType.ALL_F32}[kind])
    name_tokens(writer, config["vocab_size"])
    for name, numbers in tensors(lambda name: home[name].get_tensor(name), home.keys(), config):
        if numbers.dim() == 1 or name.endswith("ffn_gate_inp.weight"):
            writer.add_tensor(name, numbers.float().contiguous().numpy())
        else:
            writer.add_tensor(name, numbers.to(stored).contiguous().view(torch.uint8).numpy(), raw_dtype=gguf_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[3] not in TYPES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
