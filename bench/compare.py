"""All methods in one comparison: digits from scratch, and heads on frozen features.

    python bench/compare.py digits                     # into nbs/results/runs
    python bench/compare.py features features/cifar100-lite0 --json nbs/results/frozen-methods.json

Digits need two models per row and seed. Rows and seeds that have a result are not run again, so
after adding a method the same command runs only its rows. For features, the folder holds `train`
and `test`, as `sagvicreg views` writes them, and the file `--json` is the store. Methods that cut,
mask, crop or split images cannot be trained on features; their names are printed.
"""

import tempfile
from argparse import ArgumentParser
from pathlib import Path

import torch

from sagvicreg.core import SagvicregError
from sagvicreg.features import load_views
from sagvicreg.protocols.frozen import half_task, read_results, run_rows, save_results
from sagvicreg.protocols.reproduce import compared_experiments
from sagvicreg.protocols.runs import run_experiments
from sagvicreg.training.heads import head_recipe
from sagvicreg.training.recipe import METHOD_RECIPES
from sagvicreg.training.trainer import check_recipe

# As `Is it the graph?` found them.
AT_BEST = {"vicreg": "sim_coeff=3,", "sag-vicreg": "k=5,normalize_weights=True,sim_coeff=3,"}

HEAD = head_recipe().backbone


def digits(a):
    "The rows of `compared_recipes`, all with the first seed, then all with the second."
    rows = compared_experiments(a.seeds)
    run_experiments(rows, a.out, cache=a.cache, jobs=a.jobs, device=a.device)


def feature_rows(epochs):
    "Rows of the methods that can be trained on features, and the names of the others."
    rows, refused = [], []
    for method in METHOD_RECIPES:
        try:
            check_recipe(head_recipe(method, backbone=HEAD), 1280)
        except SagvicregError:
            refused.append(method)
        else:
            rows.append(f"{method}:{AT_BEST.get(method, '')}epochs={epochs}")
    expected = "k=5,partners=expected,normalize_weights=True,sim_coeff=3"
    rows += [f"sag-vicreg:{expected},epochs={epochs}", "vicreg:base_lr=1e-9,epochs=1"]
    return tuple(rows), refused


def features(a):
    "Each row on both halves of the classes; the file is written after each result."
    torch.set_num_threads(1)
    folder = Path(a.folder)
    task = half_task(folder.name, *(load_views(folder / part) for part in ("train", "test")))
    rows, refused = feature_rows(a.epochs)
    why = "not on features, since they cut, mask, crop or split images"
    print(f"{why}: {', '.join(refused)}", flush=True)
    known = read_results(a.json) if Path(a.json).exists() else []
    for seed in a.seeds:
        for row in rows:
            if any((r["row"], r["seed"]) == (row, seed) for r in known):
                continue
            with tempfile.TemporaryDirectory() as d:
                known += run_rows(task, (row,), (seed,), d, progress=False, precision=a.precision)
            save_results(known, a.json)
            print(f"{seed} {row} {known[-1]['seconds']:.0f} s", flush=True)


def main():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    subs = p.add_subparsers(required=True, metavar="digits | features")
    s = subs.add_parser("digits", help="two models per row and seed, from scratch")
    s.set_defaults(run=digits)
    s.add_argument("--seeds", type=int, default=4, help="number of seeds")
    s.add_argument("--out", default="nbs/results")
    s.add_argument("--cache", help="folder of runs; default as `sagvicreg reproduce`")
    about = "trainings in parallel; 0: one per core on a CPU"
    s.add_argument("--jobs", type=int, default=0, help=about)
    s.add_argument("--device", default="auto")
    s = subs.add_parser("features", help="heads on frozen features")
    s.set_defaults(run=features)
    s.add_argument("folder", help="holds train and test")
    s.add_argument("--json", required=True)
    s.add_argument("--seeds", type=int, nargs="+", default=[400, 401, 402, 403])
    s.add_argument("--epochs", type=int, default=10)
    s.add_argument("--precision", default="bfloat16")
    a = p.parse_args()
    a.run(a)


if __name__ == "__main__":
    main()
