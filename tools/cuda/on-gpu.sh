#!/usr/bin/env bash
# Runs the CUDA kernels on this machine's NVIDIA GPU: results against double precision, and time beside the predictions.
# With --publish it only makes the folder artifacts/cuda-trial, which runs without .NET: copy it to the machine with the GPU,
# and run cuda-trial there. usage: tools/cuda/on-gpu.sh [--publish | --check]
set -euo pipefail
cd "$(dirname "$0")/../.."
dotnet publish tools/cuda-trial --configuration Release --runtime linux-x64 --self-contained --output artifacts/cuda-trial --verbosity quiet
if [ "${1:-}" = --publish ]; then echo "artifacts/cuda-trial/cuda-trial"; exit 0; fi
exec artifacts/cuda-trial/cuda-trial "$@"
