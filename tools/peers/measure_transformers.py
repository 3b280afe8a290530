"""Measures Hugging Face transformers on a checkpoint and prints one JSON object a line.

measure_transformers.py FOLDER --threads N --type float32|bfloat16 [--prefill 128,512] [--decode 64] [--repeat 3]
measure_transformers.py FOLDER --logits FILE --tokens 1,2,3 [--type float32|bfloat16]     logits, for comparison

Every kernel that the library has for experts is measured, so that a comparison can take the best of them figure by figure.
"""
import argparse
import json
import logging
import os
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from safetensors.torch import save_file

EXPERTS = ["eager", "batched_mm", "grouped_mm"]


def load(folder, kind, experts):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=getattr(torch, kind), attn_implementation="sdpa", experts_implementation=experts)
    return model.eval()


@torch.inference_mode()
def prefill(model, tokens):
    start = time.perf_counter()
    model(tokens, use_cache=True, logits_to_keep=1).logits.argmax(-1)
    return tokens.shape[1] / (time.perf_counter() - start)


@torch.inference_mode()
def decode(model, prompt, steps):
    answer = model(prompt, use_cache=True, logits_to_keep=1)
    start = time.perf_counter()
    for _ in range(steps):
        token = answer.logits[:, -1:].argmax(-1)
        answer = model(token, use_cache=True, past_key_values=answer.past_key_values)
    return steps / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--type", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--prefill", default="128,512")
    parser.add_argument("--decode", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--experts", default=",".join(EXPERTS))
    parser.add_argument("--logits")
    parser.add_argument("--tokens", default="")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(arguments.threads)

    if arguments.logits:
        tokens = torch.tensor([[int(token) for token in arguments.tokens.split(",")]])
        with torch.inference_mode():
            logits = load(arguments.folder, arguments.type, "eager")(tokens).logits[0].float()
        save_file({"logits": logits.contiguous()}, arguments.logits)
        return

    for experts in arguments.experts.split(","):
        try:
            model = load(arguments.folder, arguments.type, experts)
            generator = torch.Generator().manual_seed(1)
            draw = lambda count: torch.randint(2, model.config.vocab_size, (1, count), generator=generator)
            decode(model, draw(16), 4)
            figures = {}
            for length in [int(length) for length in arguments.prefill.split(",")]:
                prefill(model, draw(length))
                figures[f"prefill {length}"] = [prefill(model, draw(length)) for _ in range(arguments.repeat)]
            figures[f"decode {arguments.decode} after 128"] = [
                decode(model, draw(128), arguments.decode) for _ in range(arguments.repeat)]
        except Exception as failure:
            print(json.dumps({"peer": "transformers", "experts": experts, "type": arguments.type,
                              "threads": arguments.threads, "failed": str(failure)[:200]}), flush=True)
            continue
        for what, rates in figures.items():
            print(json.dumps({"peer": "transformers", "experts": experts, "type": arguments.type,
                              "threads": arguments.threads, "what": what, "rates": rates}), flush=True)


if __name__ == "__main__":
    main()
