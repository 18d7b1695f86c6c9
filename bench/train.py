"""Speed of training. Every figure is a ratio of things that take turns in one run on this machine.

    python bench/train.py augment                   # the batched augmentation against torchvision and lightly, image by image
    python bench/train.py loop --threads 2          # a whole training loop against a DataLoader, torchvision and lightly's loss
    python bench/train.py sag --quick               # what the random walk adds to VICReg: time and peak memory
    python bench/train.py throughput --device cuda  # images/s, share of the device's peak, where the time goes
    python bench/train.py methods                   # a step of every method against a step of VICReg, each with its own preset
    python bench/train.py cpu                       # what makes a step and an embedding fast on a processor, and the share of each operation
    python bench/train.py heads                     # steps of a head on cached features, and the share of each operation

A repetition measures each side once; every second one goes through them backwards. `cpu`, `heads` and, on a CPU, `methods` count processor time on one thread, the others the clock. Printed are the median over the repetitions, the
quartiles, and the ratio of the medians with a 95 % interval (bootstrap over the repetitions).
"""

import copy, gc, json, os, subprocess, sys, tempfile, time
from argparse import SUPPRESS, ArgumentParser
from dataclasses import asdict, replace
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np, torch, torch.nn.functional as F
from PIL import Image
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity
from torch.utils.data import DataLoader, Dataset, RandomSampler, default_collate
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms import v2

from sagvicreg.core import environment, generator, keep_freed_memory, seed_everything
from sagvicreg.data.augment import AUGMENTATIONS, augmentation, preprocess
from sagvicreg.data.datasets import ImageSet, cifar100
from sagvicreg.features import FeatureViews
from sagvicreg.graph.walk import RandomWalkPairs
from sagvicreg.losses import vicreg_terms
from sagvicreg.methods.vicreg import VICReg
from sagvicreg.protocols.runs import commit
from sagvicreg.training import export as export_module, trainer as trainer_module
from sagvicreg.training.export import embed
from sagvicreg.training.recipe import make_optimizer
from sagvicreg.training.recipe import METHOD_RECIPES, preset
from sagvicreg.training.recipe import Recipe, build_encoder
from sagvicreg.training.trainer import Trainer

try:
    from lightly.loss import VICRegLoss
except ImportError:
    VICRegLoss = None
try:
    from lightly.transforms.vicreg_transform import VICRegViewTransform
except ImportError:
    VICRegViewTransform = None

OUT = tempfile.TemporaryDirectory(
    prefix="sagvicreg-bench-"
)  # run folders of the trainers; nothing is written in a step


# ---- the trainer, in one place ----------------------------------------------------------------------------------------------------


def bench_recipe(a, method, network, width, expander, **more):
    "A recipe with a small stem, for so many epochs that no bench comes to their end."
    return Recipe(
        **dict(
            method=method,
            backbone=network,
            small_stem=True,
            width=width,
            expander=expander,
            epochs=1000,
            batch_size=getattr(a, "batch", 256),
            seed=a.seed,
        )
        | more
    )


def make_trainer(recipe, data, device):
    "A trainer in training mode."
    return Trainer(recipe, data, Path(OUT.name) / str(time.monotonic_ns()), device=device)


def step(trainer, images):
    "One training step on uint8 images on the trainer's device."
    return trainer.train_step(images)


def adapt(trainer, words):
    "Switch on what a variant is named for: `compile`d encoder, `nchw` instead of channels_last. Precision belongs to the recipe."
    if "nchw" in words:
        trainer.method.to(memory_format=torch.contiguous_format)
        trainer.method.encoder.register_forward_pre_hook(
            lambda module, args: tuple(x.contiguous() for x in args)
        )
    if "compile" in words:
        trainer.method.encoder.compile()
    return trainer


# ---- measuring --------------------------------------------------------------------------------------------------------------------


