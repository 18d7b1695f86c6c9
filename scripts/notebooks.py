"""Run notebooks with nbdev's own skip rules, each in a process of its own.

    python scripts/notebooks.py [NOTEBOOK ...]      # store their outputs and clean them; all of nbs/ if none is named

Cells flagged `#| slow`, `#| cuda` or `#| eval: false` keep the outputs they have. Twice in a row gives no diff.
"""
import os, subprocess, sys, tempfile, time
os.environ |= dict(TQDM_DISABLE="1", OMP_NUM_THREADS="1")      # before torch loads: outputs must not depend on cores

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import chdir
from pathlib import Path
from threading import Timer

from execnb.nbio import read_nb, write_nb
from execnb.shell import CaptureShell
from nbdev.clean import clean_nb
from nbdev.config import get_config
from nbdev.doclinks import nbglob
from nbdev.process import NBProcessor

root = Path(__file__).resolve().parent.parent
limit_s = 3600      # of one notebook, slow cells included


def skipped(cell, flags):
    "Does `nbdev_test` leave `cell` alone?"
    directives = getattr(cell, "directives_", None) or {}
    return directives.get("eval:", [""])[0].lower() == "false" or bool(flags & directives.keys())


def execute(path, forced=None):
    "Execute one notebook in its folder, as a test with the flags `forced`, else to store its outputs."
    flags = set(get_config().tst_flags.split()) - set((forced or "").split())
    nb, processed = read_nb(path), NBProcessor(path, process=True).nb
    for cell, seen in zip(nb.cells, processed.cells): cell.skip_ = cell.cell_type != "code" or skipped(seen, flags)
    for cell in nb.cells:
        if not cell.skip_: cell.outputs = []
    shell = CaptureShell(path, mpl_format="png")
    with chdir(path.parent):
        try: shell.run_all(nb, exc_stop=True, preproc=lambda cell: cell.skip_)
        except Exception: sys.exit(shell.prettytb(fname=path))
    if forced is not None: return
    for cell in nb.cells: cell.pop("skip_", None)
    clean_nb(nb)
    write_nb(nb, path)


def run(path, args):
    "One notebook in a process of its own, which may die or hang; returns the problems, seconds and processor time."
    start = time.time()
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, __file__, "--here", str(path), *args]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, cwd=root, env=os.environ | dict(IN_TEST="1"))
        alarm = Timer(limit_s, child.kill)
        alarm.start()
        _, status, used = os.wait4(child.pid, 0)
        alarm.cancel()
        said.seek(0)
        child.returncode = os.waitstatus_to_exitcode(status)
        problems = [*said.read().splitlines(), f"exit code {child.returncode}"] if child.returncode else []
    return problems, time.time() - start, used.ru_utime + used.ru_stime


def run_all(paths, *args):
    "Run `paths` in parallel, the biggest first (they tend to take longest); yields what `run` returns, with the path."
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {pool.submit(run, p, args): p for p in sorted(paths, key=lambda p: -p.stat().st_size)}
        for job in as_completed(jobs): yield jobs[job].relative_to(root), *job.result()


def main():
    if sys.argv[1:2] == ["--here"]:
        sys.path.insert(0, str(root))
        return execute(Path(sys.argv[2]), *sys.argv[3:])
    paths, failed = [Path(p).resolve() for p in sys.argv[1:]] or nbglob(root/"nbs", as_path=True), False
    for path, problems, seconds, _ in run_all(paths):
        print(f"{'failed' if problems else 'ran':6} {seconds:6.1f} s  {path}", *problems, sep="\n", flush=True)
        failed |= bool(problems)
    return int(failed)


if __name__ == "__main__": sys.exit(main())
