"""Compares the tensor `logits` of safetensors files with the first's: compare_logits.py TOLERANCE REFERENCE [NAME=]FILE...

A file that also has `positions` holds log-probabilities after those tokens only. Prints, for each file, how far a logit is off at
most (less the mean of its row, since log-probabilities lack one number a row), the same as a share of the largest, the mean
Kullback-Leibler divergence and how often the best token is the same. Exits with 1 where the share is above the tolerance. A speed is
worth nothing before this holds.
"""
import sys

from safetensors.torch import load_file


def centred(logits):
    return logits - logits.mean(-1, keepdim=True)


def main(tolerance, reference, files):
    truth, fine = load_file(reference)["logits"].double(), True
    for file in files:
        name, _, path = file.rpartition("=")
        tensors = load_file(path)
        theirs, expected = tensors["logits"].double(), truth
        if "positions" in tensors:
            expected = truth[tensors["positions"]]
        if theirs.shape != expected.shape:
            sys.exit(f"{name}: logits are {list(theirs.shape)} where {list(expected.shape)} were expected")
        apart, largest = (centred(theirs) - centred(expected)).abs().max().item(), centred(expected).abs().max().item()
        p, q = expected.log_softmax(-1), theirs.log_softmax(-1)
        divergence = (p.exp() * (p - q)).sum(-1).mean().item()
        agree = (theirs.argmax(-1) == expected.argmax(-1)).float().mean().item()
        print(f"{name or path}: {apart:.2e} apart at most ({apart / largest:.1e} of the largest logit), "
              f"divergence {divergence:.1e}, same best token at {agree:.0%} of {len(expected)} positions")
        # Written so that a NaN is not fine.
        fine = fine and apart <= float(tolerance) * largest
    if not fine:
        sys.exit(1)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