def sync(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(f, device):
    "Wall time of one call, the device's work included."
    sync(device)
    start = time.perf_counter()
    f()
    sync(device)
    return time.perf_counter() - start


def alternate(sides, repeat, device):
    "Seconds of each side (name: function) in `repeat` repetitions; every second repetition goes backwards."
    times = {name: [] for name in sides}
    for r in range(repeat):
        for name in list(sides)[:: -1 if r % 2 else 1]:
            times[name].append(seconds(sides[name], device))
    return times


def processor_seconds(f):
    "Processor time of one call, of all threads."
    start = time.process_time()
    f()
    return time.process_time() - start


def take_turns(sides, repeat):
    "Processor time of each side (name: function) in `repeat` repetitions; every second repetition goes backwards."
    times = {name: [] for name in sides}
    for r in range(repeat):
        for name in list(sides)[:: -1 if r % 2 else 1]:
            times[name].append(processor_seconds(sides[name]))
    return times


def spread(x):
    "Median, quartiles and range."
    low, median, high = np.quantile(x, (0.25, 0.5, 0.75)).tolist()
    return dict(n=len(x), median=median, quartiles=[low, high], range=[min(x), max(x)])


def ratio(above, below, seed=0):
    "Ratio of the medians, and its 95 % interval from a bootstrap over the repetitions, both sides drawn together."
    above, below = np.asarray(above), np.asarray(below)
    rows = np.random.default_rng(seed).integers(len(above), size=(4000, len(above)))
    drawn = np.median(above[rows], 1) / np.median(below[rows], 1)
    return dict(
        ratio=float(np.median(above) / np.median(below)),
        interval=np.quantile(drawn, (0.025, 0.975)).tolist(),
    )


def calibrate(f, block, device, least=1):
    "How many calls make a block of about `block` seconds; f has been called before."
    return max(least, round(block / max(seconds(f, device), 1e-6)))


def times_over(f, n):
    "A function that calls f n times."

    def g():
        for _ in range(n):
            f()

    return g


def show_speed(name, r, said):
    rate, (low, high) = r["images_per_s"], r["seconds"]["quartiles"]
    line = f"  {name:44} {rate:12,.1f} images/s   quartiles {r['images']/high:,.1f} … {r['images']/low:,.1f}"
    if "faster" in r:
        line += f"   " + said.format(
            "× {ratio:.3f} ({interval[0]:.3f} … {interval[1]:.3f})".format(**r["faster"])
        )
    print(line, flush=True)


def speeds(times, images, base, said, base_over=False):
    "Rows of images/s from seconds (`images` in one measurement of each side); how many times as fast as `base`, or `base` as the row."
    rows = {}
    for name, t in times.items():
        t = [s / images[name] for s in t]
        rows[name] = dict(
            images=1,
            images_per_s=1 / float(np.median(t)),
            seconds=spread(t),
            raw_seconds_per_image=t,
        )
        if name == base:
            continue
        other = [s / images[base] for s in times[base]]
        rows[name]["faster"] = (
            ratio(t, other) | dict(of="base over this")
            if base_over
            else ratio(other, t) | dict(of="this over base")
        )
    for name, r in rows.items():
        show_speed(name, r, said)
    return rows


# ---- images -----------------------------------------------------------------------------------------------------------------------


def blobs(n, size, seed):
    "Random images with some structure: coloured noise of 8 × 8, enlarged."
    x = torch.randint(256, (n, 3, 8, 8), generator=generator(seed)).float()
    images = (
        F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
        .round()
        .to(torch.uint8)
    )
    return ImageSet(images, name=f"blobs-{size}")


def load(a, size=32):
    "CIFAR-100 where --root has it, else random blobs; says which."
    data = (
        cifar100(a.root, True)[slice(a.images)]
        if a.root and size == 32
        else blobs(a.images, size, a.seed)
    )
    print(f"images: {data}{'' if a.root and size == 32 else ', random, seed ' + str(a.seed)}")
    return data


class Draw:
    "Batches of images on the device, drawn at random; the same for equal seeds."

    def __init__(self, data, batch, device, seed):
        self.images, self.batch, self.rng = data.images.to(device), batch, generator(seed, device)

    def __call__(self):
        at = torch.randint(
            len(self.images), (self.batch,), generator=self.rng, device=self.images.device
        )
        return self.images[at]


# ---- augment ----------------------------------------------------------------------------------------------------------------------


def torchvision_view(view, size, mean, std):
    "The transform of torchvision with the operations and probabilities of a `View`."
    jitter = v2.ColorJitter(view.brightness, view.contrast, view.saturation, view.hue)
    ops = [
        v2.RandomResizedCrop(size, view.scale, view.ratio, antialias=True),
        v2.RandomHorizontalFlip(view.flip),
        v2.RandomApply([jitter], p=view.jitter),
        v2.RandomGrayscale(view.grayscale),
    ]
    if view.blur:
        ops.append(
            v2.RandomApply([v2.GaussianBlur(view.kernel_size(size), view.sigma)], p=view.blur)
        )
    if view.solarize:
        ops.append(v2.RandomSolarize(128, view.solarize))
    return v2.Compose(
        [*ops, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    )


def lightly_view(view, size, mean, std):
    "The same of lightly, which solarises before it blurs and blurs with Pillow."
    return VICRegViewTransform(
        input_size=size,
        cj_prob=view.jitter,
        cj_strength=1.0,
        cj_bright=view.brightness,
        cj_contrast=view.contrast,
        cj_sat=view.saturation,
        cj_hue=view.hue,
        min_scale=view.scale[0],
        random_gray_scale=view.grayscale,
        solarize_prob=view.solarize,
        gaussian_blur=view.blur,
        sigmas=view.sigma,
        hf_prob=view.flip,
        normalize=dict(mean=mean, std=std),
    )


class PerImage(Dataset):
    "Views of one image at a time, from Pillow images as torchvision's data sets give them, or from tensors."

    def __init__(self, data, views, pillow=True):
        self.views, self.pillow = views, pillow
        self.images = (
            data.images.permute(0, 2, 3, 1).contiguous().numpy() if pillow else data.images
        )

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = Image.fromarray(self.images[i]) if self.pillow else self.images[i]
        return [view(image) for view in self.views]


def augment_sides(a, preset, size, data):
    "Functions that give both views of all of `data` as batches."
    ours, images, rng = (
        augmentation(preset, size, data.mean, data.std),
        data.images.to(a.device),
        generator(a.seed, a.device),
    )

    def one_by_one(make, pillow=True):
        source = PerImage(
            data, [make(v, size, data.mean, data.std) for v in AUGMENTATIONS[preset]], pillow
        )
        return source, lambda: default_collate([source[i] for i in range(len(source))])

    source, pillow = one_by_one(torchvision_view)
    sides = {
        "ours, batched": lambda: ours(images, rng),
        "torchvision, Pillow images": pillow,
        "torchvision, tensors": one_by_one(torchvision_view, False)[1],
    }
    if VICRegViewTransform:
        sides["lightly, Pillow images"] = one_by_one(lightly_view)[1]
    else:
        print("  lightly is not installed: its transform is left out")
    if a.workers:
        loader = DataLoader(
            source,
            max(1, len(source) // (4 * a.workers)),
            num_workers=a.workers,
            persistent_workers=True,
        )
        sides[f"torchvision, Pillow, {a.workers} workers"] = lambda: list(loader)
    return sides


def moments(batches):
    "Mean and standard deviation over both views: the sides must agree up to chance."
    batches = batches if torch.is_tensor(batches[0]) else [torch.cat(b) for b in zip(*batches)]
    x = torch.cat([b.float().cpu() for b in batches])
    return [x.mean().item(), x.std().item()]


def augment(a):
    result = {}
    for preset, size in (("small", 32), ("vicreg", 64)):
        data = load(a, size)[slice(a.batch)]
        print(
            f"preset {preset}, {size} px, two views of {len(data)} images, {torch.get_num_threads()} thread(s), ours on {a.device}"
        )
        seed_everything(a.seed)
        sides = augment_sides(a, preset, size, data)
        checks = {name: moments(f()) for name, f in sides.items()}
        sides["ours, batched"]()
        rows = speeds(
            alternate(sides, a.repeat, a.device),
            dict.fromkeys(sides, len(data)),
            "ours, batched",
            "ours {} as fast",
            True,
        )
        print(
            "  mean and standard deviation of the views: "
            + "; ".join(f"{k} {m:.3f} {s:.3f}" for k, (m, s) in checks.items())
            + "\n"
        )
        result[f"{preset} {size} px"] = dict(n=len(data), rows=rows, mean_and_std=checks)
    return result


# ---- loop -------------------------------------------------------------------------------------------------------------------------


def plain_vicreg(z, z2):
    "VICReg's loss, written down from its formula."

    def regularised(x):
        n, d = x.shape
        x = x - x.mean(0)
        cov = x.T @ x / (n - 1)
        spread = F.relu(1 - (x.var(0) + 1e-4).sqrt()).mean()
        return 25 * spread / 2 + (cov.square().sum() - cov.diagonal().square().sum()) / d

    return 25 * F.mse_loss(z, z2) + regularised(z) + regularised(z2)


def their_loss():
    return (
        ("lightly.loss.VICRegLoss", VICRegLoss())
        if VICRegLoss
        else ("a plain VICReg loss (lightly is not installed)", plain_vicreg)
    )


class PlainLoop:
    "DataLoader, transforms image by image, the same network, loss and optimiser: what one writes with lightly."

    def __init__(self, a, recipe, data, bfloat16=False):
        self.device, self.batch, self.bfloat16, (_, self.loss) = (
            a.device,
            recipe.batch_size,
            bfloat16,
            their_loss(),
        )
        seed_everything(recipe.seed)
        self.encoder = build_encoder(recipe, data.images.shape[-1]).to(a.device).train()
        self.optimizer = make_optimizer(
            self.encoder,
            recipe.optimizer,
            recipe.base_lr * recipe.batch_size / 256,
            recipe.weight_decay,
        )
        self.source = PerImage(
            data,
            [
                torchvision_view(v, 32, data.mean, data.std)
                for v in AUGMENTATIONS[recipe.augmentation]
            ],
        )
        self.sampler = RandomSampler(
            self.source, replacement=True, num_samples=self.batch, generator=generator(a.seed)
        )
        self.loader = DataLoader(
            self.source,
            self.batch,
            sampler=self.sampler,
            num_workers=a.workers,
            drop_last=True,
            pin_memory=a.device == "cuda",
            persistent_workers=a.workers > 0,
        )
        self.ahead = 2 * a.workers  # batches the workers make in advance

    def step(self, views):
        x, y = (v.to(self.device, non_blocking=True) for v in views)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bfloat16):
            z, z2 = self.encoder(x).embedding, self.encoder(y).embedding
        loss = self.loss(z.float(), z2.float())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def block(self, warm, n):
        "Seconds of n steps after `warm` others, the workers at work before and after; then they are let come to rest."
        self.sampler._num_samples = self.batch * (warm + n + self.ahead)
        batches = iter(self.loader)
        for _ in range(warm):
            self.step(next(batches))
        t = seconds(lambda: [self.step(next(batches)) for _ in range(n)], self.device)
        for _ in batches:
            pass
        return t


class OurLoop:
    "The package's trainer."

    def __init__(self, a, recipe, data):
        self.device, self.trainer, self.draw = (
            a.device,
            make_trainer(recipe, data, a.device),
            Draw(data, recipe.batch_size, a.device, a.seed),
        )

    def block(self, warm, n):
        "Seconds of n steps after `warm` others."
        run = lambda: step(self.trainer, self.draw())
        times_over(run, warm)()
        return seconds(times_over(run, n), self.device)


def loop_sides(a, recipe, data):
    ours = {"ours, float32": OurLoop(a, replace(recipe, precision="float32"), data)}
    plain = {"plain loop, float32": PlainLoop(a, recipe, data)}
    if a.device == "cuda":
        plain["plain loop, bfloat16"] = PlainLoop(a, recipe, data, True)
        ours["ours, auto"] = OurLoop(a, replace(recipe, precision="auto"), data)
    return plain | ours


def agree(seed):
    "Largest difference between the baseline's loss and the package's on random embeddings, relative."
    z, z2 = torch.randn(2, 64, 96, generator=generator(seed), dtype=torch.float64)
    t = vicreg_terms(z, z2)
    mine = 25 * t["invariance"] + 25 * t["variance"] + t["covariance"]
    return (abs(their_loss()[1](z, z2) - mine) / mine).item()


def loop(a):
    data, result = load(a), {}
    print(
        f"baseline: DataLoader of {a.workers} workers, torchvision on Pillow images, {their_loss()[0]} "
        f"(differs from ours by {agree(a.seed):.1e}), {torch.get_num_threads()} thread(s), {a.device}"
    )
    for network in a.networks.split(","):
        name, _, width = network.partition(":")
        recipe = bench_recipe(
            a, "vicreg", name, float(width or 1), a.expander, optimizer=a.optimizer
        )
        sides = loop_sides(a, recipe, data)
        first = {k: s.block(a.warm, 2) / 2 for k, s in sides.items()}
        n = 2 * max(
            1, round(a.block / (2 * float(np.median(list(first.values())))))
        )  # even: workers deliver in pairs
        times = {k: [] for k in sides}
        for r in range(a.repeat):
            for k in list(sides)[:: -1 if r % 2 else 1]:
                times[k].append(sides[k].block(a.warm, n))
        print(
            f"{name} × {width or 1}, expander {a.expander}, batch {a.batch}, {a.optimizer}; {a.repeat} blocks of {n} steps after {a.warm}"
        )
        rows = speeds(
            times,
            dict.fromkeys(sides, n * a.batch),
            "plain loop, float32",
            "{} as fast as the plain loop in float32",
        )
        result[network] = dict(steps=n, warm=a.warm, rows=rows)
        del sides
        gc.collect()
    return dict(baseline=their_loss()[0], loss_difference=agree(a.seed), networks=result)


# ---- sag --------------------------------------------------------------------------------------------------------------------------


def sag_recipe(a, method, expander):
    return bench_recipe(
        a,
        method,
        a.network,
        a.width,
        expander,
        optimizer="lars",
        base_lr=0.2,
        precision=a.precision,
    )


def tensor_bytes(trainer):
    "Bytes of parameters, gradients, buffers and the optimiser's state."
    params = list(trainer.method.parameters())
    state = [v for s in trainer.optimizer.state.values() for v in s.values() if torch.is_tensor(v)]
    return sum(
        t.nbytes
        for t in [
            *params,
            *(p.grad for p in params if p.grad is not None),
            *trainer.method.buffers(),
            *state,
        ]
    )


def allocated_peak(f):
    "Peak of what torch's allocator hands out on the CPU during f, above what it had: the running sum of the profiler's memory events."
    with torch.profiler.profile(activities=[ProfilerActivity.CPU], profile_memory=True) as p:
        f()
    events = sorted(
        (e.start_ns(), i, e.nbytes())
        for i, e in enumerate(p.profiler.kineto_results.events())
        if e.name() == "[memory]"
    )
    return int(np.cumsum([b for *_, b in events]).max()) if events else None


def resident(key):
    return next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith(key)
    )


def memory_of(a):
    "The peak memory of one method, in this process alone; prints it as JSON."
    data = blobs(max(256, a.batch), 32, a.seed)
    if a.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    before = resident("VmRSS")
    trainer, draw = make_trainer(sag_recipe(a, a.method, a.expander), data, a.device), Draw(
        data, a.batch, a.device, a.seed
    )
    times_over(lambda: step(trainer, draw()), 2)()
    row = dict(method=a.method, tensors=tensor_bytes(trainer))
    if a.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        times_over(lambda: step(trainer, draw()), 3)()
        sync(a.device)
        row |= dict(
            peak=torch.cuda.max_memory_allocated(),
            by="torch.cuda.max_memory_allocated over 3 steps",
        )
    else:
        row |= dict(resident_peak=resident("VmHWM") - before)
        images = draw()
        row |= dict(
            peak=row["tensors"] + allocated_peak(lambda: step(trainer, images)),
            by="parameters, gradients and optimiser + peak of torch.profiler's memory events in a step",
        )
    print(json.dumps(row))


def memory(a, expander):
    "Peak memory of both methods, each in a process of its own."
    rows = {}
    for method in ("vicreg", "sag-vicreg"):
        options = dict(
            method=method,
            expander=expander,
            network=a.network,
            width=a.width,
            batch=a.batch,
            device=a.device,
            seed=a.seed,
            threads=a.threads,
            precision=a.precision,
        )
        args = [
            sys.executable,
            __file__,
            "sag",
            *(word for k, v in options.items() for word in (f"--{k}", str(v))),
        ]
        done = subprocess.run(args, capture_output=True, text=True)
        try:
            rows[method] = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, json.JSONDecodeError):
            return dict(
                failed=f"exit code {done.returncode}: "
                + "".join(done.stderr.strip().splitlines()[-1:])[:300]
            )
    v, s = rows["vicreg"], rows["sag-vicreg"]
    out = dict(rows=rows, ratio=s["peak"] / v["peak"], by=v["by"])
    if "resident_peak" in v:
        out["resident_ratio"] = s["resident_peak"] / v["resident_peak"]
    return out


