"""Makes a table of measurements: summarize.py FILE

FILE holds one JSON object a line: {"peer", "type", "threads", "what", "rates"}, and from transformers "experts" as well. The
median of a line's rates stands for its round; of a peer's kernels for experts the one with the best median counts.
"""
import collections
import json
import statistics
import sys


def main(path):
    rates = collections.defaultdict(list)
    for line in open(path):
        entry = json.loads(line)
        if "failed" in entry:
            print(f"{entry['experts']} {entry['type']} failed: {entry['failed']}", file=sys.stderr)
            continue
        key = (entry["what"], entry["threads"], entry["peer"], entry["type"], entry.get("experts", ""))
        rates[key].append(statistics.median(entry["rates"]))

    best = {}
    for (what, threads, peer, kind, experts), numbers in rates.items():
        known = best.get((what, threads, peer, kind))
        if known is None or statistics.median(numbers) > statistics.median(known[1]):
            best[what, threads, peer, kind] = (experts, numbers)

    print("| | threads | program | weights | tokens/s, median (range) | times transformers' best |")
    print("|---|---|---|---|---|---|")
    for what, threads in sorted({key[:2] for key in best}):
        rows = sorted((key[2:], value) for key, value in best.items() if key[:2] == (what, threads))
        peers = [statistics.median(numbers) for (peer, _), (_, numbers) in rows if peer != "sinter"]
        for (peer, kind), (experts, numbers) in rows:
            median = statistics.median(numbers)
            ratio = f"{median / max(peers):.2f}" if peer == "sinter" and peers else ""
            name = f"{peer}, {experts}" if experts else peer
            print(f"| {what} | {threads} | {name} | {kind} | {median:.0f} ({min(numbers):.0f} to {max(numbers):.0f}) | {ratio} |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
