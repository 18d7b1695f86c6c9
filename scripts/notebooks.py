"""Run notebooks with nbdev's own skip rules, store their outputs and clean them.

    python scripts/notebooks.py [NOTEBOOK ...]        # all of nbs/ when none is named

Cells flagged `#| slow`, `#| cuda` or `#| eval: false` keep the outputs they have. Twice in a row gives no diff.
"""
import os, subprocess, sys, time
os.environ |= dict(TQDM_DISABLE="1", OMP_NUM_THREADS="1", IN_TEST="1")      # before torch loads: outputs must not depend on cores

from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
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
    "Execute one notebook in its folder and write it back; the traceback of a failure goes to standard error."
    sys.path[:0] = [str(root)]
    flags = set(get_config().tst_flags.split())
    nb, processed = read_nb(path), NBProcessor(path, process=True).nb
    for cell, seen in zip(nb.cells, processed.cells): cell.skip_ = cell.cell_type != "code" or skipped(seen, flags)
    for cell in nb.cells:
        if not cell.skip_: cell.outputs = []
    shell = CaptureShell(path, mpl_format="png")
    with chdir(path.parent):
        try: shell.run_all(nb, exc_stop=True, preproc=lambda cell: cell.skip_)
        except Exception: sys.exit(shell.prettytb(fname=path))
    for cell in nb.cells: cell.pop("skip_", None)
    clean_nb(nb)
    write_nb(nb, path)


def run_apart(path):
    "`run` in a process of its own; says how it went and returns whether it failed."
    start = time.time()
    done = subprocess.run([sys.executable, __file__, "--here", str(path)], stderr=subprocess.PIPE, text=True, cwd=root)
    print(f"{'failed' if done.returncode else 'ran':6} {time.time() - start:6.1f} s  {path.relative_to(root)}", flush=True)
    if done.returncode: print(done.stderr, flush=True)
    return done.returncode != 0


def main():
    if sys.argv[1:2] == ["--here"]: return run(Path(sys.argv[2]))
    paths = [Path(p).resolve() for p in sys.argv[1:]] or sorted(p for p in (root/"nbs").rglob("*.ipynb") if not any(q[0] in "._" for q in p.relative_to(root).parts))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool: return int(any(list(pool.map(run_apart, paths))))


if __name__ == "__main__": sys.exit(main())
