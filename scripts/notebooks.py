"""Run notebooks with nbdev's own skip rules, each in a process of its own.

    python scripts/notebooks.py [NOTEBOOK ...]      # store their outputs and clean them

Cells flagged `#| slow`, `#| cuda` or `#| eval: false` keep the outputs they have.
Twice in a row gives no diff. `scripts/test.py` uses it with --test.
"""

import atexit, gc, os, signal, sys, tempfile, time, traceback

# before torch loads: outputs must not depend on cores
os.environ |= dict(TQDM_DISABLE="1", OMP_NUM_THREADS="1")

from argparse import ArgumentParser
from contextlib import chdir
from importlib import import_module
from json import dumps
from pathlib import Path

from execnb.nbio import read_nb, write_nb
from execnb.shell import CaptureShell
from nbdev.clean import clean_nb
from nbdev.config import get_config
from nbdev.doclinks import nbglob
from nbdev.process import NBProcessor

root = Path(__file__).resolve().parent.parent
limit_s = 3600  # of one notebook, slow cells included
common = (
    *("nbdev.showdoc", "numba", "torch.utils.data", "torchvision.transforms.v2", "timm"),
    *("jaxtyping", "hypothesis", "umap", "lightly.loss", "matplotlib.pyplot", "scipy.stats"),
    *("sklearn.datasets", "sklearn.neighbors", "sklearn.manifold", "sklearn.cluster"),
)


def skipped(cell, flags):
    "Does `nbdev_test` leave `cell` alone?"
    directives = getattr(cell, "directives_", None) or {}
    return directives.get("eval:", [""])[0].lower() == "false" or bool(flags & directives.keys())


def execute(path, forced=None):
    "Execute a notebook in its folder, as a test with the flags `forced`, or to store its outputs."
    flags = set(get_config().tst_flags.split()) - set((forced or "").split())
    nb, processed = read_nb(path), NBProcessor(path, process=True).nb
    for cell, seen in zip(nb.cells, processed.cells):
        cell.skip_ = cell.cell_type != "code" or skipped(seen, flags)
    for cell in nb.cells:
        if not cell.skip_:
            cell.outputs = []
    shell = CaptureShell(path, mpl_format="png")
    with chdir(path.parent):
        try:
            shell.run_all(nb, exc_stop=True, preproc=lambda cell: cell.skip_)
        except Exception:
            sys.exit(shell.prettytb(fname=path))
    if forced is not None:
        return
    for cell in nb.cells:
        cell.pop("skip_", None)
    clean_nb(nb)
    write_nb(nb, path)


def preload():
    "Import once what most notebooks need: the processes forked from this one have it at no cost."
    for name in common:
        import_module(name)
    gc.freeze()  # or each collection in a fork would touch, and so copy, all of it


def start(path, forced):
    "Fork a process that runs one notebook; it may die or hang. Returns its number and output."
    said = tempfile.TemporaryFile("w+")
    process = os.fork()
    if process:
        return process, said
    signal.alarm(limit_s)  # kills this process, whatever it does
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.dup2(said.fileno(), sys.stderr.fileno())
    os.environ["IN_TEST"] = "1"
    code = 1
    try:
        execute(path, forced)
        code = 0
    except SystemExit as e:
        print(e, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)  # to take apart all that was imported would cost 2 s


def run_all(paths, forced=None):
    "Run `paths` in parallel, biggest first; yields path, problems, seconds and processor time."
    waiting, running = sorted(paths, key=lambda p: p.stat().st_size), {}
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            path, begun = waiting.pop(), time.time()
            process, said = start(path, forced)
            running[process] = path, begun, said
        process, status, used = os.wait4(-1, 0)
        path, begun, said = running.pop(process)
        code = os.waitstatus_to_exitcode(status)
        said.seek(0)
        problems = [*said.read().splitlines(), f"exit code {code}"] if code else []
        name, processor = str(path.relative_to(root)), used.ru_utime + used.ru_stime
        yield name, problems, time.time() - begun, processor


def show(path, problems, seconds, _):
    line = f"{'failed' if problems else 'ran':6} {seconds:6.1f} s  {path}"
    print(line, *problems, sep="\n", flush=True)


def show_json(*result):
    print(dumps(result), flush=True)


def main():
    parser = ArgumentParser(description="Run notebooks and store their outputs.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of nbs/ if none is named")
    about = "store nothing, run cells with these flags too, print JSON"
    parser.add_argument("--test", metavar="FLAGS", help=about)
    args = parser.parse_args()
    paths = [p.resolve() for p in args.notebooks] or nbglob(root / "nbs", as_path=True)
    sys.path.insert(0, str(root))
    preload()
    failed = False
    for result in run_all(paths, args.test):
        (show if args.test is None else show_json)(*result)
        failed |= bool(result[1])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
