#!/usr/bin/env bash
# Measures Sinter, llama.cpp and Hugging Face transformers in turn on the same weights, and prints tables.
# As root: the peers live in a chroot of Debian unstable, made on the first call (some 3 GB to fetch).
#
# usage: tools/bench/peers.sh [OPTION...]
#   --size S|M        a random model of 25 million parameters, or of 974 (6 GB on disk, 8 GB of memory)   (default: S)
#   --checkpoint DIR  this one instead; of DeepSeek-V3's layout, not quantised
#   --rounds N        how often each is measured                       (default: 5)
#   --repeat N        runs in a round, the median of which counts      (default: 3; M: 1)
#   --threads LIST    with how many threads                            (default: 1,2)
#   --programs LIST   what to measure                                  (default: sinter,llama.cpp,transformers)
#   --context N       also decodes after N tokens and after 64, with the last of the threads, without transformers
#   --avx2            without AVX-512, all of them
#   --first           what is measured runs before the machine's other work (real-time priority), all else waiting
#   --root DIR        where the peers are or go                        (default: /var/tmp/sinter-peers/root)
#   --check           compares the logits and measures nothing
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
root=/var/tmp/sinter-peers/root
rounds=5 repeat='' size=S checkpoint='' context='' avx2='' check='' counts=1,2 programs=sinter,llama.cpp,transformers
first=()
while [ $# -gt 0 ]; do
  case $1 in
    --root) root=$2; shift 2 ;;
    --size) size=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --repeat) repeat=$2; shift 2 ;;
    --checkpoint) checkpoint=$2; shift 2 ;;
    --threads) counts=$2; shift 2 ;;
    --programs) programs=$2; shift 2 ;;
    --context) context=$2; shift 2 ;;
    --avx2) avx2=1; shift ;;
    --first) first=(chrt --fifo 1); shift ;;
    --check) check=1; shift ;;
    *) sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

"$repository/tools/peers/debian-root.sh" "$root" >&2