def pairing(a, expander, bfloat16):
    "A function that pairs one batch of embeddings: affinity graph and random walk, without the network."
    d, pairs, rng = int(expander.split("-")[-1]), RandomWalkPairs(), generator(a.seed, a.device)
    z, z2 = torch.randn(2, a.batch, d, generator=rng, device=a.device).to(
        torch.bfloat16 if bfloat16 else torch.float32
    )
    return lambda: pairs(z, z2, rng)


def sag(a):
    if a.quick:
        a.network, a.width, a.batch, a.expanders = (
            "resnet10t",
            0.25,
            64,
            "256-256-256,2048-2048-2048",
        )
    if a.method:
        return memory_of(a)
    data, result = load(a), {}
    for expander in a.expanders.split(","):
        trainers = {
            m: make_trainer(sag_recipe(a, m, expander), data, a.device)
            for m in ("vicreg", "sag-vicreg")
        }
        draw = Draw(data, a.batch, a.device, a.seed)
        for t in trainers.values():
            times_over(lambda: step(t, draw()), a.warm)()
        times = {m: [] for m in trainers}
        for r in range(a.repeat):
            images = draw()  # the same for both
            for m in list(trainers)[:: -1 if r % 2 else 1]:
                times[m].append(seconds(lambda: step(trainers[m], images), a.device))
        pair = pairing(a, expander, a.device == "cuda" and a.precision != "float32")
        times_over(pair, 3)()
        k = calibrate(pair, 0.05, a.device)
        alone = [seconds(times_over(pair, k), a.device) / k for _ in range(max(20, a.repeat))]
        once = [seconds(pair, a.device) for _ in range(max(20, a.repeat))]
        v, s = (spread(times[m]) for m in ("vicreg", "sag-vicreg"))
        r, share = ratio(times["sag-vicreg"], times["vicreg"]), float(
            np.median(alone) / v["median"]
        )
        paired = spread((np.array(times["sag-vicreg"]) / times["vicreg"]).tolist())
        print(
            f"{a.network} × {a.width}, expander {expander}, batch {a.batch}, {a.precision}, {a.device}, {torch.get_num_threads()} thread(s); "
            f"{a.repeat} steps of each"
        )
        for m, x in (("vicreg", v), ("sag-vicreg", s)):
            print(
                f"  {m:12} {1e3*x['median']:10.2f} ms a step   quartiles {1e3*x['quartiles'][0]:.2f} … {1e3*x['quartiles'][1]:.2f}"
            )
        print(
            f"  step time    × {r['ratio']:.4f} (95 %: {r['interval'][0]:.4f} … {r['interval'][1]:.4f}); median of the single ratios {paired['median']:.4f}"
        )
        print(
            f"  pairing      {1e3*np.median(alone):10.3f} ms alone ({1e3*np.median(once):.3f} with a wait after each) "
            f"= {100*share:.3f} % of a VICReg step",
            flush=True,
        )
        del trainers
        gc.collect()
        if a.device == "cuda":
            torch.cuda.empty_cache()
        m = memory(a, expander)
        print(
            "  peak memory  "
            + (
                m.get("failed")
                or f"× {m['ratio']:.4f}, {m['rows']['vicreg']['peak']/1e6:,.1f} MB for VICReg ({m['by']})"
                + (f"; resident × {m['resident_ratio']:.3f}" if "resident_ratio" in m else "")
            )
            + "\n",
            flush=True,
        )
        result[expander] = dict(
            network=a.network,
            width=a.width,
            batch=a.batch,
            seconds=dict(vicreg=v, sag=s),
            raw_seconds=times,
            ratio=r,
            paired=paired,
            pairing=dict(
                seconds=spread(alone), calls=k, with_a_wait=spread(once), share_of_step=share
            ),
            memory=m,
        )
    return result


