#!/usr/bin/env bash
# What needs a GPU, in one go and in the order of its worth: the cells flagged cuda, the speed of training, then the structure metric at
# 50,000 and 200,000 items.
# usage: bench/gpu.sh [FOLDER]      results go to FOLDER (default bench/out); each step writes as it ends, so a cut loses one step
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
out=${1:-bench/out}
mkdir -p "$out"
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} TQDM_DISABLE=1
python bench/cuda_cells.py 2>&1 | tee "$out/cuda-cells.txt"
train() {   # one subcommand of bench/train.py; its failure is said and stops nothing
  local name=$1; shift
  python bench/train.py "$name" --device cuda --json "$out/train-$name-cuda.json" "$@" 2>&1 | tee "$out/train-$name-cuda.txt" \
    || echo "FAILED: bench/train.py $name" | tee -a "$out/train-$name-cuda.txt"
}
train throughput --block 1
train sag --repeat 200
train loop --block 5 --repeat 5
train augment --batch 1024 --repeat 7
python bench/metrics.py --device cuda --no-naive --sizes 10000,50000 --json "$out/metrics-cuda.json" 2>&1 | tee "$out/metrics-cuda.txt"
python bench/metrics.py --device cuda --no-naive --sizes 200000 --json "$out/metrics-cuda-200k.json" 2>&1 | tee "$out/metrics-cuda-200k.txt"
