"""Speed of training. Every figure is a ratio of things that take turns in one run on this machine.

    python bench/train.py augment                   # augmentation against torchvision and lightly
    python bench/train.py loop --threads 2          # a whole training loop against a DataLoader's
    python bench/train.py sag --quick               # what the walk adds to VICReg: time and memory
    python bench/train.py throughput --device cuda  # images/s, share of the peak, parts of a step
    python bench/train.py methods                   # a step of every method against VICReg's
    python bench/train.py cpu                       # what makes a step fast on a processor
    python bench/train.py heads                     # steps of a head on cached features

A repetition measures each side once; every second one goes through them backwards. `cpu`, `heads`
and, on a CPU, `methods` count processor time on one thread, the others the clock. Printed are the
median over the repetitions, the quartiles, and the ratio of the medians with a 95 % interval
(bootstrap over the repetitions).
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
from sagvicreg.training.recipe import METHOD_RECIPES, preset
from sagvicreg.training.recipe import Recipe, build_encoder, make_optimizer
from sagvicreg.training.trainer import Trainer

try:
    from lightly.loss import VICRegLoss
except ImportError:
    VICRegLoss = None
try:
    from lightly.transforms.vicreg_transform import VICRegViewTransform
except ImportError:
    VICRegViewTransform = None

# Run folders of the trainers; nothing is written in a step.
OUT = tempfile.TemporaryDirectory(prefix="sagvicreg-bench-")


# ---- the trainer ---------------------------------------------------------------------------------


def bench_recipe(a, method, network, width, expander, batch, **more):
    "A recipe with a small stem, for so many epochs that no bench comes to their end."
    encoder = dict(backbone=network, width=width, small_stem=True, expander=expander)
    return Recipe(method=method, **encoder, epochs=1000, batch_size=batch, seed=a.seed, **more)


def make_trainer(recipe, data, device):
    "A trainer in training mode."
    return Trainer(recipe, data, Path(OUT.name) / str(time.monotonic_ns()), device=device)


def steps_of(trainers, draw, n):
    "Functions that make n steps, one for each trainer (name: trainer)."

    def one(trainer):
        trainer.train_step(draw())

    return {name: times_over(partial(one, t), n) for name, t in trainers.items()}


def adapt(trainer, words):
    "Do as a variant's name says: `compile` the encoder, or `nchw` instead of channels_last."
    if "nchw" in words:
        trainer.method.to(memory_format=torch.contiguous_format)
        trainer.method.encoder.register_forward_pre_hook(
            lambda module, args: tuple(x.contiguous() for x in args)
        )
    if "compile" in words:
        trainer.method.encoder.compile()
    return trainer


def in_new_process(command, options, *flags):
    "Run a command of this program in a process of its own."
    words = [word for k, v in options.items() for word in (f"--{k}", str(v))]
    whole = [sys.executable, __file__, command, *flags, *words]
    return subprocess.run(whole, capture_output=True, text=True)


# ---- measuring -----------------------------------------------------------------------------------


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


def processor_seconds(f):
    "Processor time of one call, of all threads."
    start = time.process_time()
    f()
    return time.process_time() - start


def in_turn(names, repetition):
    "The names in their order; backwards in every second repetition."
    return list(names)[:: -1 if repetition % 2 else 1]


def take_turns(sides, repeat, measure):
    "What `measure` returns for each side (name: side), in `repeat` repetitions."
    times = {name: [] for name in sides}
    for r in range(repeat):
        for name in in_turn(sides, r):
            times[name].append(measure(sides[name]))
    return times


def processor_turns(sides, repeat):
    "Processor time of each side (name: function) in turns, after a call that does not count."
    for f in sides.values():
        f()
    return take_turns(sides, repeat, processor_seconds)


def spread(x):
    "Median, quartiles and range."
    low, median, high = np.quantile(x, (0.25, 0.5, 0.75)).tolist()
    return dict(n=len(x), median=median, quartiles=[low, high], range=[min(x), max(x)])


def ratio(above, below, seed=0):
    "Ratio of the medians, and a 95 % interval: a bootstrap over the repetitions, drawn in pairs."
    above, below = np.asarray(above), np.asarray(below)
    rows = np.random.default_rng(seed).integers(len(above), size=(4000, len(above)))
    drawn = np.median(above[rows], 1) / np.median(below[rows], 1)
    whole = float(np.median(above) / np.median(below))
    return dict(ratio=whole, interval=np.quantile(drawn, (0.025, 0.975)).tolist())


def calibrate(f, block, device):
    "How many calls make a block of about `block` seconds; f has been called before."
    return max(1, round(block / max(seconds(f, device), 1e-6)))


def times_over(f, n):
    "A function that calls f n times."

    def g():
        for _ in range(n):
            f()

    return g


def threads():
    "How many threads torch uses, in words."
    return f"{torch.get_num_threads()} thread(s)"


def in_words(r, digits):
    "A ratio and its interval."
    low, high = r["interval"]
    return f"× {r['ratio']:.{digits}f} ({low:.{digits}f} … {high:.{digits}f})"


def shares(parts):
    "Parts (name: size) as shares of their sum, in words."
    total = sum(parts.values())
    return ", ".join(f"{name} {100 * size / total:.1f} %" for name, size in parts.items())


def show_speed(name, row, said):
    "Print a row of `speeds`."
    high, low = (1 / s for s in row["seconds"]["quartiles"])
    line = f"  {name:44} {row['images_per_s']:12,.1f} images/s   quartiles {low:,.1f} … {high:,.1f}"
    if "faster" in row:
        line += "   " + said.format(in_words(row["faster"], 3))
    print(line, flush=True)


def speeds(times, images, base, said, base_over=False):
    "Images/s from seconds for `images` of each side; the ratio to `base`, or of `base` to it."
    each, rows = {name: [s / images[name] for s in t] for name, t in times.items()}, {}
    for name, t in each.items():
        rate = 1 / float(np.median(t))
        rows[name] = dict(images=1, images_per_s=rate, seconds=spread(t), raw_seconds_per_image=t)
        if name != base and base_over:
            rows[name]["faster"] = ratio(t, each[base]) | dict(of="base over this")
        elif name != base:
            rows[name]["faster"] = ratio(each[base], t) | dict(of="this over base")
    for name, row in rows.items():
        show_speed(name, row, said)
    return rows


# ---- images --------------------------------------------------------------------------------------


def blobs(n, size, seed):
    "Random images with some structure: colored noise of 8 × 8, enlarged."
    noise = torch.randint(256, (n, 3, 8, 8), generator=generator(seed)).float()
    images = F.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False)
    return ImageSet(images.round().to(torch.uint8), name=f"blobs-{size}")


def load(a, size=32):
    "CIFAR-100 if --root has it, else random blobs; says which."
    if a.root and size == 32:
        data, how = cifar100(a.root, True)[slice(a.images)], ""
    else:
        data, how = blobs(a.images, size, a.seed), f", random, seed {a.seed}"
    print(f"images: {data}{how}")
    return data


class Draw:
    "Batches of images on the device, drawn at random; the same for equal seeds."

    def __init__(self, data, batch, device, seed):
        self.images, self.batch, self.rng = data.images.to(device), batch, generator(seed, device)

    def __call__(self):
        n, device = len(self.images), self.images.device
        return self.images[torch.randint(n, (self.batch,), generator=self.rng, device=device)]


# ---- augment -------------------------------------------------------------------------------------


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
        blur = v2.GaussianBlur(view.kernel_size(size), view.sigma)
        ops.append(v2.RandomApply([blur], p=view.blur))
    if view.solarize:
        ops.append(v2.RandomSolarize(128, view.solarize))
    ops += [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    return v2.Compose(ops)


def lightly_view(view, size, mean, std):
    "The same of lightly, which solarizes before it blurs and blurs with Pillow."
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
    "Views of one image at a time, of Pillow images (as torchvision gives them) or of tensors."

    def __init__(self, data, views, pillow=True):
        self.views, self.pillow, self.images = views, pillow, data.images
        if pillow:
            self.images = data.images.permute(0, 2, 3, 1).contiguous().numpy()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = Image.fromarray(self.images[i]) if self.pillow else self.images[i]
        return [view(image) for view in self.views]


def augment_sides(a, preset, size, data):
    "Functions that give both views of all of `data` as batches."
    ours = augmentation(preset, size, data.mean, data.std)
    images, rng = data.images.to(a.device), generator(a.seed, a.device)

    def one_by_one(make, pillow=True):
        views = [make(v, size, data.mean, data.std) for v in AUGMENTATIONS[preset]]
        source = PerImage(data, views, pillow)
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
        batch = max(1, len(source) // (4 * a.workers))
        loader = DataLoader(source, batch, num_workers=a.workers, persistent_workers=True)
        sides[f"torchvision, Pillow, {a.workers} workers"] = lambda: list(loader)
    return sides


def moments(batches):
    "Mean and standard deviation over both views: the sides must agree up to chance."
    batches = batches if torch.is_tensor(batches[0]) else [torch.cat(b) for b in zip(*batches)]
    x = torch.cat([b.float().cpu() for b in batches])
    return [x.mean().item(), x.std().item()]


def augment(a):
    "Both views of a batch, by every side."
    result, base, clock = {}, "ours, batched", partial(seconds, device=a.device)
    for preset, size in (("small", 32), ("vicreg", 64)):
        data = load(a, size)[slice(a.batch)]
        print(
            f"preset {preset}, {size} px, two views of {len(data)} images, "
            f"{threads()}, ours on {a.device}"
        )
        seed_everything(a.seed)
        sides = augment_sides(a, preset, size, data)
        checks = {name: moments(f()) for name, f in sides.items()}
        sides[base]()
        times, images = take_turns(sides, a.repeat, clock), dict.fromkeys(sides, len(data))
        rows = speeds(times, images, base, "ours {} as fast", base_over=True)
        said = "; ".join(f"{name} {mean:.3f} {std:.3f}" for name, (mean, std) in checks.items())
        print(f"  mean and standard deviation of the views: {said}\n")
        result[f"{preset} {size} px"] = dict(n=len(data), rows=rows, mean_and_std=checks)
    return result


# ---- loop ----------------------------------------------------------------------------------------


def plain_vicreg(z, z2):
    "VICReg's loss, written down from its formula."

    def regularized(x):
        n, d = x.shape
        x = x - x.mean(0)
        cov = x.T @ x / (n - 1)
        spread = F.relu(1 - (x.var(0) + 1e-4).sqrt()).mean()
        return 25 * spread / 2 + (cov.square().sum() - cov.diagonal().square().sum()) / d

    return 25 * F.mse_loss(z, z2) + regularized(z) + regularized(z2)


def their_loss():
    "The baseline's loss: its name and the function."
    if VICRegLoss:
        return "lightly.loss.VICRegLoss", VICRegLoss()
    return "a plain VICReg loss (lightly is not installed)", plain_vicreg


class PlainLoop:
    "What one writes with lightly: a DataLoader, transforms image by image, and the same training."

    def __init__(self, a, recipe, data, bfloat16=False):
        self.device, self.batch, self.bfloat16 = a.device, recipe.batch_size, bfloat16
        self.loss = their_loss()[1]
        seed_everything(recipe.seed)
        self.encoder = build_encoder(recipe, data.images.shape[-1]).to(a.device).train()
        rate = recipe.base_lr * recipe.batch_size / 256
        self.optimizer = make_optimizer(self.encoder, recipe.optimizer, rate, recipe.weight_decay)
        views = AUGMENTATIONS[recipe.augmentation]
        source = PerImage(data, [torchvision_view(v, 32, data.mean, data.std) for v in views])
        self.sampler = RandomSampler(
            source, replacement=True, num_samples=self.batch, generator=generator(a.seed)
        )
        self.loader = DataLoader(
            source,
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
        "Seconds of n steps after `warm` others, with workers ahead; at the end they come to rest."
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
        self.device, self.trainer = a.device, make_trainer(recipe, data, a.device)
        self.draw = Draw(data, recipe.batch_size, a.device, a.seed)

    def block(self, warm, n):
        "Seconds of n steps after `warm` others."
        run = lambda: self.trainer.train_step(self.draw())
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
    "Relative difference between the baseline's loss and the package's, on random embeddings."
    z, z2 = torch.randn(2, 64, 96, generator=generator(seed), dtype=torch.float64)
    t = vicreg_terms(z, z2)
    mine = 25 * t["invariance"] + 25 * t["variance"] + t["covariance"]
    return (abs(their_loss()[1](z, z2) - mine) / mine).item()


def loop(a):
    "Whole training steps, with several networks."
    data, result, base = load(a), {}, "plain loop, float32"
    loss, difference = their_loss()[0], agree(a.seed)
    print(
        f"baseline: DataLoader of {a.workers} workers, torchvision on Pillow images, {loss} "
        f"(differs from ours by {difference:.1e}), {threads()}, {a.device}"
    )
    for network in a.networks.split(","):
        name, _, width = network.partition(":")
        encoder = name, float(width or 1), a.expander
        recipe = bench_recipe(a, "vicreg", *encoder, a.batch, optimizer=a.optimizer)
        sides = loop_sides(a, recipe, data)
        first = float(np.median([side.block(a.warm, 2) / 2 for side in sides.values()]))
        n = 2 * max(1, round(a.block / (2 * first)))  # even: workers deliver in pairs
        times = take_turns(sides, a.repeat, lambda side: side.block(a.warm, n))
        print(
            f"{name} × {width or 1}, expander {a.expander}, batch {a.batch}, {a.optimizer}; "
            f"{a.repeat} blocks of {n} steps after {a.warm}"
        )
        images = dict.fromkeys(sides, n * a.batch)
        rows = speeds(times, images, base, "{} as fast as the plain loop in float32")
        result[network] = dict(steps=n, warm=a.warm, rows=rows)
        del sides
        gc.collect()
    return dict(baseline=loss, loss_difference=difference, networks=result)


# ---- sag -----------------------------------------------------------------------------------------


def sag_recipe(a, method, expander):
    more = dict(optimizer="lars", base_lr=0.2, precision=a.precision)
    return bench_recipe(a, method, a.network, a.width, expander, a.batch, **more)


def tensor_bytes(trainer):
    "Bytes of parameters, gradients, buffers and the optimizer's state."
    params = list(trainer.method.parameters())
    grads = [p.grad for p in params if p.grad is not None]
    state = [v for s in trainer.optimizer.state.values() for v in s.values() if torch.is_tensor(v)]
    return sum(t.nbytes for t in [*params, *grads, *trainer.method.buffers(), *state])


def allocated_peak(f):
    "Peak of what torch's allocator hands out on the CPU during f, above what it had."
    with torch.profiler.profile(activities=[ProfilerActivity.CPU], profile_memory=True) as p:
        f()
    events = enumerate(p.profiler.kineto_results.events())
    found = [(e.start_ns(), i, e.nbytes()) for i, e in events if e.name() == "[memory]"]
    return int(np.cumsum([size for *_, size in sorted(found)]).max()) if found else None


def resident(key):
    "A size in bytes that Linux keeps of this process."
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def memory_of(a):
    "The peak memory of one method, in this process alone; prints it as JSON."
    data = blobs(max(256, a.batch), 32, a.seed)
    before = resident("VmRSS")
    trainer = make_trainer(sag_recipe(a, a.method, a.expander), data, a.device)
    draw = Draw(data, a.batch, a.device, a.seed)
    times_over(lambda: trainer.train_step(draw()), 2)()
    row = dict(method=a.method, tensors=tensor_bytes(trainer))
    if a.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        times_over(lambda: trainer.train_step(draw()), 3)()
        sync(a.device)
        row["peak"] = torch.cuda.max_memory_allocated()
        row["by"] = "torch.cuda.max_memory_allocated over 3 steps"
    else:
        row["resident_peak"] = resident("VmHWM") - before
        images = draw()
        row["peak"] = row["tensors"] + allocated_peak(lambda: trainer.train_step(images))
        row["by"] = (
            "parameters, gradients and optimiser + peak of torch.profiler's memory events in a step"
        )
    print(json.dumps(row))


def memory(a, expander):
    "Peak memory of both methods, each in a process of its own."
    rows, same = {}, ("network", "width", "batch", "device", "seed", "threads", "precision")
    for method in ("vicreg", "sag-vicreg"):
        options = {k: getattr(a, k) for k in same} | dict(method=method, expander=expander)
        done = in_new_process("sag", options)
        try:
            rows[method] = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, json.JSONDecodeError):
            last = "".join(done.stderr.strip().splitlines()[-1:])[:300]
            return dict(failed=f"exit code {done.returncode}: {last}")
    v, s = rows["vicreg"], rows["sag-vicreg"]
    out = dict(rows=rows, ratio=s["peak"] / v["peak"], by=v["by"])
    if "resident_peak" in v:
        out["resident_ratio"] = s["resident_peak"] / v["resident_peak"]
    return out


def show_memory(m):
    if "failed" in m:
        said = m["failed"]
    else:
        peak = m["rows"]["vicreg"]["peak"] / 1e6
        said = f"× {m['ratio']:.4f}, {peak:,.1f} MB for VICReg ({m['by']})"
    if "resident_ratio" in m:
        said += f"; resident × {m['resident_ratio']:.3f}"
    print(f"  peak memory  {said}\n", flush=True)


def pairing(a, expander):
    "A function that pairs a batch of embeddings by graph and walk, without the network."
    d, pairs, rng = int(expander.split("-")[-1]), RandomWalkPairs(), generator(a.seed, a.device)
    short = a.device == "cuda" and a.precision != "float32"
    z = torch.randn(2, a.batch, d, generator=rng, device=a.device)
    z, z2 = z.bfloat16() if short else z
    return lambda: pairs(z, z2, rng)


def pairing_cost(a, expander, step_s):
    "Seconds of the pairing alone, in blocks and with a wait after each, and its share of a step."
    pair, n = pairing(a, expander), max(20, a.repeat)
    times_over(pair, 3)()
    k = calibrate(pair, 0.05, a.device)
    alone = spread([seconds(times_over(pair, k), a.device) / k for _ in range(n)])
    once = spread([seconds(pair, a.device) for _ in range(n)])
    share = alone["median"] / step_s
    return dict(seconds=alone, calls=k, with_a_wait=once, share_of_step=share)


def steps_on_equal_images(a, trainers, data):
    "Seconds of single steps of each trainer, in turns."
    draw = Draw(data, a.batch, a.device, a.seed)
    for f in steps_of(trainers, draw, a.warm).values():
        f()
    times = {m: [] for m in trainers}
    for r in range(a.repeat):
        images = draw()
        for m in in_turn(trainers, r):
            times[m].append(seconds(lambda: trainers[m].train_step(images), a.device))
    return times


def cost_of_walk(a, expander, data):
    "Steps of SAG-VICReg against steps of VICReg, and the pairing alone."
    both = "vicreg", "sag-vicreg"
    trainers = {m: make_trainer(sag_recipe(a, m, expander), data, a.device) for m in both}
    times = steps_on_equal_images(a, trainers, data)
    v, s = (spread(times[m]) for m in both)
    alone = pairing_cost(a, expander, v["median"])
    r = ratio(times["sag-vicreg"], times["vicreg"])
    paired = spread((np.array(times["sag-vicreg"]) / times["vicreg"]).tolist())
    print(
        f"{a.network} × {a.width}, expander {expander}, batch {a.batch}, {a.precision}, "
        f"{a.device}, {threads()}; {a.repeat} steps of each"
    )
    for m, x in zip(both, (v, s)):
        low, high = (1e3 * q for q in x["quartiles"])
        ms = f"{1e3 * x['median']:10.2f} ms a step"
        print(f"  {m:12} {ms}   quartiles {low:.2f} … {high:.2f}")
    low, high = r["interval"]
    print(
        f"  step time    × {r['ratio']:.4f} (95 %: {low:.4f} … {high:.4f}); "
        f"median of the single ratios {paired['median']:.4f}"
    )
    ms, waiting = (1e3 * alone[k]["median"] for k in ("seconds", "with_a_wait"))
    print(
        f"  pairing      {ms:10.3f} ms alone ({waiting:.3f} with a wait after each) "
        f"= {100 * alone['share_of_step']:.3f} % of a VICReg step",
        flush=True,
    )
    single = dict(vicreg=v, sag=s)
    return dict(seconds=single, raw_seconds=times, ratio=r, paired=paired, pairing=alone)


def sag(a):
    "What SAG-VICReg costs beyond VICReg, with several expanders."
    if a.quick:
        a.network, a.width, a.batch = "resnet10t", 0.25, 64
        a.expanders = "256-256-256,2048-2048-2048"
    if a.method:
        return memory_of(a)
    data, result = load(a), {}
    for expander in a.expanders.split(","):
        row = dict(network=a.network, width=a.width, batch=a.batch)
        row |= cost_of_walk(a, expander, data)
        gc.collect()
        if a.device == "cuda":
            torch.cuda.empty_cache()
        row["memory"] = memory(a, expander)
        show_memory(row["memory"])
        result[expander] = row
    return result


# ---- throughput ----------------------------------------------------------------------------------


def matmul_peak(device, n, dtype, repeat=10):
    "FLOP/s of an n × n × n product, the best of several blocks."
    x, y = torch.randn(2, n, n, device=device).to(dtype)
    f = lambda: x @ y
    f()
    k = calibrate(f, 0.1, device)
    return 2 * n**3 * k / min(seconds(times_over(f, k), device) for _ in range(repeat))


def flops_of(trainer, images):
    "FLOPs of a step, in all and by operation: every product and convolution, the loss's as well."
    with FlopCounterMode(display=False) as c:
        trainer.train_step(images)
    return c.get_total_flops(), {str(k): v for k, v in c.get_flop_counts()["Global"].items()}


def phases(trainer, run, device, n):
    "Seconds of the parts of a step, medians over n, between calls of encoder and optimizer."
    marks, rows, order = {}, [], ("in", "out", "step", "stepped")

    def now():
        if device != "cuda":
            return time.perf_counter()
        e = torch.cuda.Event(enable_timing=True)
        e.record()
        return e

    def between(x, y):
        return x.elapsed_time(y) / 1e3 if device == "cuda" else y - x

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
        missing = set(order) - marks.keys()
        if missing:
            break
        at = [start, *(marks[name] for name in order), end]
        rows.append([between(x, y) for x, y in zip(at, at[1:])])
    for h in hooks:
        h.remove()
    if missing:
        return dict(failed=f"no mark at {sorted(missing)}: the step goes past the hooks")
    names = "augmentation", "forward", "loss and backward", "optimiser", "rest"
    return dict(zip(names, np.median(rows, 0).tolist()))


def show_phases(name, part):
    if "failed" in part:
        said = part["failed"]
    else:
        each, total = part.items(), sum(part.values())
        said = ", ".join(f"{k} {1e3 * v:.2f} ms ({100 * v / total:.1f} %)" for k, v in each)
    print(f"  parts of a step, {name}: {said}", flush=True)


def profile(run, device, path):
    "Profile a step: writes a table of the 25 costliest kernels, returns ten and the time at work."
    cuda = device == "cuda"
    run()
    sync(device)
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * cuda
    with torch.profiler.profile(activities=activities) as p:
        run()
        sync(device)
    events, kind = p.key_averages(), DeviceType.CUDA if cuda else DeviceType.CPU
    by = "self_device_time_total" if cuda else "self_cpu_time_total"
    found = [e for e in events if e.device_type == kind]
    found = [e for e in found if not getattr(e, "is_user_annotation", False)]
    rows = sorted(((getattr(e, by), e.count, e.key[:150]) for e in found), reverse=True)
    total, launches = sum(t for t, *_ in rows), sum(n for _, n, _ in rows)
    what = "kernels" if cuda else "operations"
    lines = [f"{launches} {what} in one step, {total / 1e3:.3f} ms"]
    for t, n, name in rows[:25]:
        lines.append(f"{t / 1e3:10.3f} ms {100 * t / total:6.2f} %  {n:5} calls  {name}")
    lines += ["", events.table(sort_by=by, row_limit=25, max_name_column_width=90)]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    top = [dict(ms=t / 1e3, calls=n, name=name) for t, n, name in rows[:10]]
    return dict(seconds=total / 1e6, launches=launches, top=top)


def show_profile(name, run, device, path, step_s):
    "Profile a variant; a failure is said and stored."
    try:
        found = profile(run, device, path)
    except Exception as e:
        found = dict(failed=f"{type(e).__name__}: {e}"[:300])
    if "failed" in found:
        said = found["failed"]
    else:
        what = "kernels" if device == "cuda" else "operations"
        work = f"{1e3 * found['seconds']:.2f} ms at work in a step of {1e3 * step_s:.2f} ms"
        said = f"{found['launches']} {what}, {work}; {path}"
    print(f"  profile, {name}: {said}", flush=True)
    return found


def variant(a, words, batch, data, draw):
    "A trainer for a variant such as `bf16+compile`, its step, and what its first steps took."
    more = dict(optimizer="lars", base_lr=0.2)
    more["precision"] = "float32" if "float32" in words else "bfloat16"
    recipe = bench_recipe(a, a.method_name, a.network, a.width, a.expander, batch, **more)
    held = torch.cuda.memory_allocated() if a.device == "cuda" else 0
    trainer = adapt(make_trainer(recipe, data, a.device), words)
    run = with_switches(words, lambda: trainer.train_step(draw()))
    info = dict(first_step_s=seconds(run, a.device))
    times_over(run, a.warm)()
    if a.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        run()
        sync(a.device)
        info["peak_gb"] = (torch.cuda.max_memory_allocated() - held) / 1e9
    return trainer, run, info


def with_switches(words, f):
    "f with a variant's switches, put back after: no cudnn.benchmark, or products in TF32."
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul

    def g():
        old = cudnn.benchmark, matmul.allow_tf32
        cudnn.benchmark = old[0] and "nobenchmark" not in words
        matmul.allow_tf32 = old[1] or "tf32" in words
        try:
            f()
        finally:
            cudnn.benchmark, matmul.allow_tf32 = old

    return g


def make_variants(a, batch, data, draw):
    "All variants that can be made, and rows for the others."
    made, rows = {}, {}
    for name in a.variants.split(","):
        try:
            made[name] = variant(a, name.split("+"), batch, data, draw)
        except Exception as e:
            said = (str(e).splitlines() or [""])[0]
            rows[name] = dict(failed=f"{type(e).__name__}: {said}"[:300])
            print(f"  {name:44} failed: {rows[name]['failed']}", flush=True)
        gc.collect()
    return made, rows


def one_batch_size(a, batch, data, peak):
    "All variants in turns; FLOPs, parts of a step, and a profile of the first and the fastest."
    draw, clock = Draw(data, batch, a.device, a.seed), partial(seconds, device=a.device)
    made, rows = make_variants(a, batch, data, draw)
    if not made:
        return dict(rows=rows)
    base = next(iter(made))
    n = {k: calibrate(run, a.block, a.device) for k, (_, run, _) in made.items()}
    sides = {k: times_over(run, n[k]) for k, (_, run, _) in made.items()}
    times, images = take_turns(sides, a.repeat, clock), {k: n[k] * batch for k in made}
    rows |= speeds(times, images, base, "{} as fast as " + base)
    eager = next((k for k in made if "compile" not in k.split("+")), None)
    flops, by = flops_of(made[eager][0], draw()) if eager else (float("nan"), {})
    for k, (*_, info) in made.items():
        s = batch / rows[k]["images_per_s"]
        rate, share = flops / s, flops / s / peak
        rows[k] |= info | dict(steps=n[k], step_s=s, flops_per_s=rate, share_of_bf16_peak=share)
        memory = f", peak {info['peak_gb']:.2f} GB" if "peak_gb" in info else ""
        print(
            f"  {k:44} {1e3 * s:10.2f} ms a step, {rate / 1e12:8.3f} TFLOP/s = "
            f"{100 * share:5.1f} % of the bf16 product{memory}, "
            f"first step {info['first_step_s']:.1f} s"
        )
    costly = dict(sorted(by.items(), key=lambda item: -item[1]))
    print(f"  {flops / 1e9:,.2f} GFLOP a step: {shares(costly)}", flush=True)
    for k, (trainer, run, _) in made.items():
        rows[k]["phases"] = phases(trainer, run, a.device, a.parts)
        show_phases(k, rows[k]["phases"])
    begin = os.path.splitext(a.json or "train-throughput.json")[0]
    fastest = min(made, key=lambda k: rows[k]["step_s"])
    for k in dict.fromkeys([base, fastest]):
        path = f"{begin}-{batch}-{k.replace('+', '-')}.profile.txt"
        rows[k]["profile"] = show_profile(k, made[k][1], a.device, path, rows[k]["step_s"])
    print()
    return dict(base=base, rows=rows, flops=flops, flops_by=by)


def throughput(a):
    "Images/s of all variants, with several batch sizes."
    data = load(a)
    peak = matmul_peak(a.device, a.peak_size, torch.bfloat16)
    print(
        f"bf16 product of {a.peak_size}³: {peak / 1e12:.3f} TFLOP/s, measured\n"
        f"{a.method_name}, {a.network} × {a.width} small stem, expander {a.expander}, LARS, "
        f"preset small, {a.device}, {threads()}; an image is two views; "
        f"{a.repeat} blocks of {a.block} s"
    )
    benchmark = torch.backends.cudnn.benchmark
    result = dict(bf16_peak=peak, peak_size=a.peak_size, cudnn_benchmark=benchmark, batches={})
    for batch in map(int, a.batches.split(",")):
        print(f"batch {batch}")
        result["batches"][batch] = one_batch_size(a, batch, data, peak)
        save(a, result)  # a cut loses one batch size
        gc.collect()
        torch._dynamo.reset()
        if a.device == "cuda":
            torch.cuda.empty_cache()
    return result


# ---- every method --------------------------------------------------------------------------------

# Rows that are a method with other arguments.
VARIANTS = {"sag-vicreg-expected": ("sag-vicreg", dict(partners="expected"))}


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
    alone, step_s = processor_turns(sides, a.repeat), np.median(times["vicreg"]) / a.steps
    found, base = {}, np.array(alone.pop("vicreg"))
    for m, t in alone.items():
        extra = (np.array(t) - base) / steps / step_s
        quartiles = np.quantile(extra, (0.25, 0.75)).tolist()
        found[m] = dict(share=float(np.median(extra)), quartiles=quartiles)
    return found


def methods(a):
    "Steps of every method in turns, with the recipe that its preset has for the data."
    side = dict(digits=16).get(a.preset, 32)
    data = load(a, side)
    asked = [m for m in a.only.split(",") if m] or [*sorted(METHOD_RECIPES), *VARIANTS]
    names = ["vicreg", *(m for m in asked if m != "vicreg")]
    recipes = {m: method_recipe(a, m) for m in names}
    trainers = {m: make_trainer(r, data, a.device) for m, r in recipes.items()}
    draws = {m: Draw(data, r.batch_size, a.device, a.seed) for m, r in recipes.items()}
    last, peaks = {}, {}

    def one(m):
        last[m] = trainers[m].train_step(draws[m]())["loss"]

    def block(m):
        if a.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        times_over(partial(one, m), a.steps)()
        if a.device == "cuda":
            peaks[m] = torch.cuda.max_memory_allocated()

    for m in names:
        times_over(partial(one, m), a.warm)()
    clock = partial(seconds, device=a.device) if a.device == "cuda" else processor_seconds
    times = take_turns({m: partial(block, m) for m in names}, a.repeat, clock)
    images = {m: a.steps * r.batch_size for m, r in recipes.items()}
    print(
        f"preset {a.preset}, {side} px, {a.device}, {threads()}, "
        f"{a.repeat} blocks of {a.steps} steps; an image is all its views"
    )
    rows = speeds(times, images, "vicreg", "time of VICReg: {}", base_over=True)
    added = shares_of_a_step(a, trainers, draws, times) if a.device == "cpu" else {}
    for m, row in rows.items():
        cost = ratio(*(rows[k]["raw_seconds_per_image"] for k in (m, "vicreg")))
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
        if m in added:
            row["pairing"] = added[m]
        print(
            f"  {m:19} {in_words(cost, 2)} of VICReg's time an image   {row['backbone']}, "
            f"{parameters:,} parameters{'' if row['finite'] else '   NOT FINITE'}",
            flush=True,
        )
    for m, x in added.items():
        more = f"{100 * x['share']:+.2f} % of VICReg's step"
        print(f"  {m}: pairing and loss take {more} more than VICReg's")
    return rows


# ---- on a processor ------------------------------------------------------------------------------

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
        parts = (part for part, names in PARTS.items() if f.__name__.startswith(names))
        self.seconds[next(parts, "other operations")] += time.thread_time() - start
        return out


def operation_shares(run, n):
    "Seconds of a step by part, mean over n steps, and what Python takes."
    with TimedOperations() as timed:
        total = processor_seconds(times_over(run, n))
    python = total - sum(timed.seconds.values())
    return {part: s / n for part, s in timed.seconds.items()} | dict(Python=python / n)


def cpu_recipe(a, precision):
    more = dict(augmentation=a.augmentation, optimizer="adamw", base_lr=2e-3, precision=precision)
    return bench_recipe(a, "vicreg", a.network, a.width, a.expander, a.batch, **more)


def step_trainers(a, data):
    "Trainers: as the package has it, with the channels outermost, and in float32."
    make = lambda precision: make_trainer(cpu_recipe(a, precision), data, "cpu")
    ours, full = make("bfloat16"), make("float32")
    planes = adapt(make("bfloat16"), ("nchw",))
    return {"bfloat16": ours, "channels outermost": planes, "float32": full}


def embedding_sides(a, encoder, data):
    "Functions that encode `--embed` images: `embed`, with channels outermost, and in bfloat16."
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
    trainers = step_trainers(a, data)
    sides = steps_of(trainers, Draw(data, a.batch, "cpu", a.seed), a.steps)
    steps, draw = processor_turns(sides, a.repeat), Draw(data, a.batch, "cpu", a.seed)
    parts, full = {}, trainers["float32"]
    for precision in ("bfloat16", "float32"):
        run = lambda: trainers[precision].train_step(draw())
        parts[precision] = operation_shares(run, a.steps)
    views = times_over(lambda: full.augment(draw(), generator(0)), a.steps)
    augmentation_s = processor_seconds(views) / a.steps
    embedding = processor_turns(embedding_sides(a, full.method.encoder, data), a.repeat)
    return dict(steps=steps, parts=parts, augmentation=augmentation_s, embedding=embedding)


def returned(a):
    "The same in a process that returns freed memory, as glibc does; this cannot be undone."
    names = "network", "width", "expander", "augmentation", "batch", "steps", "embed"
    names += "seed", "images", "repeat", "root"
    done = in_new_process("cpu", {k: getattr(a, k) for k in names}, "--returned")
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def cpu(a):
    "Steps and embedding on a processor: what makes them fast."
    data = load(a)
    if a.returned:
        for module in (trainer_module, export_module):
            module.keep_freed_memory = lambda: False
        print(json.dumps(processor_times(a, data)))
        return None
    short = make_trainer(cpu_recipe(a, "auto"), data, "cpu").bfloat16
    print(
        f"{a.network} × {a.width}, expander {a.expander}, augmentation {a.augmentation}, "
        f"batch {a.batch}, AdamW, {threads()}; auto is {'bfloat16' if short else 'float32'}; "
        f"{a.repeat} blocks of {a.steps} steps"
    )
    kept, other, result = processor_times(a, data), returned(a), {}
    sizes = dict(steps=a.steps * a.batch, embedding=min(a.embed, len(data)))
    for part, base in (("steps", "bfloat16"), ("embedding", "embed")):
        times = kept[part] | {f"{k}, memory returned": v for k, v in other[part].items()}
        images = dict.fromkeys(times, sizes[part])
        result[part] = speeds(times, images, base, "{} as fast as " + base)
    parts = kept["parts"] | {"bfloat16, memory returned": other["parts"]["bfloat16"]}
    for name, part in parts.items():
        ms = 1e3 * sum(part.values())
        print(f"  a step in {name}, {ms:.0f} ms: {shares(part)}", flush=True)
    share = kept["augmentation"] / sum(parts["bfloat16"].values())
    print(f"  augmentation alone: {100 * share:.1f} % of a step in bfloat16")
    return result | dict(parts=parts, augmentation=kept["augmentation"])


def heads(a):
    "Steps of the preset for features, on random ones, in both precisions."
    keep_freed_memory()
    rng = np.random.default_rng(a.seed)
    data = FeatureViews(rng.normal(size=(a.images, 4, a.features)).astype(np.float16))
    trainers = {}
    for method in ("vicreg", "sag-vicreg"):
        for precision in ("bfloat16", "float32"):
            recipe = preset("features", method=method, precision=precision, epochs=1000)
            trainers[f"{method}, {precision}"] = make_trainer(recipe, data, "cpu")
    base, other, *_ = trainers
    recipe = trainers[base].recipe
    batch, draw = recipe.batch_size, Draw(data, recipe.batch_size, "cpu", a.seed)
    print(
        f"{recipe.backbone} on {a.features} features, batch {batch}, 1 thread; "
        f"{a.repeat} blocks of {a.steps} steps"
    )
    times = processor_turns(steps_of(trainers, draw, a.steps), a.repeat)
    images = dict.fromkeys(times, a.steps * batch)
    rows = speeds(times, images, base, "{} as fast as VICReg in bfloat16")
    for name, row in rows.items():
        print(f"  {name}: {row['images_per_s'] / batch:.1f} steps/s")
    parts = {}
    for name in (base, other):
        parts[name] = operation_shares(lambda: trainers[name].train_step(draw()), a.steps)
    for name, part in parts.items():
        said = shares({k: v for k, v in part.items() if v})
        print(f"  a step of {name}: {said}", flush=True)
    return dict(batch=batch, steps=rows, parts=parts)


# ---- command line --------------------------------------------------------------------------------


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
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return environment() | dict(
        cpu=models[0] if models else None,
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
    commands = "augment | loop | sag | throughput | methods | cpu | heads"
    subs = p.add_subparsers(required=True, metavar=commands)

    def command(f, about, repeat, images):
        s = subs.add_parser(f.__name__, help=about, description=about)
        s.set_defaults(run=f)
        s.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
        s.add_argument("--json", default="", help="write the result to this file")
        about = "repetitions, each side once in each"
        s.add_argument("--repeat", type=int, default=repeat, help=about)
        about = "threads of torch; default as torch has it, 1 for augment, cpu, heads and methods"
        s.add_argument("--threads", type=int, default=0, help=about)
        s.add_argument("--seed", type=int, default=0)
        about = "folder that holds cifar-100-python; default random images"
        s.add_argument("--root", default="", help=about)
        s.add_argument("--images", type=int, default=images, help="images to draw from")
        return s

    s = command(augment, "batched augmentation against image by image", 15, 1024)
    s.add_argument("--batch", type=int, default=256)
    about = (
        "also torchvision in a DataLoader; "
        "default all cores for cuda, else the threads if several"
    )
    s.add_argument("--workers", type=int, default=-1, help=about)

    s = command(loop, "training step against a plain loop with lightly's loss", 7, 10_000)
    networks = "resnet18:1.0,resnet10t:0.25"
    s.add_argument("--networks", default=networks, help="timm names with the width")
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
    variants = "bf16,bf16+compile,bf16+nchw,bf16+nobenchmark,float32,float32+nchw"
    about = (
        "words joined by +: bf16 or float32, compile, nchw (not channels_last), "
        "nobenchmark (without cuDNN's), tf32; the first is what others are compared with"
    )
    s.add_argument("--variants", default=variants, help=about)
    s.add_argument("--block", type=float, default=2.0, help="seconds of a block, about")
    s.add_argument("--warm", type=int, default=3)
    about = "steps over which the parts of a step are measured"
    s.add_argument("--parts", type=int, default=20, help=about)
    s.add_argument("--peak-size", type=int, default=8192, help="side of the matrices of the peak")

    s = command(methods, "a step of every method against VICReg's", 9, 10_000)
    s.add_argument("--preset", default="digits", choices=("digits", "cifar100"))
    about = "these methods besides VICReg, joined by commas; default all"
    s.add_argument("--only", default="", help=about)
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
    a.hardware = h = hardware()
    names = "torch", "torchvision", "timm", "lightly"
    versions = ", ".join(f"{name} {h[name]}" for name in names)
    gpus = h["gpus"] or "no GPU"
    print(f"{h['cores']} cores ({h['cpu']}), {gpus}, {versions}, seed {a.seed}\n")
    result = a.run(a)
    if result is not None:
        save(a, result)


if __name__ == "__main__":
    main()