# ---- throughput -------------------------------------------------------------------------------------------------------------------


def matmul_peak(device, n, dtype, repeat=10):
    "FLOP/s of an n × n × n product, the best of several blocks."
    x, y = torch.randn(2, n, n, device=device).to(dtype)
    f = lambda: x @ y
    f()
    k = calibrate(f, 0.1, device)
    return 2 * n**3 * k / min(seconds(times_over(f, k), device) for _ in range(repeat))


def flops_of(trainer, images):
    "FLOPs of one step, forward and backward, in all and by operation: products and convolutions, those of augmentation and loss included."
    with FlopCounterMode(display=False) as c:
        step(trainer, images)
    return c.get_total_flops(), {str(k): v for k, v in c.get_flop_counts()["Global"].items()}


def phases(trainer, run, device, n):
    "Seconds of the parts of a step, medians over n: by CUDA events (the clock on the CPU) at the encoder's and the optimiser's edges."
    marks, rows = {}, []

    def now():
        if device != "cuda":
            return time.perf_counter()
        e = torch.cuda.Event(enable_timing=True)
        e.record()
        return e

    def first(name):
        return lambda *_: marks.setdefault(name, now()) and None

    def last(name):
        return lambda *_: marks.update({name: now()})

    encoder, optimizer = trainer.method.encoder, trainer.optimizer
    hooks = [
        encoder.register_forward_pre_hook(first("in")),
        encoder.register_forward_hook(last("out")),
        optimizer.register_step_pre_hook(first("step")),
        optimizer.register_step_post_hook(last("stepped")),
    ]
    for _ in range(n):
        sync(device)
        marks.clear()
        start = now()
        run()
        end = now()
        sync(device)
        missing = {"in", "out", "step", "stepped"} - marks.keys()
        if missing:
            break
        at = [start, marks["in"], marks["out"], marks["step"], marks["stepped"], end]
        rows.append(
            [x.elapsed_time(y) / 1e3 if device == "cuda" else y - x for x, y in zip(at, at[1:])]
        )
    for h in hooks:
        h.remove()
    if missing:
        return dict(failed=f"no mark at {sorted(missing)}: the step goes past the hooks")
    names = "augmentation", "forward", "loss and backward", "optimiser", "rest"
    return dict(zip(names, np.median(rows, 0).tolist()))


