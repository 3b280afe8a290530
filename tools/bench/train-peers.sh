#!/usr/bin/env bash
# Measures steps of training in Sinter and in PyTorch (eager and torch.compile, fused AdamW) in turn, on the same model and batch in
# float32, and prints a table of tokens a second and memory. As root: PyTorch lives in a chroot of Debian unstable, made on the
# first call (some 3 GB to fetch).
#
# usage: tools/bench/train-peers.sh [OPTION...]
#   --rounds N     how often each is measured; the median counts     (default: 5)
#   --steps N      steps of a round, the median of which counts      (default: 8)
#   --threads N    with how many threads                             (default: 2)
#   --batch N      sequences of a step                               (default: 4)
#   --length N     tokens of a sequence                              (default: 256)
#   --experts LIST transformers' ways with experts to try; the best of them counts   (default: grouped_mm,batched_mm,eager)
#   --first        what is measured runs before the machine's other work (real-time priority)
#   --root DIR     where PyTorch is or goes                          (default: /var/tmp/sinter-peers/root)
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
root=/var/tmp/sinter-peers/root
rounds=5 steps=8 threads=2 batch=4 length=256 experts=grouped_mm,batched_mm,eager
first=()
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --steps) steps=$2; shift 2 ;;
    --threads) threads=$2; shift 2 ;;
    --batch) batch=$2; shift 2 ;;
    --length) length=$2; shift 2 ;;
    --experts) experts=$2; shift 2 ;;
    --first) first=(chrt --fifo 1); shift ;;
    --root) root=$2; shift 2 ;;
    *) sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

# Beside PyTorch the compiler that torch.compile prints C++ for, and the headers.
"$repository/tools/peers/debian-root.sh" "$root" python3-torch python3-transformers python3-safetensors libopenblas0-openmp g++ python3-dev libtorch-dev >&2
exec 9> "$root/.measuring"
flock --nonblock 9 || { echo "waiting for another run" >&2; flock 9; }
work=$root/sinter
mkdir -p "$work"
cp "$repository"/tools/peers/*.py "$work/"
cp "$repository/models/tiny-trained/config.json" "$work/training.json"
dotnet build "$repository/tools/sinter" -c Release -v quiet --nologo >&2 9>&-

results=$work/training.jsonl run=$work/training-run
: > "$results"
peer() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root OMP_NUM_THREADS="$threads" "${first[@]}" chroot "$root" "$@"; }

# What the process had at most is read while it lives.
measure_sinter() { # PRECISION
  rm -rf "$run"
  "${first[@]}" dotnet "$repository/tools/sinter/bin/Release/net10.0/sinter.dll" train "$repository/models/tiny_trained.sinter" \
    --data "$repository/tests/data/corpus/train.txt" --tokenizer "$repository/models/tiny-trained" --out "$run" --validate-rows 0 --save-every 1000000 \
    --set batch="$batch" --set pretrain.length="$length" --precision "$1" --threads "$threads" --steps $((60 + steps)) >/dev/null 2>&1 &
  local process=$! most=0 now
  while kill -0 $process 2>/dev/null; do
    now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$process/status 2>/dev/null || true)
    [ -z "$now" ] || most=$now
    sleep 0.2
  done
  wait $process
  # The JIT compiles what has run for a while again: the first 60 steps do not count.
  peer python3 /sinter/summarize_training.py --sinter "$1" /sinter/training-run/metrics.jsonl $((most * 1024)) 60 "$threads" >> "$results"
}
measure_torch() { # EXPERTS [--compile]
  peer timeout 1200 python3 /sinter/measure_training.py /sinter/training.json --threads "$threads" --batch "$batch" --length "$length" --steps "$steps" --experts "$@" \
    2>/dev/null >> "$results" || echo "$* failed" >&2
}
for round in $(seq "$rounds"); do
  echo "$(date +%H:%M:%S) round $round of $rounds" >&2
  measure_sinter f32
  for way in ${experts//,/ }; do
    measure_torch "$way"
    measure_torch "$way" --compile
  done
  measure_sinter fp8
done

echo "$(date -u +%Y-%m-%d), $rounds rounds, of each the median of $steps steps of $batch × $length tokens; $(lscpu | sed -n 's/^Model name: *//p' | head -1), $threads threads"
peer python3 /sinter/summarize_training.py /sinter/training.jsonl
