#!/usr/bin/env bash
# What needs a GPU, in the order of its worth: the cells flagged cuda, the speed of training, then the structure metric at 50,000 and
# 200,000 items; and, when asked for by name, the next missing runs of the paper's tables at the `short` scale, for nine minutes
# (MINUTES=…), into FOLDER/results.
# usage: bench/gpu.sh [FOLDER [STEP …]]     results go to FOLDER (default bench/out); steps: cells throughput sag methods loop augment metric metric200k pending
# Each step writes as it ends and its failure stops nothing, so a cut loses one step; name the steps that are left to go on.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
out=${1:-bench/out}
shift || true
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(cells throughput sag methods loop augment metric metric200k)
mkdir -p "$out"
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} TQDM_DISABLE=1

run() {   # run NAME COMMAND …: its output to the screen and to NAME.txt
  local name=$1; shift
  "$@" 2>&1 | tee "$out/$name.txt" || echo "FAILED: $name" | tee -a "$out/$name.txt"
}
train() { local name=$1; shift; run "train-$name-cuda" python bench/train.py "$name" --device cuda --json "$out/train-$name-cuda.json" "$@"; }
metric() { local name=$1; shift; run "$name" python bench/metrics.py --device cuda --no-naive --sizes "$1" --json "$out/$name.json"; }

for step in "${steps[@]}"; do
  case $step in
    cells) run cuda-cells python bench/cuda_cells.py ;;
    throughput) train throughput --block 1 ;;
    sag) train sag --repeat 200 ;;
    methods) train methods --preset cifar100 --steps 195 --repeat 2 ;;      # two epochs of 50,000 images in batches of 256, in turns
    loop) train loop --block 5 --repeat 5 ;;
    augment) train augment --batch 1024 --repeat 7 ;;
    metric) metric metrics-cuda 10000,50000 ;;
    metric200k) metric metrics-cuda-200k 200000 ;;
    pending) mkdir -p "$out/results/runs"; cp nbs/results/runs/*-short-*.json "$out/results/runs/" 2>/dev/null
      run pending python -m sagvicreg reproduce --pending --preset short --minutes "${MINUTES:-9}" --out "$out/results" ;;
    *) echo "step '$step'; expected cells, throughput, sag, methods, loop, augment, metric, metric200k or pending" >&2; exit 2 ;;
  esac
done