def show_phases(name, part):
    said = part.get("failed") or ", ".join(
        f"{k} {1e3*v:.2f} ms ({100*v/sum(part.values()):.1f} %)" for k, v in part.items()
    )
    print(f"  parts of a step, {name}: {said}", flush=True)


def profile(run, device, path):
    "One step under torch.profiler; writes a table of the 25 costliest kernels, and torch's own; seconds the device was at work."
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device == "cuda")
    run()
    sync(device)
    with torch.profiler.profile(activities=activities) as p:
        run()
        sync(device)
    events, kind = p.key_averages(), DeviceType.CUDA if device == "cuda" else DeviceType.CPU
    time_of = (
        (lambda e: e.self_device_time_total)
        if device == "cuda"
        else (lambda e: e.self_cpu_time_total)
    )
    rows = [
        (time_of(e), e.count, e.key)
        for e in events
        if e.device_type == kind and not getattr(e, "is_user_annotation", False)
    ]
    rows, total = sorted(rows, reverse=True), sum(t for t, *_ in rows)
    lines = [
        f"{t/1e3:10.3f} ms {100*t/total:6.2f} %  {n:5} calls  {name[:150]}"
        for t, n, name in rows[:25]
    ]
    by = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    text = [
        f"{sum(n for _, n, _ in rows)} {'kernels' if device == 'cuda' else 'operations'} in one step, {total/1e3:.3f} ms",
        *lines,
        "",
        events.table(sort_by=by, row_limit=25, max_name_column_width=90),
    ]
    Path(path).write_text("\n".join(text) + "\n", encoding="utf-8")
    return dict(
        seconds=total / 1e6,
        launches=sum(n for _, n, _ in rows),
        top=[dict(ms=t / 1e3, calls=n, name=name[:150]) for t, n, name in rows[:10]],
    )


def show_profile(name, made, device, path, step_s):
    "Profile a variant; a failure is said and stored."
    try:
        found = profile(made[1], device, path)
    except Exception as e:
        found = dict(failed=f"{type(e).__name__}: {e}"[:300])
    what = "kernels" if device == "cuda" else "operations"
    said = (
        found.get("failed")
        or f"{found['launches']} {what}, {1e3*found['seconds']:.2f} ms at work in a step of {1e3*step_s:.2f} ms; {path}"
    )
    print(f"  profile, {name}: {said}", flush=True)
    return found


def variant(a, words, batch, data, draw):
    "A trainer for a variant such as `bf16+compile`, warmed up; the peak memory of its steps; how long the first step took."
    precision = "float32" if "float32" in words else "bfloat16"
    recipe = bench_recipe(
        a,
        a.method_name,
        a.network,
        a.width,
        a.expander,
        batch_size=batch,
        optimizer="lars",
        base_lr=0.2,
        precision=precision,
    )
    held = torch.cuda.memory_allocated() if a.device == "cuda" else 0
    trainer = adapt(make_trainer(recipe, data, a.device), words)
    run = with_switches(words, lambda: step(trainer, draw()))
    first = seconds(run, a.device)
    times_over(run, a.warm)()
    if a.device != "cuda":
        return trainer, run, dict(first_step_s=first)
    torch.cuda.reset_peak_memory_stats()
    run()
    sync(a.device)
    return (
        trainer,
        run,
        dict(first_step_s=first, peak_gb=(torch.cuda.max_memory_allocated() - held) / 1e9),
    )


def with_switches(words, f):
    "f without cudnn.benchmark (`nobenchmark`; the trainer turns it on) and with TF32 products (`tf32`) as the variant says, put back after."

    def g():
        old = torch.backends.cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32
        torch.backends.cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32 = (
            old[0] and "nobenchmark" not in words,
            old[1] or "tf32" in words,
        )
        try:
            f()
        finally:
            torch.backends.cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32 = old

    return g


def one_batch_size(a, batch, data, peak):
    "All variants at one batch, in turns; then FLOPs, the parts of a step, and a profile of the first and of the fastest."
    draw, made, rows = Draw(data, batch, a.device, a.seed), {}, {}
    for name in a.variants.split(","):
        try:
            made[name] = variant(a, name.split("+"), batch, data, draw)
        except Exception as e:
            rows[name] = dict(
                failed=f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"[:300]
            )
            print(f"  {name:44} failed: {rows[name]['failed']}", flush=True)
        gc.collect()
    if not made:
        return dict(rows=rows)
    base = next(iter(made))
    n = {k: calibrate(run, a.block, a.device, 1) for k, (_, run, _) in made.items()}
    times = alternate(
        {k: times_over(run, n[k]) for k, (_, run, _) in made.items()}, a.repeat, a.device
    )
    rows |= speeds(times, {k: n[k] * batch for k in made}, base, "{} as fast as " + base)
    eager = next((k for k in made if "compile" not in k.split("+")), None)
    flops, by = flops_of(made[eager][0], draw()) if eager else (float("nan"), {})
    for k, (*_, info) in made.items():
        s = batch / rows[k]["images_per_s"]
        rows[k] |= info | dict(
            steps=n[k], step_s=s, flops_per_s=flops / s, share_of_bf16_peak=flops / s / peak
        )
        print(
            f"  {k:44} {1e3*s:10.2f} ms a step, {flops/s/1e12:8.3f} TFLOP/s = {100*flops/s/peak:5.1f} % of the bf16 product"
            + (f", peak {info['peak_gb']:.2f} GB" if "peak_gb" in info else "")
            + f", first step {info['first_step_s']:.1f} s"
        )
    print(
        f"  {flops/1e9:,.2f} GFLOP a step: "
        + ", ".join(
            f"{k} {100*v/flops:.1f} %" for k, v in sorted(by.items(), key=lambda kv: -kv[1])
        ),
        flush=True,
    )
    for k, (trainer, run, _) in made.items():
        rows[k]["phases"] = phases(trainer, run, a.device, a.parts)
        show_phases(k, rows[k]["phases"])
    begin = a.profile or os.path.splitext(a.json or "train-throughput.json")[0]
    for k in dict.fromkeys(
        [base, min(made, key=lambda k: rows[k]["step_s"])]
    ):  # the base, and the fastest
        rows[k]["profile"] = show_profile(
            k,
            made[k],
            a.device,
            f"{begin}-{batch}-{k.replace('+', '-')}.profile.txt",
            rows[k]["step_s"],
        )
    print()
    return dict(base=base, rows=rows, flops=flops, flops_by=by)


