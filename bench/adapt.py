r"""Adapting a pretrained network to a folder of photographs: k-NN accuracy before and after.

    python bench/adapt.py caltech101 --init tf_efficientnet_lite0.safetensors \
        --json nbs/results/adapt.json
    python bench/adapt.py caltech101 --init … --json … \
        --row "batch statistics:freeze_norm=False" --row "adapt:"

The recipe `adapt` trains on 30 images of each class without their labels. Then these vote on up to
20 other images of each class. A row is a name and changes of the recipe. The row `start` is the
network as it was, and is always measured. Rows that the JSON has already are not run again. The
time is processor time on one thread.
"""

import json, subprocess, tempfile, time
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import torch

from sagvicreg.core import Run, atomic_write, environment, generator
from sagvicreg.data.datasets import image_folder
from sagvicreg.probes import knn_accuracy
from sagvicreg.protocols.presets import parse_arguments
from sagvicreg.training.export import embed
from sagvicreg.training.fit import fit
from sagvicreg.training.recipe import as_config, build_encoder, preset
from sagvicreg.training.trainer import Trainer, find_start

NEIGHBORS = (1, 5, 10, 20)


def split(images, bank=30, queries=20):
    "Up to so many images of each class that vote and that are classified, drawn once."
    g, first, second = generator(0), [], []
    for c in images.labels.unique():
        rows = (images.labels == c).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=g)]
        first.append(rows[:bank])
        second.append(rows[bank : bank + queries])
    return images[torch.cat(first)], images[torch.cat(second)]


def accuracies(encoder, bank, queries, mean, std):
    "k-NN accuracy of the representation, for several k."
    how = dict(batch_size=64, progress=False)
    x, y = (embed(encoder, s.images, mean, std, **how) for s in (bank, queries))
    found = {str(k): knn_accuracy(x, bank.labels, y, queries.labels, k=k) for k in NEIGHBORS}
    return {k: round(accuracy, 4) for k, accuracy in found.items()}


def start(recipe, bank, queries, size):
    "The network before any training."
    found = find_start(recipe, size, Run("none"))
    encoder = build_encoder(recipe, size)
    encoder.backbone.load_state_dict(found.weights, strict=False)
    source = found.about | dict(source=Path(found.about["source"]).name)
    return dict(knn=accuracies(encoder.eval(), bank, queries, found.mean, found.std), start=source)


def adapted(recipe, bank, queries):
    "The network after a run on the bank without labels."
    with tempfile.TemporaryDirectory() as folder:
        trainer, began = Trainer(recipe, bank, folder, "cpu", progress=False), time.process_time()
        fit(trainer)
        seconds = time.process_time() - began
        last = next(r for r in reversed(trainer.run.read_log()) if "loss" in r)
        encoder, data = trainer.method.eval_encoder, trainer.data
        knn = accuracies(encoder, bank, queries, data.mean, data.std)
    return dict(
        knn=knn,
        seconds=round(seconds, 1),
        steps=trainer.steps,
        loss=round(last["loss"], 4),
        std=round(last["std"], 4),
    )


def about(a, bank, queries):
    "What the figures depend on."
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    data = dict(name=bank.name, size=a.size, classes=len(bank.classes))
    return dict(
        bench="adapt",
        environment=environment() | dict(cpu=models[0] if models else None),
        commit=commit,
        threads=torch.get_num_threads(),
        data=data | dict(bank=len(bank), queries=len(queries)),
    )


def parser():
    p = ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("folder", help="sub-folders named for the classes")
    p.add_argument("--init", required=True, help="a file of weights, or pretrained")
    p.add_argument("--size", type=int, default=96, help="side of the images, px")
    p.add_argument("--seeds", type=int, default=2)
    about = "NAME:CHANGES, such as adapt:base_lr=1e-3,epochs=3"
    p.add_argument("--row", action="append", help=about)
    p.add_argument("--json", required=True, help="file to write; measured rows stay")
    return p


def main():
    a = parser().parse_args()
    torch.set_num_threads(1)
    bank, queries = split(image_folder(a.folder, a.size))
    path = Path(a.json)
    whole = json.loads(path.read_text()) if path.exists() else {}
    result = whole.setdefault(f"{bank.name}, {a.size} px", about(a, bank, queries) | dict(rows={}))
    recipe = preset("adapt", init=a.init)

    def note(row, key, found):
        result["rows"].setdefault(row, {})[key] = found
        with atomic_write(path) as t:
            t.write_text(json.dumps(whole, indent=1) + "\n")
        print(row, key, json.dumps(found), flush=True)

    if "start" not in result["rows"]:
        note("start", "all seeds", start(recipe, bank, queries, a.size))
    for row in a.row or ["adapt:"]:
        name, _, changes = row.partition(":")
        for seed in range(a.seeds):
            if f"seed {seed}" in result["rows"].get(name, {}):
                continue
            r = replace(recipe, seed=seed, **parse_arguments(changes))
            config = as_config(replace(r, init="file"))
            note(name, f"seed {seed}", adapted(r, bank, queries) | dict(recipe=config))


if __name__ == "__main__":
    main()
