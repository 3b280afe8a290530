"""Quantises a BF16 checkpoint as DeepSeek-V3 was published: make_fp8.py FOLDER OUT

Matrices of attention, dense layers and experts become F8_E4M3 with one F32 scale a block of 128×128 (`weight_scale_inv`, by
which a number is multiplied); embedding, head, norms and router stay as they are.
"""
import json
import pathlib
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

BLOCK = 128
LARGEST = torch.finfo(torch.float8_e4m3fn).max
QUANTISED = ("_proj.weight", "kv_a_proj_with_mqa.weight")


def quantise(matrix):
    """Numbers and scales: [rows, columns] and [⌈rows / 128⌉, ⌈columns / 128⌉]."""
    rows, columns = matrix.shape
    down, across = -(-rows // BLOCK), -(-columns // BLOCK)
    padded = torch.zeros(down * BLOCK, across * BLOCK)
    padded[:rows, :columns] = matrix
    blocks = padded.view(down, BLOCK, across, BLOCK)
    scales = blocks.abs().amax((1, 3)).clamp(min=1e-12) / LARGEST
    numbers = (blocks / scales[:, None, :, None]).view(padded.shape)[:rows, :columns]
    return numbers.to(torch.float8_e4m3fn).contiguous(), scales


def main(folder, out):
    folder, out = pathlib.Path(folder), pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as source:
            for name in source.keys():
                tensor = source.get_tensor(name)
                if name.endswith(QUANTISED):
                    tensors[name], tensors[name + "_scale_inv"] = quantise(tensor.float())
                else:
                    tensors[name] = tensor
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {
        "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [BLOCK, BLOCK]}
    # Last: who finds it finds the weights.
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