def throughput(a):
    data = load(a)
    peak = matmul_peak(a.device, a.peak_size, torch.bfloat16)
    print(
        f"bf16 product of {a.peak_size}³: {peak/1e12:.3f} TFLOP/s, measured\n{a.method_name}, {a.network} × {a.width} small stem, "
        f"expander {a.expander}, LARS, preset small, {a.device}, {torch.get_num_threads()} thread(s); an image is two views; "
        f"{a.repeat} blocks of {a.block} s"
    )
    result = dict(
        bf16_peak=peak,
        peak_size=a.peak_size,
        cudnn_benchmark=torch.backends.cudnn.benchmark,
        batches={},
    )
    for batch in map(int, a.batches.split(",")):
        print(f"batch {batch}")
        result["batches"][batch] = one_batch_size(a, batch, data, peak)
        save(a, result)  # a cut loses one batch size
        gc.collect()
        torch._dynamo.reset()
        if a.device == "cuda":
            torch.cuda.empty_cache()
    return result


# ---- every method -----------------------------------------------------------------------------------------------------------------

VARIANTS = {
    "sag-vicreg-expected": ("sag-vicreg", dict(partners="expected"))
}  # rows that are a method with other arguments


def method_recipe(a, row):
    "The recipe of a row of `methods`."
    method, args = VARIANTS.get(row, (row, {}))
    changes = {k: v for k, v in dict(batch_size=a.batch, precision=a.precision).items() if v}
    return preset(a.preset, method=method, method_args=args, **changes)


def loss_alone(method, views, steps):
    "A function that computes the loss from given embeddings, with its gradient, so many times."
    outputs = tuple(o.detach().requires_grad_() for o in method.embed(views))
    return times_over(lambda: method.terms(outputs, generator(0))["loss"].backward(), steps)


def shares_of_a_step(a, trainers, draws, times, steps=60):
    "What the pairing and its loss add to VICReg's, as a share of VICReg's step."
    family = {m: t.method for m, t in trainers.items() if isinstance(t.method, VICReg)}
    views = trainers["vicreg"].augment(draws["vicreg"](), generator(a.seed))
    sides = {m: loss_alone(method, views, steps) for m, method in family.items()}
    for f in sides.values():
        f()
    alone, step_s = take_turns(sides, a.repeat), np.median(times["vicreg"]) / a.steps
    extra = {
        m: (np.array(t) - alone["vicreg"]) / steps / step_s
        for m, t in alone.items()
        if m != "vicreg"
    }
    return {
        m: dict(share=float(np.median(e)), quartiles=np.quantile(e, (0.25, 0.75)).tolist())
        for m, e in extra.items()
    }


def methods(a):
    "Steps of every method in turns, with the recipe its preset has for the data; all must stay finite."
    side = dict(digits=16).get(a.preset, 32)
    data = load(a, side)
    asked = [m for m in a.only.split(",") if m] or [*sorted(METHOD_RECIPES), *VARIANTS]
    names = ["vicreg", *(m for m in asked if m != "vicreg")]
    recipes = {m: method_recipe(a, m) for m in names}
    trainers = {m: make_trainer(r, data, a.device) for m, r in recipes.items()}
    draws = {m: Draw(data, r.batch_size, a.device, a.seed) for m, r in recipes.items()}
    last = {}

    def one(m):
        last[m] = step(trainers[m], draws[m]())["loss"]

    for m in names:
        times_over(lambda: one(m), a.warm)()
    peaks = {}

    def block(m):
        if a.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        times_over(lambda: one(m), a.steps)()
        if a.device == "cuda":
            peaks[m] = torch.cuda.max_memory_allocated()

    sides = {m: partial(block, m) for m in names}
    times = (
        alternate(sides, a.repeat, a.device) if a.device == "cuda" else take_turns(sides, a.repeat)
    )
    images = {m: a.steps * r.batch_size for m, r in recipes.items()}
    print(
        f"preset {a.preset}, {side} px, {a.device}, {torch.get_num_threads()} thread(s), {a.repeat} blocks of {a.steps} steps; an image is all its views"
    )
    rows = speeds(times, images, "vicreg", "time of VICReg: {}", base_over=True)
    shares = shares_of_a_step(a, trainers, draws, times) if a.device == "cpu" else {}
    for m, row in rows.items():
        cost = ratio(
            [s / images[m] for s in times[m]], [s / images["vicreg"] for s in times["vicreg"]]
        )
        parameters = sum(p.numel() for p in trainers[m].method.parameters() if p.requires_grad)
        row |= dict(
            cost=cost,
            finite=bool(last[m].isfinite()),
            loss=float(last[m]),
            backbone=recipes[m].backbone,
            parameters=parameters,
            bfloat16=trainers[m].bfloat16,
            peak=peaks.get(m),
            batch=recipes[m].batch_size,
            recipe=asdict(recipes[m]),
        )
        if m in shares:
            row["pairing"] = shares[m]
        print(
            f"  {m:19} × {cost['ratio']:.2f} ({cost['interval'][0]:.2f} … {cost['interval'][1]:.2f}) of VICReg's time an image   "
            f"{recipes[m].backbone}, {parameters:,} parameters{'' if row['finite'] else '   NOT FINITE'}",
            flush=True,
        )
    for m, x in shares.items():
        print(
            f"  {m}: pairing and loss take {100*x['share']:+.2f} % of VICReg's step more than VICReg's"
        )
    return rows


# ---- on a processor ---------------------------------------------------------------------------------------------------------------

PARTS = {
    "convolution": ("convolution.",),
    "convolution, backward": ("convolution_backward.",),
    "batch normalization": ("native_batch_norm.",),
    "batch normalization, backward": ("native_batch_norm_backward.",),
    "ReLU and its backward": ("relu_.", "relu.", "threshold_backward."),
    "pooling and its backward": ("avg_pool2d.", "avg_pool2d_backward.", "max_pool2d", "mean.dim"),
    "products (expander, loss, crops)": ("mm.", "addmm.", "bmm.", "baddbmm."),
    "optimizer": ("_fused_adamw_.", "_foreach"),
}


class TimedOperations(TorchDispatchMode):
    "Processor time of every operation, by part of a step."

    def __init__(self):
        super().__init__()
        self.seconds = dict.fromkeys([*PARTS, "other operations"], 0.0)

    def __torch_dispatch__(self, f, types, args=(), kwargs=None):
        start = time.thread_time()
        out = f(*args, **(kwargs or {}))
        part = next(
            (p for p, names in PARTS.items() if f.__name__.startswith(names)), "other operations"
        )
        self.seconds[part] += time.thread_time() - start
        return out


