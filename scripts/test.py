"""What CI runs: the repository's checks, the site and every notebook. Writes nothing that git tracks.

    python scripts/test.py                           # everything but the cells flagged slow or cuda
    python scripts/test.py --flags "slow cuda"       # these too
    python scripts/test.py --only 00_core 20_data    # only the notebooks whose names begin so, and no checks
"""
import os, subprocess, sys, time, traceback
os.environ |= dict(TQDM_DISABLE="1", OMP_NUM_THREADS="1")      # before torch loads: one worker a core

from argparse import SUPPRESS, ArgumentParser
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from nbdev.config import get_config
from nbdev.test import test_nb

from browser import Skipped
from checks import checks, nbs, notebooks, root, tree

limit_s = 3600      # of one notebook, slow cells included


def report(name, seconds, problems, todo=""):
    "Print one test's line and what is wrong; returns whether it passed."
    print(f"{'FAILED' if problems else 'passed'} {seconds:6.1f} s  {name}", flush=True)
    if problems and todo: print(f"    To do: {todo}.")
    for line in problems: print(f"    {line}", flush=True)
    return not problems


def run_check(check):
    start = time.time()
    try: problems = check()
    except Skipped as e: return print(f"skipped          {check.__doc__}: {e}", flush=True)
    except Exception: problems = traceback.format_exc().splitlines()
    return report(check.__doc__, time.time() - start, problems, check.todo)


def run_notebook(path, flags):
    "Test one notebook in a process of its own, which may die or hang; returns seconds and what it said on failing."
    start, command = time.time(), [sys.executable, __file__, "--here", str(path), "--flags", flags]
    try: done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired: return limit_s, [f"still running after {limit_s} s"]
    problems = (done.stderr.splitlines() or ["no traceback"]) + [f"exit code {done.returncode}"] if done.returncode else []
    return time.time() - start, problems


def run_notebooks(paths, flags):
    "Test `paths` in parallel, the biggest first (they tend to take longest); yields whether each passed."
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {pool.submit(run_notebook, p, flags): p for p in sorted(paths, key=lambda p: -p.stat().st_size)}
        for job in as_completed(jobs): yield report(jobs[job].relative_to(root), *job.result())


def run_here(path, flags):
    "Run the cells that nbdev would run; the traceback of a failure goes to standard error."
    return not test_nb(Path(path), skip_flags=get_config().tst_flags.split(), force_flags=flags.split(), basepath=root)[0]


def main():
    parser = ArgumentParser(description="Test the repository.")
    parser.add_argument("--flags", default="", help="flags of cells to run that are left out otherwise, such as 'slow cuda'")
    parser.add_argument("--only", nargs="+", metavar="STEM", help="test only the notebooks whose names begin so, and no checks")
    parser.add_argument("--here", help=SUPPRESS)      # one notebook, in this process
    args = parser.parse_args()
    os.chdir(root)
    sys.path.insert(0, str(root))
    if args.here: return run_here(args.here, args.flags)
    paths = [p for p in notebooks() if not args.only or p.name.startswith(tuple(args.only))]
    if not paths: parser.error(f"no notebook of nbs/ begins with {' or '.join(args.only or ['anything'])}")

    before = tree(nbs)
    passed = [] if args.only else [run_check(check) for check in checks]
    passed += run_notebooks(paths, args.flags)
    passed = [p for p in passed if p is not None]      # without what was skipped
    left = [f"nbs/{f}" for f, data in tree(nbs).items() if before.get(f) != data]
    if not args.only: passed.append(report("Tests leave nbs/ as it was", 0, left, "write to a tempfile.TemporaryDirectory instead"))
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    return 0 if all(passed) else 1


if __name__ == "__main__": sys.exit(main())
