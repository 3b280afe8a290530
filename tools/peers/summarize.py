"""Makes tables of measurements: summarize.py FILE CONFIG

FILE holds one JSON object a line: {"peer", "type", "threads", "what", "rates"}, of transformers "experts" as well, of Sinter's decoding
"bytes" (read a token), and {"threads", "multiply_adds", "read"}: operations and bytes a second that the machine does at best. The
median of a line's rates stands for its round; of a peer's kernels for experts the one with the best median counts.
"""
import collections
import json
import statistics
import sys

import make_model

# Ours, the peer, and the types of weights that are set beside each other.
PAIRS = [
    ("bf16", "llama.cpp", ("bf16",)),
    ("bf16", "transformers", ("bfloat16", "float32")),
    ("fp8", "llama.cpp", ("q8_0",)),
    ("int8", "llama.cpp", ("q8_0",)),
]


def operations(config, tokens):
    """Useful floating-point operations a token of a prompt: contractions of what a token goes through, and expanded attention
    over half the prompt. The embedding is a look-up, and the head runs for the last token only."""
    chosen, weights = config["num_experts_per_tok"] / config["n_routed_experts"], 0
    for name, shape in make_model.shapes(config):
        if len(shape) == 2 and name not in ("model.embed_tokens.weight", "lm_head.weight"):
            weights += shape[0] * shape[1] * (chosen if ".experts." in name else 1)
    width = config["qk_nope_head_dim"] + config["qk_rope_head_dim"] + config["v_head_dim"]
    return 2 * weights + config["num_hidden_layers"] * config["num_attention_heads"] * width * (tokens + 1)


def spread(numbers, digits):
    return f"{statistics.median(numbers):.{digits}f} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


def table(*rows):
    print()
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if number == 0:
            print("|" + "---|" * len(row))


def read(path):
    """(what, threads, peer, type) → (the kernel for experts that counts, figures round by round), and what else was measured."""
    rates, read_bytes, limits = collections.defaultdict(list), {}, collections.defaultdict(list)
    for line in open(path):
        entry = json.loads(line)
        if "failed" in entry:
            print(f"{entry['experts']} {entry['type']} failed: {entry['failed']}", file=sys.stderr)
        elif "read" in entry:
            limits[entry["threads"]].append((entry["multiply_adds"], entry["read"]))
        else:
            key = (entry["what"], entry["threads"], entry["peer"], entry["type"])
            rates[key, entry.get("experts", "")].append(statistics.median(entry["rates"]))
            if "bytes" in entry:
                read_bytes[entry["what"], entry["type"]] = entry["bytes"]
    best = {}
    for (key, experts), numbers in rates.items():
        if key not in best or statistics.median(numbers) > statistics.median(best[key][1]):
            best[key] = (experts, numbers)
    return best, read_bytes, limits


def order(what):
    kind, *words = what.split()
    return kind != "prefill", [int(word) for word in words if word.isdigit()][::-1]


def main(path, config):
    best, read_bytes, limits = read(path)
    config = json.load(open(config))
    cases = sorted({key[:2] for key in best}, key=lambda case: (order(case[0]), case[1]))

    rows = [("", "threads", "program", "weights", "tokens/s, median (range)")]
    for case in cases:
        for (peer, kind), (experts, numbers) in sorted((key[2:], value) for key, value in best.items() if key[:2] == case):
            name = f"{peer}, {experts}" if experts else peer
            rows.append((case[0], str(case[1]), name, kind, spread(numbers, 0)))
    table(*rows)

    print("\nSinter's speed as a multiple of each peer's: ratio of the medians (least to most of the rounds).")
    rows = [("", "threads") + tuple(f"{ours} / {peer} {' or '.join(theirs)}" for ours, peer, theirs in PAIRS)]
    for what, threads in cases:
        row = []
        for ours, peer, theirs in PAIRS:
            mine = best.get((what, threads, "sinter", ours))
            others = [best[what, threads, peer, kind] for kind in theirs if (what, threads, peer, kind) in best]
            if mine is None or not others:
                row.append("")
                continue
            other = max((numbers for _, numbers in others), key=statistics.median)
            ratios = [a / b for a, b in zip(mine[1], other)]
            row.append(f"**{statistics.median(mine[1]) / statistics.median(other):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})")
        rows.append((what, str(threads), *row))
    table(*rows)

    print("\nSinter and what the machine did at best in the same rounds: bytes read from memory, or multiply-adds in float32.")
    rows = [("", "threads", "weights", "reached", "the machine", "share")]
    for what, threads in cases:
        for kind in ("bf16", "fp8", "int8"):
            if (what, threads, "sinter", kind) not in best or threads not in limits:
                continue
            rate = statistics.median(best[what, threads, "sinter", kind][1])
            multiply_adds, stream = (statistics.median(numbers) for numbers in zip(*limits[threads]))
            if what.startswith("prefill"):
                reached, limit, unit = rate * operations(config, int(what.split()[1])), multiply_adds, "GFLOP/s"
            else:
                reached, limit, unit = rate * read_bytes[what, kind], stream, "GB/s"
            rows.append((what, str(threads), kind, f"{reached / 1e9:.1f} {unit}", f"{limit / 1e9:.1f} {unit}", f"{reached / limit:.0%}"))
    table(*rows)

    print("\nTwo threads, and more tokens of context, as multiples of one thread and of the least context (medians).")
    rows = [("program", "weights", "", "speed")]
    median = {key: statistics.median(numbers) for key, (_, numbers) in best.items()}
    for (what, threads, peer, kind), rate in sorted(median.items(), key=lambda item: (item[0][2:], order(item[0][0]), item[0][1])):
        if threads == 2 and (what, 1, peer, kind) in median:
            rows.append((peer, kind, f"{what}, 2 threads", f"{rate / median[what, 1, peer, kind]:.2f}"))
        if what.startswith("decode") and (f"decode 64 after 64", threads, peer, kind) in median and what != "decode 64 after 64":
            rows.append((peer, kind, f"{what}, {threads} threads", f"{rate / median['decode 64 after 64', threads, peer, kind]:.2f} of after 64"))
    table(*rows)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