def operation_shares(run, n):
    "Seconds of a step by part, mean over n steps, and what Python takes."
    with TimedOperations() as timed:
        total = processor_seconds(times_over(run, n))
    return {k: v / n for k, v in timed.seconds.items()} | dict(
        Python=(total - sum(timed.seconds.values())) / n
    )


def cpu_recipe(a, precision):
    return bench_recipe(
        a,
        "vicreg",
        a.network,
        a.width,
        a.expander,
        augmentation=a.augmentation,
        optimizer="adamw",
        base_lr=2e-3,
        precision=precision,
    )


def step_sides(a, data):
    "Functions that make steps: as the trainer does, with the channels outermost, and in float32; and the trainers."
    draw = Draw(data, a.batch, "cpu", a.seed)
    trainers = {p: make_trainer(cpu_recipe(a, p), data, "cpu") for p in ("bfloat16", "float32")}
    planes = adapt(make_trainer(cpu_recipe(a, "bfloat16"), data, "cpu"), ("nchw",))
    sides = {
        "bfloat16": trainers["bfloat16"],
        "channels outermost": planes,
        "float32": trainers["float32"],
    }
    return {
        k: times_over(partial(lambda t: step(t, draw()), t), a.steps) for k, t in sides.items()
    }, trainers


def embedding_sides(a, encoder, data):
    "Functions that encode `--embed` images: as `embed` does, with the channels outermost, and in bfloat16."
    images = data.images[: a.embed]
    still = copy.deepcopy(encoder).eval().to(memory_format=torch.contiguous_format)

    def ours():
        embed(encoder, images, data.mean, data.std, progress=False)

    def planes():
        with torch.inference_mode():
            for x in images.split(512):
                still(preprocess(x, data.mean, data.std))

    def short():
        with torch.autocast("cpu", torch.bfloat16):
            ours()

    return {"embed": ours, "channels outermost": planes, "bfloat16": short}


def processor_times(a, data):
    "Seconds of all sides, of steps and of embedding, and seconds of a step by part."
    sides, trainers = step_sides(a, data)
    for f in sides.values():
        f()
    steps, draw = take_turns(sides, a.repeat), Draw(data, a.batch, "cpu", a.seed)
    parts = {p: operation_shares(lambda: step(t, draw()), a.steps) for p, t in trainers.items()}
    views = (
        processor_seconds(
            times_over(lambda: trainers["float32"].augment(draw(), generator(0)), a.steps)
        )
        / a.steps
    )
    sides = embedding_sides(a, trainers["float32"].method.encoder, data)
    for f in sides.values():
        f()
    return dict(steps=steps, parts=parts, augmentation=views, embedding=take_turns(sides, a.repeat))


def returned(a):
    "The same in a process that returns freed memory to the system, as glibc does by default; the setting cannot be undone."
    options = {
        k: getattr(a, k)
        for k in (
            "network",
            "width",
            "expander",
            "augmentation",
            "batch",
            "steps",
            "embed",
            "seed",
            "images",
            "repeat",
        )
    }
    args = [word for k, v in options.items() for word in (f"--{k}", str(v))] + [
        "--root",
        a.root,
    ] * bool(a.root)
    done = subprocess.run(
        [sys.executable, __file__, "cpu", "--returned", *args], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def cpu(a):
    data = load(a)
    if a.returned:
        for module in (trainer_module, export_module):
            module.keep_freed_memory = lambda: False
        print(json.dumps(processor_times(a, data)))
        return None
    print(
        f"{a.network} × {a.width}, expander {a.expander}, augmentation {a.augmentation}, batch {a.batch}, AdamW, {torch.get_num_threads()} thread(s); "
        f"auto is {'bfloat16' if make_trainer(cpu_recipe(a, 'auto'), data, 'cpu').bfloat16 else 'float32'}; {a.repeat} blocks of {a.steps} steps"
    )
    kept, other, result = processor_times(a, data), returned(a), {}
    for part, images, base in (
        ("steps", a.steps * a.batch, "bfloat16"),
        ("embedding", min(a.embed, len(data)), "embed"),
    ):
        times = kept[part] | {f"{k}, memory returned": v for k, v in other[part].items()}
        result[part] = speeds(times, dict.fromkeys(times, images), base, "{} as fast as " + base)
    parts = kept["parts"] | {"bfloat16, memory returned": other["parts"]["bfloat16"]}
    for name, seconds_of in parts.items():
        total = sum(seconds_of.values())
        print(
            f"  a step in {name}, {1e3*total:.0f} ms: "
            + ", ".join(f"{k} {100*v/total:.1f} %" for k, v in seconds_of.items()),
            flush=True,
        )
    print(
        f"  augmentation alone: {100*kept['augmentation']/sum(parts['bfloat16'].values()):.1f} % of a step in bfloat16"
    )
    return result | dict(parts=parts, augmentation=kept["augmentation"])


def heads(a):
    "Steps of the preset for features, on random ones, in both precisions."
    keep_freed_memory()
    rng = np.random.default_rng(a.seed)
    data = FeatureViews(rng.normal(size=(a.images, 4, a.features)).astype(np.float16))
    names = [f"{m}, {p}" for m in ("vicreg", "sag-vicreg") for p in ("bfloat16", "float32")]
    trainers = {
        k: make_trainer(
            preset("features", method=k.split(", ")[0], precision=k.split(", ")[1], epochs=1000),
            data,
            "cpu",
        )
        for k in names
    }
    batch = trainers[names[0]].recipe.batch_size
    draw = Draw(data, batch, "cpu", a.seed)
    sides = {
        k: times_over(partial(lambda t: step(t, draw()), t), a.steps) for k, t in trainers.items()
    }
    for f in sides.values():
        f()
    print(
        f"{trainers[names[0]].recipe.backbone} on {a.features} features, batch {batch}, 1 thread; {a.repeat} blocks of {a.steps} steps"
    )
    steps = speeds(
        take_turns(sides, a.repeat),
        dict.fromkeys(sides, a.steps * batch),
        names[0],
        "{} as fast as VICReg in bfloat16",
    )
    for k in names:
        print(f"  {k}: {steps[k]['images_per_s']/batch:.1f} steps/s")
    parts = {k: operation_shares(lambda: step(trainers[k], draw()), a.steps) for k in names[:2]}
    for k, part in parts.items():
        print(
            f"  a step of {k}: "
            + ", ".join(f"{n} {100*v/sum(part.values()):.1f} %" for n, v in part.items() if v),
            flush=True,
        )
    return dict(batch=batch, steps=steps, parts=parts)


# ---- command line -----------------------------------------------------------------------------------------------------------------


def hardware():
    "What the numbers depend on."
    try:
        lightly = metadata.version("lightly")
    except metadata.PackageNotFoundError:
        lightly = None
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    cpu = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), None
    )
    return environment() | dict(
        cpu=cpu,
        lightly=lightly,
        pillow=metadata.version("pillow"),
        cuda=torch.version.cuda,
        cudnn=torch.backends.cudnn.version(),
    )


