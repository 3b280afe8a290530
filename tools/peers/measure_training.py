"""Measures steps of training in PyTorch and prints one JSON object.

measure_training.py CONFIG --threads N --experts eager|batched_mm|grouped_mm [--compile] [--batch 4] [--length 256] [--steps 8] [--warm 3]

The model is transformers' DeepSeek-V3 with the config's sizes and a layer of multi-token prediction made of the same parts, as the
report has it (section 2.2): one step is forward, both losses, backward, clipping by the norm, and fused AdamW, in float32. The
balance loss and the bias update are left out, in PyTorch's favour.
"""
import argparse
import json
import logging
import os
import statistics
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from torch import nn
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as v3


class Predicting(nn.Module):
    """The model and, where the config has one, its layer of multi-token prediction."""

    def __init__(self, config, predicts):
        super().__init__()
        self.main = transformers.DeepseekV3ForCausalLM(config)
        self.predicts = predicts
        if predicts:
            width, epsilon = config.hidden_size, config.rms_norm_eps
            self.enorm, self.hnorm, self.norm = (v3.DeepseekV3RMSNorm(width, eps=epsilon) for _ in range(3))
            self.eh_proj = nn.Linear(2 * width, width, bias=False)
            self.layer = v3.DeepseekV3DecoderLayer(config, layer_idx=config.num_hidden_layers - 1)

    def forward(self, tokens):
        main, length = self.main, tokens.shape[1] - 2
        hidden = main.model(input_ids=tokens[:, :length], use_cache=False).last_hidden_state
        loss = self.loss(hidden, tokens[:, 1:-1])
        if self.predicts:
            x = self.eh_proj(torch.cat([self.enorm(main.model.embed_tokens(tokens[:, 1:-1])), self.hnorm(hidden)], dim=-1))
            positions = torch.arange(length)[None]
            angles = main.model.rotary_emb(x, position_ids=positions)
            x = self.layer(x, position_embeddings=angles, position_ids=positions, attention_mask=None)
            loss = loss + 0.3 * self.loss(self.norm(x if torch.is_tensor(x) else x[0]), tokens[:, 2:])
        return loss

    def loss(self, hidden, targets):
        return nn.functional.cross_entropy(self.main.lm_head(hidden).flatten(0, 1), targets.flatten())


def resident(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--experts", default="grouped_mm", choices=["eager", "batched_mm", "grouped_mm"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warm", type=int, default=3)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    empty = resident("VmRSS")

    raw = json.load(open(arguments.config))
    skipped = {"architectures", "dtype", "torch_dtype", "auto_map", "transformers_version", "quantization_config"}
    config = transformers.DeepseekV3Config(**{key: value for key, value in raw.items() if key not in skipped})
    config._attn_implementation = "sdpa"
    config._experts_implementation = arguments.experts
    model = Predicting(config, raw.get("num_nextn_predict_layers", 0) > 0).float().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    forward = torch.compile(model) if arguments.compile else model

    times = []
    for _ in range(arguments.warm + arguments.steps):
        tokens = torch.randint(2, config.vocab_size, (arguments.batch, arguments.length + 2))
        start = time.perf_counter()
        forward(tokens).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)

    rates = [arguments.batch * arguments.length / seconds for seconds in times[arguments.warm:]]
    print(json.dumps({
        "peer": "PyTorch, torch.compile" if arguments.compile else "PyTorch, eager", "experts": arguments.experts, "threads": arguments.threads,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "rate": statistics.median(rates), "best": max(rates), "resident": resident("VmHWM"), "beside_empty": resident("VmHWM") - empty}), flush=True)


if __name__ == "__main__":
    main()
