"""Heads on frozen features: everything that `experiments/frozen_features` and its neighbors show.

    python bench/frozen.py features cifar100-lite0 --weights lite0.safetensors --root data
    python bench/frozen.py best
    python bench/frozen.py save

The first argument is a part of the measurements, `features`, `figures` (Figures 2, 3 and 6) or
`save`. Results are one file per row and seed; what is there is not run again. `save` joins them
into the files that the notebooks read. Pairs from labels and walks of three steps are run by
`experiments/known_pairs`.

Features of CIFAR-100 are of the first 120 training images and the first 50 test images of each
class, at 64 px. Those of Caltech-101 are of photographs at 96 px: a random third is held out, and
at most 60 of the others of each class are trained on. The stored results used another third than
this program draws.
"""

from argparse import ArgumentParser
from pathlib import Path

import torch

from sagvicreg.data.classes import CIFAR100_HIERARCHY
from sagvicreg.data.datasets import image_folder, load_dataset
from sagvicreg.features import embed_views, load_views
from sagvicreg.graph.walk import RandomWalkPairs
from sagvicreg.protocols.figures import plot_map, plot_neighbors, plot_pairs, save_figure
from sagvicreg.protocols.frozen import Part, Whole, half_task, read_results, run_rows, save_results
from sagvicreg.protocols.presets import read_method
from sagvicreg.training.heads import train_head

EQUAL = "normalize_weights=True"


def walk(k=5, partners="", **changes):
    "A row of the walk or of one of its controls, at equal invariance."
    parts = [f"k={k}", *([f"partners={partners}"] if partners else []), EQUAL]
    return "sag-vicreg:" + ",".join([*parts, *(f"{n}={v}" for n, v in changes.items())])


def at(lam, epochs):
    return dict(sim_coeff=lam, epochs=epochs)


def vicreg(**changes):
    return "vicreg:" + ",".join(f"{n}={v}" for n, v in changes.items())


def best(epochs=10):
    "Each method at its best settings, and the walk's controls at the walk's."
    same = at(3, epochs)
    return (
        vicreg(**same),
        walk(**same),
        walk(partners="random", **at(5, epochs)),
        walk(partners="random", **same),
        walk(partners="none", **same),
    )


FIRST = (
    "vicreg",
    *(f"vicreg:pair_dropout={p}" for p in (0.1, 0.3, 0.5, 0.7)),
    *(walk(partners=p) for p in ("", "random", "none", "expected")),
    *(walk(15, p) for p in ("", "random")),
)
SELECTION = tuple(
    make(**at(lam, epochs))
    for epochs in (5, 10, 3)
    for lam in (5, 3, 8, 2)
    for make in (vicreg, walk, lambda **how: walk(partners="random", **how))
)
PAIRED = [f"{m}:{d}" for m in ("simclr", "barlow-twins") for d in ("", "pair_dropout=0.3,")]
LOSSES = (
    *(f"{row}epochs={e}" for e in (5, 20) for row in PAIRED),
    *(f"spectralnet:epochs={e}" for e in (5, 20)),
)
SHORTER = "vicreg:epochs=5", "vicreg:sim_coeff=5", "vicreg:pair_dropout=0.5,epochs=40"
PARTS = {  # part → task, rows, seeds; as many steps where there are fewer images
    "first": ("cifar100-lite0", FIRST, range(16)),
    "selection": ("cifar100-lite0", SELECTION, range(100, 102)),
    "best": ("cifar100-lite0", best(), range(200, 216)),
    "shorter": ("cifar100-lite0", SHORTER, range(2)),
    "untrained": ("cifar100-lite0", (vicreg(base_lr=1e-9, epochs=1),), range(200, 204)),
    "lite2": ("cifar100-lite2", best(), range(200, 208)),
    "photographs": ("caltech101-lite0", best(31), range(200, 208)),
    "across": ("cifar100-caltech101-lite0", best(31), range(200, 204)),
    "hierarchy": ("cifar100-all-lite0", best(5), range(200, 204)),
    "losses": ("cifar100-lite0", LOSSES, range(300, 304)),
}


def task_of(name, folder):
    "A task from cached features."
    load = lambda name: tuple(load_views(Path(folder) / name / part) for part in ("train", "test"))
    if name == "cifar100-all-lite0":
        return Whole(name, Part(*load("cifar100-lite0")), CIFAR100_HIERARCHY)
    if name != "cifar100-caltech101-lite0":
        return half_task(name, *load(name))
    cifar, photographs = (half_task(n, *load(n)) for n in ("cifar100-lite0", "caltech101-lite0"))
    return type(cifar)(name, Part(cifar.first.train[::3], cifar.first.held), photographs.first)


