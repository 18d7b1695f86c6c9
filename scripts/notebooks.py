"""Run notebooks with nbdev's own skip rules, store their outputs and clean them.

    python scripts/notebooks.py [NOTEBOOK ...]        # all of nbs/ when none is named

Cells flagged `#| slow`, `#| cuda` or `#| eval: false` keep the outputs they have. Twice in a row gives no diff.
"""
import os, sys, time
os.environ |= dict(TQDM_DISABLE="1", OMP_NUM_THREADS="1", IN_TEST="1")      # before torch loads: outputs must not depend on cores

from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from multiprocessing import get_context
from pathlib import Path

from execnb.nbio import read_nb, write_nb
from execnb.shell import CaptureShell
from nbdev.clean import clean_nb
from nbdev.config import get_config
from nbdev.process import NBProcessor

root = Path(__file__).resolve().parent.parent


def skipped(cell, flags):
    "Does `nbdev_test` leave `cell` alone?"
    directives = getattr(cell, "directives_", None) or {}
    return directives.get("eval:", [""])[0].lower() == "false" or bool(flags & directives.keys())


def run(path):
    "Execute one notebook in its folder and write it back; returns its name, seconds and the traceback of a failure."
    t, sys.path[:0] = time.time(), [str(root)]
    flags = set(get_config().tst_flags.split())
    nb, processed = read_nb(path), NBProcessor(path, process=True).nb
    for cell, seen in zip(nb.cells, processed.cells): cell.skip_ = cell.cell_type != "code" or skipped(seen, flags)
    for cell in nb.cells:
        if not cell.skip_: cell.outputs = []
    shell = CaptureShell(path, mpl_format="png")
    error = None
    with chdir(path.parent):
        try: shell.run_all(nb, exc_stop=True, preproc=lambda cell: cell.skip_)
        except Exception: error = shell.prettytb(fname=path)
    for cell in nb.cells: cell.pop("skip_", None)
    if error is None:
        clean_nb(nb)
        write_nb(nb, path)
    return path.relative_to(root), time.time() - t, error


def main():
    paths = [Path(p).resolve() for p in sys.argv[1:]] or sorted(p for p in (root/"nbs").rglob("*.ipynb") if not any(q[0] in "._" for q in p.relative_to(root).parts))
    failed = 0
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(paths)), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for name, seconds, error in pool.map(run, paths):
            print(f"{'failed' if error else 'ran':6} {seconds:6.1f} s  {name}", flush=True)
            if error: print(error, flush=True)
            failed += error is not None
    return 1 if failed else 0


if __name__ == "__main__": sys.exit(main())