def save(a, result):
    "Write --json."
    if not a.json:
        return
    settings = {k: v for k, v in vars(a).items() if k not in ("run", "hardware")}
    out = dict(
        bench=a.run.__name__,
        commit=commit(),
        environment=a.hardware,
        settings=settings,
        threads=torch.get_num_threads(),
        result=result,
    )
    Path(a.json).write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


def parser():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    subs = p.add_subparsers(
        required=True, metavar="augment | loop | sag | throughput | methods | cpu | heads"
    )

    def command(f, about, repeat, images):
        s = subs.add_parser(f.__name__, help=about, description=about)
        s.set_defaults(run=f)
        s.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
        s.add_argument("--json", default="", help="write the result to this file")
        s.add_argument(
            "--repeat", type=int, default=repeat, help="repetitions, each side once in each"
        )
        s.add_argument(
            "--threads",
            type=int,
            default=0,
            help="threads of torch; default as torch has it, 1 for augment, cpu, heads and methods",
        )
        s.add_argument("--seed", type=int, default=0)
        s.add_argument(
            "--root", default="", help="folder that holds cifar-100-python; default random images"
        )
        s.add_argument("--images", type=int, default=images, help="images to draw from")
        return s

    s = command(augment, "batched augmentation against image by image", 15, 1024)
    s.add_argument("--batch", type=int, default=256)
    s.add_argument(
        "--workers",
        type=int,
        default=-1,
        help="also torchvision in a DataLoader; default all cores for cuda, else the threads if several",
    )
    s = command(loop, "training step against a plain loop with lightly's loss", 7, 10_000)
    s.add_argument(
        "--networks", default="resnet18:1.0,resnet10t:0.25", help="timm names with the width"
    )
    s.add_argument("--expander", default="1024-1024-1024")
    s.add_argument("--batch", type=int, default=256)
    s.add_argument("--optimizer", default="adamw")
    s.add_argument("--workers", type=int, default=-1, help="of the DataLoader; default one a core")
    s.add_argument("--block", type=float, default=10.0, help="seconds of a block, about")
    s.add_argument("--warm", type=int, default=4, help="steps before each block that do not count")
    s = command(sag, "what SAG-VICReg costs beyond VICReg", 30, 2048)
    s.add_argument("--quick", action="store_true", help="a small network, batch and expander")
    s.add_argument("--network", default="resnet34")
    s.add_argument("--width", type=float, default=1.0)
    s.add_argument("--batch", type=int, default=256)
    s.add_argument("--expanders", default="1024-1024-1024,8192-8192-8192")
    s.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    s.add_argument("--warm", type=int, default=3)
    s.add_argument("--method", default="", help=SUPPRESS)
    s.add_argument("--expander", default="", help=SUPPRESS)
    s = command(throughput, "images/s and where the time goes", 7, 50_000)
    s.add_argument("--network", default="resnet34")
    s.add_argument("--width", type=float, default=1.0)
    s.add_argument("--expander", default="1024-1024-1024")
    s.add_argument("--method", dest="method_name", default="sag-vicreg")
    s.add_argument("--batches", default="256,512,1024")
    s.add_argument(
        "--variants",
        default="bf16,bf16+compile,bf16+nchw,bf16+nobenchmark,float32,float32+nchw",
        help="words joined by +: bf16 or float32, compile, nchw (not channels_last), nobenchmark (without cuDNN's), tf32; the first is what others are compared with",
    )
    s.add_argument("--block", type=float, default=2.0, help="seconds of a block, about")
    s.add_argument("--warm", type=int, default=3)
    s.add_argument(
        "--parts", type=int, default=20, help="steps over which the parts of a step are measured"
    )
    s.add_argument("--peak-size", type=int, default=8192, help="side of the matrices of the peak")
    s.add_argument(
        "--profile", default="", help="path the profiles' names begin with; default that of --json"
    )
    s = command(methods, "a step of every method against VICReg's", 9, 10_000)
    s.add_argument("--preset", default="digits", choices=("digits", "cifar100"))
    s.add_argument(
        "--only", default="", help="these methods beside VICReg, joined by commas; default all"
    )
    s.add_argument("--batch", type=int, default=0, help="images a step; default the preset's")
    s.add_argument("--precision", default="", choices=("", "auto", "float32", "bfloat16"))
    s.add_argument("--steps", type=int, default=3, help="steps of a block")
    s.add_argument("--warm", type=int, default=3)
    s = command(cpu, "what makes a step and an embedding fast on a processor", 5, 2048)
    s.add_argument("--network", default="resnet10t")
    s.add_argument("--width", type=float, default=0.5)
    s.add_argument("--expander", default="1024-1024-1024")
    s.add_argument("--augmentation", default="small")
    s.add_argument("--batch", type=int, default=256)
    s.add_argument("--steps", type=int, default=2, help="steps of a block")
    s.add_argument("--embed", type=int, default=512, help="images to embed")
    s.add_argument("--returned", action="store_true", help=SUPPRESS)
    s = command(heads, "steps of a head on cached features", 7, 6000)
    s.add_argument("--features", type=int, default=1280, help="numbers per image")
    s.add_argument("--steps", type=int, default=5, help="steps of a block")
    return p


def default_workers(a):
    "One a core; for augment on the CPU as many as ours has threads."
    if a.run is loop or a.device == "cuda":
        return os.cpu_count() or 1
    return torch.get_num_threads() if torch.get_num_threads() > 1 else 0


def main():
    a = parser().parse_args()
    if not a.threads and a.run in (augment, cpu, heads, methods):
        a.threads = 1
    if a.threads:
        torch.set_num_threads(a.threads)
    if getattr(a, "workers", 0) < 0:
        a.workers = default_workers(a)
    a.hardware = hardware()
    h = a.hardware
    print(
        f"{h['cores']} cores ({h['cpu']}), {h['gpus'] or 'no GPU'}, torch {h['torch']}, torchvision {h['torchvision']}, timm {h['timm']}, "
        f"lightly {h['lightly']}, seed {a.seed}\n"
    )
    result = a.run(a)
    if result is not None:
        save(a, result)


if __name__ == "__main__":
    main()
