"""Compares the tensor `logits` of two safetensors files: compare_logits.py OURS THEIRS TOLERANCE

Exits with 1 where a number differs by more than the tolerance times the largest logit. A speed is worth nothing before this holds.
"""
import sys

from safetensors.torch import load_file


def main(ours, theirs, tolerance):
    ours, theirs = load_file(ours)["logits"].double(), load_file(theirs)["logits"].double()
    if ours.shape != theirs.shape:
        sys.exit(f"logits are {list(ours.shape)} here and {list(theirs.shape)} there")
    apart, largest = (ours - theirs).abs().max().item(), theirs.abs().max().item()
    agree = (ours.argmax(-1) == theirs.argmax(-1)).float().mean().item()
    print(f"logits: {apart:.2e} apart at most, the largest being {largest:.2f}; the best token agrees at {agree:.1%} of positions")
    if not apart <= float(tolerance) * largest:
        sys.exit(1)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
