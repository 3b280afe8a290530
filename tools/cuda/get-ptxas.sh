#!/usr/bin/env bash
# Puts NVIDIA's PTX assembler and disassembler (ptxas, cuobjdump, nvdisasm, fatbinary, 12.4) into DIR/bin.
# They come from Debian's non-free package nvidia-cuda-toolkit, through the mirror that apt is set to use here;
# nothing is installed system-wide. usage: get-ptxas.sh [DIR]   (default: .cache/cuda)
set -euo pipefail
dir=$(realpath -m "${1:-.cache/cuda}")
[ -x "$dir/bin/ptxas" ] && { echo "$dir/bin"; exit 0; }
command -v apt-get >/dev/null || { echo "get-ptxas.sh needs apt-get (Debian or Ubuntu)." >&2; exit 1; }
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/\?$') \
    || { echo "apt's configuration names no Debian mirror." >&2; exit 1; }
apt="$dir/apt"; mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$dir/bin"
echo "deb [trusted=yes] $mirror trixie non-free" > "$apt/sources.list"
opts=(-qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=-
      -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root)
apt-get "${opts[@]}" update
(cd "$apt" && apt-get "${opts[@]}" download nvidia-cuda-toolkit && dpkg -x nvidia-cuda-toolkit_*.deb root)
cp "$apt"/root/usr/bin/{ptxas,cuobjdump,nvdisasm,fatbinary} "$dir/bin/"
rm -rf "$apt"
"$dir/bin/ptxas" --version | tail -n2 >&2
echo "$dir/bin"
