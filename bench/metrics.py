"""The structure metric against the usual way and other clustering libraries, in one run.

    python bench/metrics.py                         # what ends in minutes: up to 10,000 items
    python bench/metrics.py --sizes 5000,10000,20000,50000 --json nbs/results/bench-metrics.json
    python bench/metrics.py --device cuda --sizes 50000,200000 --no-naive

Every measurement runs in a process of its own. It imports and compiles first, by a call on other
data. Then it measures wall time and the peak of resident memory above what it had before. The usual
way: scipy's pdist, linkage and cophenet, and scipy.stats. `products` are the bare matrix products
of both trees, each pair of items once, in float32 and in the precision that is used here. `parts`
is where the time of the score goes, from timers around the functions that do each part.
"""

import json, os, subprocess, sys, time
from argparse import SUPPRESS, ArgumentParser
from pathlib import Path

import numpy as np

DIM = 512


def embeddings(n, kind, seed=0):
    "n embeddings, of 100 classes in 20 groups or of noise, and a noisy linear map of them."
    rng = np.random.default_rng(seed)
    if kind == "noise":
        x = rng.standard_normal((n, DIM))
    else:
        groups = rng.standard_normal((20, DIM))
        classes = groups[rng.integers(20, size=100)] + 0.7 * rng.standard_normal((100, DIM))
        x = classes[rng.integers(100, size=n)]
        x += 0.8 * rng.standard_normal((n, DIM)) * np.linspace(1.5, 0.2, DIM)
    y = x @ rng.standard_normal((DIM, DIM)) / DIM**0.5 + 0.5 * rng.standard_normal((n, DIM))
    return x.astype(np.float32), y.astype(np.float32)


def ours(x, y, device="cpu"):
    from sagvicreg.metrics.similarity import structure_similarity

    s = structure_similarity(x, y, device=device, progress=False)
    return [*s.lca.values(), *s.cophenetic.values()]


def products(x, y, device="cpu"):
    "Seconds and GF/s of the products alone, by precision: the least that a search takes."
    import torch
    from sagvicreg.metrics import linkage

    rows, columns = linkage._TILE if device == "cpu" else linkage._LARGE
    out = {}
    for short in {False, device == "cpu" and linkage._has_bfloat16()}:
        start, done = time.perf_counter(), 0
        with linkage._product_precision(torch.device(device), short):
            for v in (torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)):
                for i in range(0, len(v), rows):
                    for j in range(i, len(v), columns):
                        done += torch.mm(v[i : i + rows], v[j : j + columns].T).numel()
            if device == "cuda":
                torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        speed = 2 * done * DIM / seconds / 1e9
        out["bfloat16" if short else "float32"] = dict(seconds=seconds, gflops=speed)
    return out


def parts(x, y, device="cpu"):
    "Seconds of each part of the score; `searching again` is inside the first three."
    from sagvicreg.metrics import linkage, similarity

    seconds, inner = {}, [0.0]

    def timed(owner, name, part, inside=False):
        f = getattr(owner, name)

        def g(*args, **kwargs):
            start = time.perf_counter()
            if not inside:
                inner.append(0.0)
            try:
                return f(*args, **kwargs)
            finally:
                took = time.perf_counter() - start
                own = took if inside else took - inner.pop()
                seconds[part] = seconds.get(part, 0) + own
                if not inside:
                    inner[-1] += took

        setattr(owner, name, g)
        return owner, name, f

    C = linkage._Clusters
    wrapped = [
        timed(C, "entries", "products"),
        timed(linkage, "_update_rows", "lists"),
        timed(linkage, "_update_columns", "lists"),
        timed(linkage, "_squared", "distances in float64"),
        timed(C, "search", "searching again", True),
        timed(similarity, "tree_of", "rest of the trees"),
        timed(similarity, "_pair", "checks"),
        timed(similarity, "cross_correlations", "correlations with distances"),
        timed(similarity, "tree_correlations", "correlations of trees"),
    ]
    start = time.perf_counter()
    try:
        ours(x, y, device)
    finally:
        for owner, name, f in wrapped:
            setattr(owner, name, f)
    return seconds | dict(total=time.perf_counter() - start)


def usual(x, y, device="cpu"):
    from scipy import stats
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import pdist

    d = [pdist(v, "cosine") for v in (x, y)]
    p = [hierarchy.cophenet(hierarchy.linkage(v, "average")) for v in d]
    found = [f(*p) for f in (stats.pearsonr, stats.spearmanr, stats.kendalltau)]
    found += [stats.pearsonr(d[0], p[1]), stats.pearsonr(d[1], p[0])]
    return [r.statistic for r in found]


def correlations_only(x, y, device="cpu"):
    from sagvicreg.metrics.correlation import tree_correlations

    return list(tree_correlations(*TREES).values())


def tree_ours(x, y, device="cpu"):
    from sagvicreg.metrics.dendrogram import dendrogram

    return dendrogram(x, device=device, progress=False).heights[[0, -1]].tolist()


def tree_scipy(x, y, device="cpu"):
    from scipy.cluster import hierarchy

    return hierarchy.linkage(x, "average", "cosine")[[0, -1], 2].tolist()


def tree_fastcluster(x, y, device="cpu"):
    import fastcluster

    return fastcluster.linkage(x, "average", "cosine")[[0, -1], 2].tolist()


def tree_genieclust(x, y, device="cpu"):
    import genieclust

    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    genieclust.Genie(n_clusters=100, gini_threshold=1.0).fit(u)  # 1: single linkage, another tree
    return []


