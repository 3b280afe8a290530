#!/usr/bin/env bash
# Measures Sinter and Hugging Face transformers in turn on the same checkpoint, and prints a table.
# As root: the peers live in a chroot of Debian unstable, made on the first call (some 3 GB to fetch).
#
# usage: tools/bench/peers.sh [--root DIR] [--rounds N] [--checkpoint DIR] [--first]
#   --root        where the peers are or go             (default: /var/tmp/sinter-peers/root)
#   --rounds      how often each is measured            (default: 5)
#   --checkpoint  what to measure                       (default: a random model of 24.8 million parameters, made here)
#   --first       what is measured runs before the machine's other work (real-time priority), all else waiting
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
root=/var/tmp/sinter-peers/root
rounds=5
checkpoint=
first=()
while [ $# -gt 0 ]; do
  case $1 in
    --root) root=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --checkpoint) checkpoint=$2; shift 2 ;;
    --first) first=(chrt --fifo 1); shift ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

"$repository/tools/peers/debian-root.sh" "$root" >&2

# Two at once would measure each other.
exec 9> "$root/.measuring"
flock --nonblock 9 || { echo "waiting for another run of peers.sh" >&2; flock 9; }
mkdir -p "$root/sinter"
cp "$repository"/tools/peers/*.py "$root/sinter/"

# Nothing of this shell's environment decides how many threads a peer takes or which code path its BLAS runs.
peer() { "${first[@]}" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root ${threads:+OMP_NUM_THREADS=$threads} chroot "$root" python3 "$@"; }

if [ -z "$checkpoint" ]; then
  checkpoint="$root/sinter/random"
  [ -e "$checkpoint/config.json" ] || peer /sinter/make_model.py /sinter/random >&2
fi
rm -rf "$root/sinter/measured"
mkdir "$root/sinter/measured"
cp "$checkpoint"/*.json "$checkpoint"/*.safetensors "$root/sinter/measured/"

dotnet build "$repository/tools/sinter" -c Release -v quiet --nologo >&2 9>&-
sinter() { "${first[@]}" dotnet "$repository/tools/sinter/bin/Release/net10.0/sinter.dll" "$@"; }

tokens=$(seq -s, 2 3 96)
sinter trace "$checkpoint" --tokens "$tokens" --out "$root/sinter/ours.safetensors" >&2
peer /sinter/measure_transformers.py /sinter/measured --logits /sinter/theirs.safetensors --tokens "$tokens" 2>/dev/null
peer /sinter/compare_logits.py /sinter/ours.safetensors /sinter/theirs.safetensors 1e-4 | tee "$root/sinter/logits.txt" >&2

results="$root/sinter/results.jsonl"
: > "$results"
record() { # threads what field file
  peer -c 'import json, sys
threads, what, field, path = sys.argv[1:]
rate = json.load(open(path))[field]["median"]
print(json.dumps({"peer": "sinter", "type": "as stored", "threads": int(threads), "what": what, "rates": [rate]}))' "$1" "$2" "$3" "/sinter/$4" >> "$results"
}
for round in $(seq "$rounds"); do
  for threads in 1 2; do
    echo "round $round of $rounds, $threads threads" >&2
    sinter bench "$checkpoint" -p 128 -n 64 -r 3 -t "$threads" --json > "$root/sinter/short.json"
    sinter bench "$checkpoint" -p 512 -n 1 -r 3 -t "$threads" --json > "$root/sinter/long.json"
    record "$threads" "prefill 128" prefill_tokens_per_second short.json
    record "$threads" "prefill 512" prefill_tokens_per_second long.json
    record "$threads" "decode 64" decode_tokens_per_second short.json
    for type in float32 bfloat16; do
      peer /sinter/measure_transformers.py /sinter/measured --threads "$threads" --type "$type" --repeat 3 2>/dev/null >> "$results"
    done
  done
done

cat "$root/sinter/logits.txt"
echo "$(date -u +%Y-%m-%d), $rounds rounds of 3 runs, $(lscpu | sed -n 's/^Model name: *//p' | head -1), $(nproc) cores"
peer /sinter/summarize.py /sinter/results.jsonl
