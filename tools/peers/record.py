"""Prints measurements of one program as lines for summarize.py: record.py sinter|llama.cpp TYPE FILE [prefill] [decode]

FILE is what `sinter bench --json` or `llama-bench -o json` printed; of the first the named figures are taken. The first run of each
of llama-bench's tests is left out.
"""
import json
import sys


def sinter(report, wanted):
    if "prefill" in wanted:
        yield f"prefill {report['prompt_tokens']}", [report["prefill_tokens_per_second"]["median"]], {}
    if "decode" in wanted:
        read = report["weight_bytes_per_token"] + report["cache_bytes_per_token"]
        yield (f"decode {report['decoded_tokens']} after {report['prompt_tokens']}",
               [report["decode_tokens_per_second"]["median"]], {"bytes": read})


def llama(report):
    for test in report:
        what = f"decode {test['n_gen']} after {test['n_depth']}" if test["n_gen"] else f"prefill {test['n_prompt']}"
        yield what, test["samples_ts"][1:], {}


def main(program, kind, path, *wanted):
    report = json.load(open(path))
    threads = report["threads"] if program == "sinter" else report[0]["n_threads"]
    for what, rates, more in sinter(report, wanted) if program == "sinter" else llama(report):
        print(json.dumps({"peer": program, "type": kind, "threads": threads, "what": what, "rates": rates} | more))


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in ("sinter", "llama.cpp"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
