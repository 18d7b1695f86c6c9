"""The structure metric against the usual way, and against other clustering libraries, in one run on this machine.

    python bench/metrics.py                         # everything that ends in minutes: 10,000 items against the usual way
    python bench/metrics.py --sizes 5000,10000,20000,50000 --json nbs/results/bench-metrics.json
    python bench/metrics.py --device cuda --sizes 50000,200000 --no-naive

Every measurement runs in a process of its own, which imports and compiles first (a call on other data) and then measures wall time and
the peak of resident memory above what it had before. The usual way: scipy's pdist, linkage and cophenet, and scipy.stats.
`products` are the bare matrix products of both trees, each pair of items once, in float32 and in the precision that is used here;
`parts` is where the time of the score goes, from timers around the functions that do each part.
"""

import json, os, resource, subprocess, sys, time
from argparse import ArgumentParser
from pathlib import Path

import numpy as np

DIM = 512


def embeddings(n, kind, seed=0):
    "Two sets of n embeddings in float32: a hierarchy of 20 groups of 100 classes, or no structure; and a noisy linear map of it."
    rng = np.random.default_rng(seed)
    if kind == "noise":
        x = rng.standard_normal((n, DIM))
    else:
        groups = rng.standard_normal((20, DIM))
        classes = groups[rng.integers(20, size=100)] + 0.7 * rng.standard_normal((100, DIM))
        x = classes[rng.integers(100, size=n)] + 0.8 * rng.standard_normal((n, DIM)) * np.linspace(
            1.5, 0.2, DIM
        )
    y = x @ rng.standard_normal((DIM, DIM)) / DIM**0.5 + 0.5 * rng.standard_normal((n, DIM))
    return x.astype(np.float32), y.astype(np.float32)


def ours(x, y, device="cpu"):
    from sagvicreg.metrics.similarity import structure_similarity

    s = structure_similarity(x, y, device=device, progress=False)
    return [*s.lca.values(), *s.cophenetic.values()]


def products(x, y, device="cpu"):
    "Seconds and GF/s of the products alone, by precision: the least that the search for neighbors takes."
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
        out["bfloat16" if short else "float32"] = dict(
            seconds=seconds, gflops=2 * done * DIM / seconds / 1e9
        )
    return out


def parts(x, y, device="cpu"):
    "Seconds of each part of the score; `searching again` is inside the first three."
    from sagvicreg.metrics import linkage, similarity

    seconds, inner = {}, [0.0]

    def timed(owner, name, part, inside=False):
        f = getattr(owner, name)

        def g(*args, **kwargs):
            start, _ = time.perf_counter(), None if inside else inner.append(0.0)
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
    return [f(*p).statistic for f in (stats.pearsonr, stats.spearmanr, stats.kendalltau)] + [
        stats.pearsonr(d[0], p[1]).statistic,
        stats.pearsonr(d[1], p[0]).statistic,
    ]


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
    task |= dict(
        seconds=time.perf_counter() - start,
        peak_gb=(resident("VmHWM") - before) / 1e6,
        result=result,
    )
    if task["device"] == "cuda":
        import torch

        task["gpu_peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    print(json.dumps(task))


def resident(key):
    return next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith(key)
    )


def measure(run, n, data, device):
    task = dict(run=run, n=n, data=data, device=device)
    done = subprocess.run(
        [sys.executable, __file__, "--worker", json.dumps(task)], capture_output=True, text=True
    )
    try:
        row = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        row = task | dict(
            failed=f"died, exit code {done.returncode} "
            + "".join(done.stderr.strip().splitlines()[-1:])[:200]
        )
    said = (
        row.get("skipped")
        or row.get("failed")
        or f"{row['seconds']:9.2f} s  {row['peak_gb']:7.3f} GB"
    )
    print(f"{run:18} {data:7} n = {n:7,}  {said}", flush=True)
    return row


def report(rows):
    "Ratios and growth, from the rows."
    out, get = {}, lambda run, n, data="groups": next(
        (r for r in rows if (r["run"], r["n"], r["data"]) == (run, n, data) and "seconds" in r),
        None,
    )
    for data in ("groups", "noise"):
        for n in sorted({r["n"] for r in rows}):
            a, b = get("usual", n, data), get("ours", n, data)
            if a and b:
                out[f"{n} {data}"] = dict(
                    times_faster=a["seconds"] / b["seconds"],
                    memory=b["peak_gb"] / a["peak_gb"],
                    largest_difference=max(abs(u - v) for u, v in zip(a["result"], b["result"])),
                )
    for r in rows:
        if r["run"] == "parts" and "seconds" in r:
            total = r["result"]["total"]
            out[f"{r['n']} {r['data']}: parts"] = {
                k: v / total for k, v in r["result"].items() if k != "total"
            }
        if r["run"] == "products" and "seconds" in r and (b := get("ours", r["n"], r["data"])):
            out[f"{r['n']}: products"] = {
                f"{k} {w}": u
                for k, v in r["result"].items()
                for w, u in (
                    ("GF/s", v["gflops"]),
                    ("share of the score", v["seconds"] / b["seconds"]),
                )
            }
    grown = [
        (r["n"], r["seconds"])
        for r in rows
        if r["run"] == "ours" and r["data"] == "groups" and r["n"] >= 5000 and "seconds" in r
    ]
    if len(grown) > 1:
        out["exponent"] = float(np.polyfit(*np.log(np.array(sorted(grown)).T), 1)[0])
    return out


def main():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--sizes", default="5000,10000", help="numbers of items for ours")
    p.add_argument(
        "--naive-sizes",
        default="5000,10000",
        help="numbers of items for the usual way and the other libraries",
    )
    p.add_argument("--no-naive", action="store_true", help="ours only")
    p.add_argument(
        "--noise-to", type=int, default=10**9, help="data without structure up to this size only"
    )
    p.add_argument("--device", default="cpu")
    p.add_argument("--json", default="", help="write the result to this file")
    p.add_argument("--worker", help=__import__("argparse").SUPPRESS)
    a = p.parse_args()
    if a.worker:
        return worker(json.loads(a.worker))
    sizes, rows = [int(n) for n in a.sizes.split(",")], []
    from sagvicreg.core import environment

    env = environment() | dict(threads=int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    print(
        f"{env['threads']} of {env['cores']} cores, {env['gpus'] or 'no GPU'}, torch {env['torch']}, scipy {env['scipy']}, numba {env['numba']}; d = {DIM}, float32, cosine, average linkage\n"
    )
    for n in sizes:
        rows += [
            measure("ours", n, data, a.device)
            for data in ("groups", "noise")
            if data == "groups" or n <= a.noise_to
        ]
        rows += [
            measure("products", n, "groups", a.device),
            measure("parts", n, "groups", a.device),
        ]
        if n <= 20_000:
            rows.append(measure("correlations_only", n, "groups", a.device))
    for n in [] if a.no_naive else [int(n) for n in a.naive_sizes.split(",")]:
        rows += [measure("usual", n, data, "cpu") for data in ("groups", "noise")]
        rows += [
            measure(f"tree_{k}", n, "groups", "cpu")
            for k in ("ours", "scipy", "fastcluster", "genieclust", "racplusplus")
        ]
    summary = report(rows)
    print()
    for k, v in summary.items():
        print(
            f"{k:24}",
            f"{v:.2f}" if isinstance(v, float) else "  ".join(f"{a} {b:.3g}" for a, b in v.items()),
        )
    if a.json:
        Path(a.json).write_text(
            json.dumps(dict(environment=env, rows=rows, summary=summary), indent=1) + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
