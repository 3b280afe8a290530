#!/usr/bin/env bash
# Makes DIR a chroot of Debian unstable with the peers that Sinter's results and speed are compared with.
# Debian's stable release has older ones, or none. Run things in it with: chroot DIR python3 ...
#
# usage: debian-root.sh DIR [PACKAGE...]      as root; may be repeated with more packages
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "debian-root.sh: a chroot can only be made by root" >&2; exit 1; }

dir=$(realpath -m "$1"); shift
packages=("$@")
# OpenBLAS: without it PyTorch multiplies f32 matrices with the reference BLAS, twenty times slower; the OpenMP build
# keeps to the number of threads that PyTorch is told.
[ ${#packages[@]} -gt 0 ] || packages=(python3-torch python3-transformers python3-safetensors libopenblas0-openmp llama.cpp python3-gguf)

export DEBIAN_FRONTEND=noninteractive
command -v debootstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq debootstrap; }

# The same mirror that this machine's apt uses; apt names it once it has fetched its lists.
apt-get indextargets --format '$(REPO_URI)' | grep -q . || apt-get update -qq
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/\?$') \
  || { echo "debian-root.sh: apt's configuration names no Debian mirror" >&2; exit 1; }

if [ ! -e "$dir/.complete" ]; then
  debootstrap --variant=minbase --include=ca-certificates sid "$dir" "$mirror"
  # A mirror may lag behind; the signatures are checked all the same.
  echo 'Acquire::Check-Valid-Until "false";' > "$dir/etc/apt/apt.conf.d/90mirror"
  touch "$dir/.complete"
fi
for mount in proc sys dev; do
  mountpoint -q "$dir/$mount" || mount --bind "/$mount" "$dir/$mount"
done
# A package that another only suggests is known to dpkg-query --show, though it is not there.
chroot "$dir" dpkg --status "${packages[@]}" >/dev/null 2>&1 && exit
chroot "$dir" apt-get update -qq
chroot "$dir" apt-get install -y -qq --no-install-recommends "${packages[@]}"
