#!/usr/bin/env bash
# usage: bench/gpu.sh [FOLDER [STEP …]]
#
# What needs a GPU, the most useful first: the cells flagged cuda, the speed of training, then the
# structure metric at 50,000 and 200,000 items. The step `pending` runs only when it is named: the
# next missing runs of the paper's tables at the `short` scale, for nine minutes (MINUTES=…), into
# FOLDER/results.
#
# FOLDER is where results go (default bench/out). The steps are: cells throughput sag methods loop
# augment metric metric200k pending. Each writes as it ends, and its failure stops nothing. To go on
# after an interruption, name the steps that are left.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
out=${1:-bench/out}
shift || true
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(cells throughput sag methods loop augment metric metric200k)
mkdir -p "$out"
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} TQDM_DISABLE=1

# run NAME COMMAND …: its output to the screen and to NAME.txt
run() {
  local name=$1; shift
  "$@" 2>&1 | tee "$out/$name.txt" || echo "FAILED: $name" | tee -a "$out/$name.txt"
}

train() {
  local name=$1 file=train-$1-cuda; shift
  run "$file" python bench/train.py "$name" --device cuda --json "$out/$file.json" "$@"
}

metric() {
  run "$1" python bench/metrics.py --device cuda --no-naive --sizes "$2" --json "$out/$1.json"
}

# `reproduce --pending` skips the runs that have a result, so those that are known are copied
pending() {
  local results=$out/results
  mkdir -p "$results/runs"
  cp nbs/results/runs/*-short-*.json "$results/runs/" 2>/dev/null
  run pending python -m sagvicreg reproduce --pending --preset short \
    --minutes "${MINUTES:-9}" --out "$results"
}

for step in "${steps[@]}"; do
  case $step in
    cells) run cuda-cells python bench/cuda_cells.py ;;
    throughput) train throughput --block 1 ;;
    sag) train sag --repeat 200 ;;
    # two epochs of 50,000 images in batches of 256, in turns
    methods) train methods --preset cifar100 --steps 195 --repeat 2 ;;
    loop) train loop --block 5 --repeat 5 ;;
    augment) train augment --batch 1024 --repeat 7 ;;
    metric) metric metrics-cuda 10000,50000 ;;
    metric200k) metric metrics-cuda-200k 200000 ;;
    pending) pending ;;
    *)
      echo "step '$step'; expected cells, throughput, sag, methods, loop, augment," \
        "metric, metric200k or pending" >&2
      exit 2
      ;;
  esac
done
