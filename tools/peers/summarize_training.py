"""Makes a table of measured steps of training: summarize_training.py FILE

FILE holds one JSON object a line: {"peer", "experts", "rate", "resident"} and, of PyTorch, "beside_empty": what the process took beyond
what importing the libraries did.

summarize_training.py --sinter PRECISION METRICS RESIDENT SKIPPED THREADS   makes such a line of a run's metrics.jsonl
"""
import collections
import json
import statistics
import sys


def sinter(precision, path, resident, skipped, threads):
    rates = [step["tokens_per_second"] for step in map(json.loads, open(path)) if "tokens_per_second" in step and step["step"] > int(skipped)]
    print(json.dumps({"peer": f"Sinter, {precision}", "experts": "", "threads": int(threads), "rate": statistics.median(rates), "best": max(rates), "resident": int(resident)}))


def main(path):
    measured = collections.defaultdict(list)
    for entry in map(json.loads, open(path)):
        measured[entry["peer"], entry["experts"]].append(entry)
    rate = {key: statistics.median(entry["rate"] for entry in entries) for key, entries in measured.items()}
    print("\n| program | experts | tokens/s, median (least to most of the rounds) | memory of the process | beyond the libraries |\n|---|---|---|---|---|")
    for key, entries in sorted(measured.items(), key=lambda item: -rate[item[0]]):
        rates = [entry["rate"] for entry in entries]
        own = max(entry.get("beside_empty", 0) for entry in entries)
        print(f"| {key[0]} | {key[1]} | {rate[key]:.0f} ({min(rates):.0f} to {max(rates):.0f}) | {max(entry['resident'] for entry in entries) / 1e6:.0f} MB | {f'{own / 1e6:.0f} MB' if own else ''} |")
    peers = [key for key in measured if key[0].startswith("PyTorch")]
    if peers and ("Sinter, f32", "") in measured:
        best = max(peers, key=rate.get)
        ratios = [ours["rate"] / theirs["rate"] for ours, theirs in zip(measured["Sinter, f32", ""], measured[best])]
        print(f"\nSinter in f32 is {rate['Sinter, f32', ''] / rate[best]:.2f} times the best of them, {best[0]} with {best[1]} ({min(ratios):.2f} to {max(ratios):.2f} round by round).")


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "--sinter":
        sinter(*sys.argv[2:])
    elif len(sys.argv) == 2:
        main(sys.argv[1])
    else:
        sys.exit(__doc__)