def tree_racplusplus(x, y, device="cpu"):
    import racplusplus

    labels = racplusplus.rac(x.astype(np.float64), 2.0, None, 1000, os.cpu_count(), "cosine")
    return [float(len(np.unique(labels)))]


def worker(task):
    "One measurement; prints it as JSON."
    f = globals()[task["run"]]
    try:
        small = embeddings(2200, "groups", 1)
        if task["run"] == "correlations_only":
            from sagvicreg.metrics.dendrogram import dendrogram

            global TREES
            TREES = [dendrogram(v, progress=False) for v in small]
        f(*small, task["device"])
        x = embeddings(task["n"], task["data"])
        if task["run"] == "correlations_only":
            TREES = [dendrogram(v, device=task["device"], progress=False) for v in x]
    except ImportError as e:
        return print(json.dumps(task | dict(skipped=str(e))))
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, start = resident("VmRSS"), time.perf_counter()
    result = f(*x, task["device"])
    seconds = time.perf_counter() - start
    task |= dict(seconds=seconds, peak_gb=(resident("VmHWM") - before) / 1e6, result=result)
    if task["device"] == "cuda":
        import torch

        task["gpu_peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    print(json.dumps(task))


def resident(key):
    "A size in kB that Linux keeps of this process."
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


def measure(run, n, data, device):
    task = dict(run=run, n=n, data=data, device=device)
    command = [sys.executable, __file__, "--worker", json.dumps(task)]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        row = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        last = "".join(done.stderr.strip().splitlines()[-1:])[:200]
        row = task | dict(failed=f"died, exit code {done.returncode} {last}")
    said = row.get("skipped") or row.get("failed")
    said = said or f"{row['seconds']:9.2f} s  {row['peak_gb']:7.3f} GB"
    print(f"{run:18} {data:7} n = {n:7,}  {said}", flush=True)
    return row


def report(rows):
    "Ratios and growth, from the rows."
    out, rows = {}, [r for r in rows if "seconds" in r]
    found = {(r["run"], r["n"], r["data"]): r for r in reversed(rows)}  # the first of each
    for data in ("groups", "noise"):
        for n in sorted({r["n"] for r in rows}):
            a, b = found.get(("usual", n, data)), found.get(("ours", n, data))
            if a and b:
                out[f"{n} {data}"] = dict(
                    times_faster=a["seconds"] / b["seconds"],
                    memory=b["peak_gb"] / a["peak_gb"],
                    largest_difference=max(abs(u - v) for u, v in zip(a["result"], b["result"])),
                )
    for r in rows:
        whole = found.get(("ours", r["n"], r["data"]))
        if r["run"] == "parts":
            times = dict(r["result"])
            total = times.pop("total")
            out[f"{r['n']} {r['data']}: parts"] = {k: v / total for k, v in times.items()}
        if r["run"] == "products" and whole:
            row = out[f"{r['n']}: products"] = {}
            for k, v in r["result"].items():
                row[f"{k} GF/s"] = v["gflops"]
                row[f"{k} share of the score"] = v["seconds"] / whole["seconds"]
    ours = [r for r in rows if (r["run"], r["data"]) == ("ours", "groups")]
    grown = [(r["n"], r["seconds"]) for r in ours if r["n"] >= 5000]
    if len(grown) > 1:
        out["exponent"] = float(np.polyfit(*np.log(np.array(sorted(grown)).T), 1)[0])
    return out


def parser():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--sizes", default="5000,10000", help="numbers of items for ours")
    about = "numbers of items for the usual way and the other libraries"
    p.add_argument("--naive-sizes", default="5000,10000", help=about)
    p.add_argument("--no-naive", action="store_true", help="ours only")
    about = "data without structure up to this size only"
    p.add_argument("--noise-to", type=int, default=10**9, help=about)
    p.add_argument("--device", default="cpu")
    p.add_argument("--json", default="", help="write the result to this file")
    p.add_argument("--worker", help=SUPPRESS)
    return p


def main():
    a = parser().parse_args()
    if a.worker:
        return worker(json.loads(a.worker))
    from sagvicreg.core import environment

    env = environment() | dict(threads=int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    versions = ", ".join(f"{name} {env[name]}" for name in ("torch", "scipy", "numba"))
    print(
        f"{env['threads']} of {env['cores']} cores, {env['gpus'] or 'no GPU'}, {versions}; "
        f"d = {DIM}, float32, cosine, average linkage\n"
    )
    rows = []
    for n in map(int, a.sizes.split(",")):
        rows.append(measure("ours", n, "groups", a.device))
        if n <= a.noise_to:
            rows.append(measure("ours", n, "noise", a.device))
        rows += [measure(run, n, "groups", a.device) for run in ("products", "parts")]
        if n <= 20_000:
            rows.append(measure("correlations_only", n, "groups", a.device))
    libraries = "ours", "scipy", "fastcluster", "genieclust", "racplusplus"
    for n in [] if a.no_naive else map(int, a.naive_sizes.split(",")):
        rows += [measure("usual", n, data, "cpu") for data in ("groups", "noise")]
        rows += [measure(f"tree_{name}", n, "groups", "cpu") for name in libraries]
    summary = report(rows)
    print()
    for k, v in summary.items():
        if isinstance(v, dict):
            print(f"{k:24}", "  ".join(f"{part} {x:.3g}" for part, x in v.items()))
        else:
            print(f"{k:24} {v:.2f}")
    if a.json:
        text = json.dumps(dict(environment=env, rows=rows, summary=summary), indent=1)
        Path(a.json).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