def first_of_each(data, n):
    "The first n images of each class."
    places = [(data.labels == c).nonzero()[:n, 0] for c in data.labels.unique()]
    return data[torch.cat(places).sort().values]


def images_of(name, root):
    "Images to train on and images to measure."
    if name.startswith("cifar100"):
        train, test = (load_dataset("cifar100", root, part, 32) for part in (True, False))
        return first_of_each(train, 120), first_of_each(test, 50), 64
    photographs = image_folder(Path(root) / "caltech101", 96)
    third = torch.rand(len(photographs), generator=torch.Generator().manual_seed(0)) < 1 / 3
    return first_of_each(photographs[~third], 60), photographs[third], 96


def make_features(a):
    "Cache the features of a task."
    net = "tf_efficientnet_" + a.task.rpartition("-")[2]
    train, test, size = images_of(a.task, a.root)
    encoder, folder = f"timm:{net}@{a.weights}", Path(a.features) / a.task
    for part, data, views in (("train", train, 4), ("test", test, 0)):
        embed_views(encoder, data, folder / part, views, size=size)


def head_of(row, views):
    "The head of a row, with seed 0."
    method, changes = read_method(row)
    return train_head(views, method, device="cpu", **changes)


def figures(a):
    "Figures 2, 3 and 6 for classes new to the heads: neighbors, pairs of the walk, a map."
    task, (train, test, _) = task_of("cifar100-lite0", a.features), images_of("cifar100", a.root)
    learned, unseen = task.second.train, test.labels < 50
    images, labels = test.images[unseen], test.labels[unseen]
    heads = {name: head_of(row, learned) for name, row in zip(("VICReg", "SAG-VICReg"), best())}
    embedded = {name: head.embed(task.first.held) for name, head in heads.items()}
    fig, _ = plot_neighbors(images, labels, test.classes, embedded, queries=5, k=4)
    fig.set_dpi(75)  # a smaller file
    save_figure(fig, "nbs/images/features_neighbors.png")
    few = labels < 10
    shown = {name: z[few] for name, z in embedded.items()}
    fig = plot_map(shown, labels[few], test.classes, how="umap")
    save_figure(fig, "nbs/images/features_map.png")
    draw = torch.Generator().manual_seed(0)
    batch = torch.randperm(len(learned), generator=draw)[:256]
    view = torch.from_numpy(learned.views[batch, 0]).float()
    with torch.no_grad():
        z = heads["SAG-VICReg"].encoder.forward(view).embedding
    fig = plot_pairs(train.images[train.labels >= 50][batch], RandomWalkPairs(k=5)(z, z, draw))
    save_figure(fig, "nbs/images/features_pairs.png")


def save(a):
    "Join the results into the notebooks' files: one for the other losses, one for each task."
    for folder in sorted(Path(a.out).iterdir()):
        found, to = read_results(folder), Path(a.to)
        losses = [r for r in found if r["row"] in LOSSES]
        if losses:
            print(save_results(losses, to / "frozen-losses.json"))
        rest = [r for r in found if r not in losses]
        if rest:
            print(save_results(rest, to / f"frozen-{folder.name}.json"))


def main():
    p = ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("part", choices=["features", "figures", "save", *PARTS])
    p.add_argument("task", nargs="?", help="with features: such as cifar100-lite0")
    p.add_argument("--weights", help="with features: of the encoder, in timm's names")
    p.add_argument("--root", default="data", help="with features: folder of the data sets")
    p.add_argument("--features", default="features", help="folder of cached features")
    p.add_argument("--out", default="results/frozen", help="folder of results")
    p.add_argument("--to", default="nbs/results", help="with save: folder of the files")
    p.add_argument("--seeds", type=int, nargs="+", help="default: those of the part")
    a = p.parse_args()
    torch.set_num_threads(1)
    if a.part == "features":
        return make_features(a)
    if a.part == "figures":
        return figures(a)
    if a.part == "save":
        return save(a)
    name, rows, seeds = PARTS[a.part]
    task = task_of(name, a.features)
    for seed in a.seeds or seeds:
        run_rows(task, rows, (seed,), a.out, precision="bfloat16")


if __name__ == "__main__":
    main()
