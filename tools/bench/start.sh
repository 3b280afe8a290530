#!/usr/bin/env bash
# Measures the whole life of a process that says one token after «In the beginning»: Sinter as built, as published, and as
# one native file, and llama.cpp's llama-completion, in turn on the same weights; prints wall and processor time.
# As root, for the chroot with llama.cpp (see peers.sh).
#
# usage: tools/bench/start.sh [OPTION...]
#   --checkpoint DIR  whose weights                  (default: models/tiny-trained)
#   --rounds N        how often each is started      (default: 15)
#   --root DIR        where llama.cpp is or goes     (default: /var/tmp/sinter-peers/root)
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
checkpoint=$repository/models/tiny-trained rounds=15 root=/var/tmp/sinter-peers/root
while [ $# -gt 0 ]; do
  case $1 in
    --checkpoint) checkpoint=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --root) root=$2; shift 2 ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

"$repository/tools/peers/debian-root.sh" "$root" >&2
model=$root/sinter/start
rm -rf "$model" "$model.gguf"
mkdir -p "$model"
cp "$checkpoint"/*.json "$checkpoint"/*.safetensors "$model/"
cp "$repository/tools/peers/make_gguf.py" "$root/sinter/"
chroot "$root" python3 /sinter/make_gguf.py /sinter/start /sinter/start.gguf bfloat16 >&2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build "$repository/tools/sinter" -c Release -v quiet --nologo >&2
dotnet publish "$repository/tools/sinter" -c Release -v quiet --nologo -o "$work/published" >&2
dotnet publish "$repository/tools/sinter" -c Release -v quiet --nologo -p:Native=true -o "$work/native" >&2

once() { # NAME COMMAND...
  local name=$1 TIMEFORMAT='%3R %3U %3S'
  shift
  { time "$@" > "$work/output" 2> "$work/error" < /dev/null || { cat "$work/error" >&2; exit 1; }; } 2>> "$work/$name"
}
for _ in $(seq $((rounds + 1))); do
  once 'Sinter, built' dotnet "$repository/tools/sinter/bin/Release/net10.0/sinter.dll" run "$model" "In the beginning" -n 1
  once 'Sinter, published' "$work/published/sinter" run "$model" "In the beginning" -n 1
  once 'Sinter, native' "$work/native/sinter" run "$model" "In the beginning" -n 1
  once llama-completion chroot "$root" llama-completion -m /sinter/start.gguf -p "In the beginning" -n 1 -t "$(nproc)" --temp 0 -no-cnv
done

echo "$(date -u +%Y-%m-%d), $rounds starts of each after one that does not count; $(lscpu | sed -n 's/^Model name: *//p' | head -1), $(nproc) cores"
echo "| program | ms, median (range) | ms of processor time, median |"
echo "|---|---|---|"
of() { # NAME COLUMNS: least, median, most of the sums of these columns, in milliseconds
  tail -n +2 "$work/$1" | awk -v columns="$2" '{ sum = 0; n = split(columns, c, ","); for (i = 1; i <= n; i++) sum += $c[i]; printf "%.0f\n", 1000 * sum }' \
    | sort -n | awk '{ v[NR] = $1 } END { print v[1], v[int((NR + 1) / 2)], v[NR] }'
}
for name in 'Sinter, built' 'Sinter, published' 'Sinter, native' llama-completion; do
  read -r least median most < <(of "$name" 1)
  read -r _ processor _ < <(of "$name" 2,3)
  echo "| $name | $median ($least to $most) | $processor |"
done