# Two at once would measure each other.
exec 9> "$root/.measuring"
flock --nonblock 9 || { echo "waiting for another run of peers.sh" >&2; flock 9; }
work=$root/sinter
mkdir -p "$work"
cp "$repository"/tools/peers/*.py "$work/"

# Nothing of this shell's environment decides how many threads a peer takes or which code path its BLAS runs.
narrow_peer=() narrow_sinter=() isolate=()
if [ -n "$avx2" ]; then
  narrow_peer=(ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell)
  narrow_sinter=(DOTNET_EnableAVX512=0)
  # llama.cpp takes the best back end of its folder for this processor, so this one is the only one that it sees.
  backends=$root/usr/lib/x86_64-linux-gnu/ggml/backends0
  mkdir -p "$work/avx2"
  cp "$backends/libggml-cpu-haswell.so" "$work/avx2/"
  # shellcheck disable=SC2016
  isolate=(unshare --mount sh -c 'mount --bind "$1" "$2"; shift 2; exec "$@"' sh "$work/avx2" "$backends")
fi
peer() {
  "${first[@]}" "${isolate[@]}" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "${narrow_peer[@]}" \
    ${threads:+OMP_NUM_THREADS=$threads} chroot "$root" "$@"
}
sinter() { "${first[@]}" env "${narrow_sinter[@]}" dotnet "$repository/tools/sinter/bin/Release/net10.0/sinter.dll" "$@"; }

dotnet build "$repository/tools/sinter" -c Release -v quiet --nologo >&2 9>&-
dotnet build "$repository/tools/bench" -c Release -v quiet --nologo >&2 9>&-

# The same weights for everyone: as stored, in FP8 as published, and as GGUF.
model=${size,,} experts=(--experts eager,batched_mm,grouped_mm) types=(float32 bfloat16)
if [ -n "$checkpoint" ]; then
  model=given
  rm -rf "$work"/given*
  mkdir "$work/given"
  cp "$checkpoint"/*.json "$checkpoint"/*.safetensors "$work/given/"
elif [ "$size" = M ]; then
  # transformers' other ways would take longer than all else together.
  experts=(--experts batched_mm,grouped_mm) types=(bfloat16) repeat=${repeat:-1}
fi
repeat=${repeat:-3}
[ -e "$work/$model/config.json" ] || peer python3 /sinter/make_model.py "/sinter/$model" "$size" >&2
[ -e "$work/$model-fp8/config.json" ] || peer python3 /sinter/make_fp8.py "/sinter/$model" "/sinter/$model-fp8" >&2
if [ ! -e "$work/$model-q8_0.gguf" ]; then
  peer python3 /sinter/make_gguf.py "/sinter/$model" "/sinter/$model-bf16.gguf" bfloat16 >&2
  peer llama-quantize "/sinter/$model-bf16.gguf" "/sinter/$model-q8_0.part" q8_0 >/dev/null 2>&1
  mv "$work/$model-q8_0.part" "$work/$model-q8_0.gguf"
fi

# A speed is worth nothing if the programs do not compute the same. In float32 they must agree closely; with what is rounded
# to BF16, and to F16 in llama.cpp's cache, a router's choice between two experts that are nearly level may fall otherwise.
# The peers' logits are kept: they stay as they are while Sinter changes.
tokens=$(seq -s, 2 3 96)
logits=/sinter/$model-logits
if [ ! -e "$root$logits-q8_0.safetensors" ]; then
  for type in float32 bfloat16; do
    peer python3 /sinter/measure_transformers.py "/sinter/$model" --type $type --logits "$logits-$type.safetensors" --tokens "$tokens" 2>/dev/null
  done
  peer python3 /sinter/make_gguf.py "/sinter/$model" /sinter/exact.gguf float32 >&2
  peer python3 /sinter/llama_logits.py /sinter/exact.gguf "$logits-f32.safetensors" --tokens "$tokens" --exact
  rm "$work/exact.gguf"
  for type in bf16 q8_0; do
    peer python3 /sinter/llama_logits.py "/sinter/$model-$type.gguf" "$logits-$type.safetensors" --tokens "$tokens"
  done
fi
sinter trace "$work/$model" --tokens "$tokens" --out "$work/sinter.safetensors" >&2
sinter trace "$work/$model-fp8" --tokens "$tokens" --out "$work/sinter-fp8.safetensors" >&2
echo "Logits beside transformers' in float32:"
peer python3 /sinter/compare_logits.py 1e-4 "$logits-float32.safetensors" \
  "Sinter=/sinter/sinter.safetensors" "llama.cpp in F32=$logits-f32.safetensors"
peer python3 /sinter/compare_logits.py inf "$logits-float32.safetensors" "transformers in bfloat16=$logits-bfloat16.safetensors" \
  "llama.cpp BF16=$logits-bf16.safetensors" "llama.cpp q8_0=$logits-q8_0.safetensors" "Sinter FP8=/sinter/sinter-fp8.safetensors"
[ -z "$check" ] || exit 0

results="$work/results.jsonl"
: > "$results"
positions=$(peer python3 -c "import json; print(json.load(open('/sinter/$model/config.json'))['max_position_embeddings'])")
long=512
[ "$positions" -gt 576 ] || long=$((positions - 64))
record() { peer python3 /sinter/record.py "$@" >> "$results"; }
measured() { [[ ,$programs, == *,$1,* ]]; }
measure_sinter() { # TYPE FOLDER PROMPT STEPS WHAT...
  measured sinter || return 0
  local converted=()
  [ "$1" != int8 ] || converted=(--weights int8)
  sinter bench "$work/$2" -p "$3" -n "$4" -r "$repeat" -t "$threads" "${converted[@]}" --json > "$work/measured.json"
  record sinter "$1" /sinter/measured.json "${@:5}"
}
measure_llama() { # TYPE OPTION...
  measured llama.cpp || return 0
  # One run more, since llama-bench warms decoding up by a single token; record.py leaves the first out.
  peer llama-bench -m "/sinter/$model-$1.gguf" "${@:2}" -t "$threads" -r $((repeat + 1)) -o json > "$work/measured.json" 2>/dev/null
  record llama.cpp "$1" /sinter/measured.json
}
measure_transformers() { # TYPE
  measured transformers || return 0
  peer python3 /sinter/measure_transformers.py "/sinter/$model" --threads "$threads" --type "$1" "${experts[@]}" --prefill "128,$long" \
    --repeat "$repeat" 2>/dev/null >> "$results"
}
measure_limits() {
  "${first[@]}" env "${narrow_sinter[@]}" dotnet "$repository/tools/bench/bin/Release/net10.0/Sinter.Bench.dll" limits --threads "$threads" \
    >> "$results"
}
for round in $(seq "$rounds"); do
  for threads in ${counts//,/ }; do
    echo "$(date +%H:%M:%S) round $round of $rounds, $threads threads" >&2
    measure_limits
    measure_sinter bf16 "$model" 128 64 prefill decode
    measure_llama bf16 -p "128,$long" -n 0
    measure_sinter bf16 "$model" "$long" 1 prefill
    measure_llama bf16 -p 0 -n 64 -d 128
    measure_sinter fp8 "$model-fp8" 128 64 prefill decode
    measure_llama q8_0 -p "128,$long" -n 0
    measure_sinter int8 "$model" 128 64 prefill decode
    measure_sinter fp8 "$model-fp8" "$long" 1 prefill
    measure_sinter int8 "$model" "$long" 1 prefill
    measure_llama q8_0 -p 0 -n 64 -d 128
    for type in "${types[@]}"; do measure_transformers "$type"; done
  done
  if [ -n "$context" ]; then
    for behind in 64 "$context"; do
      measure_sinter bf16 "$model" "$behind" 64 decode
      measure_sinter fp8 "$model-fp8" "$behind" 64 decode
      measure_sinter int8 "$model" "$behind" 64 decode
    done
    for type in bf16 q8_0; do measure_llama $type -p 0 -n 64 -d "64,$context"; done
  fi
done

echo
echo "$(date -u +%Y-%m-%d), $rounds rounds, of each the median of $repeat; $(lscpu | sed -n 's/^Model name: *//p' | head -1), $(nproc) cores${avx2:+, without AVX-512}"
peer python3 /sinter/summarize.py /sinter/results.jsonl "/sinter/$model/config.json"
