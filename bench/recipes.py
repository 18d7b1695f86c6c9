r"""What a recipe reaches: accuracy of both probes on held-out images, time, and curves.

    python bench/recipes.py digits digits --seeds 0 1 2
    python bench/recipes.py cpu cifar100 --root data --seeds 0 1 2
    python bench/recipes.py "folder, 30 epochs" data/caltech101 --preset folder --size 64 \
        --change epochs=30 --seeds 0

The first argument is the row's name in the JSON. The second is the data: digits, cifar100, or a
folder with sub-folders named for the classes, of which every fifth image is held out. Curves are
there to compare your own run with. A row and seed that the JSON has already is not run again. Run
folders are kept (`--runs`): an interrupted run goes on, and a finished one is only measured.
"""

import json, subprocess, time
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import torch

from sagvicreg.core import Run, atomic_write, environment
from sagvicreg.data.classes import CIFAR100_HIERARCHY
from sagvicreg.probes import hierarchical_accuracy
from sagvicreg.protocols.presets import Table4, parse_arguments
from sagvicreg.protocols.runs import embed_with, experiment_data
from sagvicreg.training.fit import fit
from sagvicreg.training.recipe import Recipe, as_config, preset
from sagvicreg.training.trainer import Trainer


def make_recipe(a, seed):
    "The recipe of a row and seed; changes that are no field of it are arguments of the method."
    changes = parse_arguments(a.change)
    fields = {k: v for k, v in changes.items() if k in Recipe.__dataclass_fields__}
    args = {k: v for k, v in changes.items() if k not in fields}
    return preset(a.preset or a.name, **fields, method_args=args, seed=seed)


def train(recipe, images, folder, device):
    "Train, or go on, or do nothing; processor time in minutes, if this call did all of it."
    run, began = Run(folder), time.process_time()
    whole = not any(run.path.glob("checkpoint*.pt"))
    if not run.finished:
        fit(Trainer(recipe, images, folder, device), resume=not whole)
    return (time.process_time() - began) / 60 if whole else None


def levels(data):
    "Labels at the levels of the hierarchy; a folder has one level."
    if data.name.startswith("cifar100"):
        return CIFAR100_HIERARCHY.all_labels(data.labels)
    return dict(all=data.labels)


def accuracies(folder, bank, held, device):
    "Accuracy of both probes at every level."
    embed = embed_with(folder, device)
    b, q = embed(bank), embed(held)
    how, found = (b, levels(bank), q, levels(held)), {}
    for probe in ("knn", "linear"):
        rows = hierarchical_accuracy(*how, probe)
        found[probe] = {k: round(v["accuracy"], 4) for k, v in rows.items()}
    return found


def curves(folder):
    "The last row of the log of each epoch: loss, its terms, spread and rank of the embedding."
    rows = {int(r["epoch"] - 1e-9): r for r in Run(folder).read_log() if "loss" in r}
    known = [k for k in ("loss", "std", "rank") if k in next(iter(rows.values()))]
    return {k: [float(f"{r[k]:.4g}") for r in rows.values()] for k in known}


def clock(folder, batch):
    "Minutes of training by the clock, over all sessions of a run, and its steps."
    seconds, before = 0.0, 0
    for r in Run(folder).read_log():
        if "loss" not in r:
            continue
        seconds, before = seconds + (r["step"] - before) * batch / r["images_per_s"], r["step"]
    return seconds / 60, before


def cpu_name():
    "The processor, if Linux says it."
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "")
    name = models[0] if models else None
    return f"{name}{', avx512_bf16'*('avx512_bf16' in flags)}{', amx'*('amx_bf16' in flags)}"


def parser():
    p = ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("name", help="of the row, and of the preset if --preset is not given")
    p.add_argument("data", help="digits, cifar100 or a folder")
    p.add_argument("--preset", help="recipe to start from")
    about = "fields of the recipe and arguments of the method, such as epochs=30,sim_coeff=12"
    p.add_argument("--change", default="", help=about)
    p.add_argument("--size", type=int, help="side of the images, px")
    p.add_argument("--root", help="where cifar100 is")
    p.add_argument("--seeds", type=int, nargs="+", default=[0])
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--device", default="cpu")
    p.add_argument("--runs", default="runs/recipes", help="folder of run folders")
    kept = "nbs/results/recipes.json"
    p.add_argument("--json", default=kept, help="file to write; measured rows stay")
    return p


def measure(a, recipe, folder, images):
    "Train a recipe and measure it: what it reached, and what this depends on."
    core = train(recipe, images["all"], folder, a.device)
    minutes, steps = clock(folder, recipe.batch_size)
    command = ["git", "rev-parse", "--short", "HEAD"]
    return dict(
        recipe=as_config(replace(recipe, init=Path(recipe.init).name)),
        data=Path(a.data).name,
        size=a.size,
        n=len(images["all"]),
        held=len(images["held"]),
        steps=steps,
        minutes=round(minutes, 2),
        core_minutes=core and round(core, 2),
        threads=a.threads,
        device=a.device,
        **accuracies(folder, images["all"], images["held"], a.device),
        curves=curves(folder),
        cpu=cpu_name(),
        commit=subprocess.run(command, capture_output=True, text=True).stdout.strip(),
        date=time.strftime("%F"),
        environment=environment(),
    )


def main():
    a = parser().parse_args()
    torch.set_num_threads(a.threads)
    recipe, path = make_recipe(a, 0), Path(a.json)
    other = 64 if recipe.init == "scratch" else 96
    a.size = a.size or dict(digits=16, cifar100=32).get(a.data, other)
    images = experiment_data(Table4(size=a.size), a.data, a.root)
    for seed in a.seeds:
        whole = json.loads(path.read_text()) if path.exists() else {}
        if str(seed) in whole.get(a.name, {}):
            continue
        folder = Path(a.runs) / f"{a.name.replace(' ', '-').replace(',', '')}-s{seed}"
        found = measure(a, make_recipe(a, seed), folder, images)
        whole = json.loads(path.read_text()) if path.exists() else {}
        whole.setdefault(a.name, {})[str(seed)] = found
        with atomic_write(path) as t:
            t.write_text(json.dumps(whole, indent=1) + "\n")
        said = {k: found[k] for k in ("minutes", "core_minutes", "knn", "linear")}
        print(a.name, seed, said, flush=True)


if __name__ == "__main__":
    main()
