"""What CI runs: the repository's checks, the site and every notebook.

    python scripts/test.py                           # all but the cells flagged slow or cuda
    python scripts/test.py --flags "slow cuda"       # these too
    python scripts/test.py --only 00_core 20_data    # notebooks whose names begin so, no checks

It writes nothing that git tracks.
"""

import json, os, sys, tempfile, time, traceback

from argparse import ArgumentParser
from contextlib import contextmanager
from subprocess import PIPE, Popen

from browser import Skipped
from checks import checks, nbs, notebooks as found, root, tree


def report(name, seconds, problems, todo=""):
    "Print one test's line and what is wrong; returns whether it passed."
    print(f"{'FAILED' if problems else 'passed'} {seconds:6.1f} s  {name}", flush=True)
    if problems and todo:
        print(f"    To do: {todo}.")
    for line in problems:
        print(f"    {line}", flush=True)
    return not problems


def run_check(check):
    start = time.time()
    try:
        problems = check()
    except Skipped as e:
        return print(f"skipped          {check.__doc__}: {e}", flush=True)
    except Exception:
        problems = traceback.format_exc().splitlines()
    return report(check.__doc__, time.time() - start, problems, check.todo)


@contextmanager
def running(paths, flags):
    "A process that tests the notebooks and prints a line of JSON for each."
    # chapters that need the same trained model share it, in `runs`
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "scripts/notebooks.py", *map(str, paths), f"--test={flags}"]
        env = os.environ | dict(SAGVICREG_RUNS=runs)
        with Popen(command, stdout=PIPE, text=True, env=env) as child:
            yield child


def report_notebooks(child, paths):
    "Print what became of each notebook, then the slowest; returns whether each passed."
    used, passed = {}, []
    for line in child.stdout:
        path, problems, seconds, used[path] = json.loads(line)
        passed.append(report(path, seconds, problems))
    lost = [str(path) for path in paths if str(path.relative_to(root)) not in used]
    if lost:
        passed.append(report("Every notebook is run", 0, lost))
    print("The slowest notebooks, in seconds of processor time:")
    for path in sorted(used, key=used.get, reverse=True)[:10]:
        print(f"{used[path]:9.1f}  {path}")
    print(f"{sum(used.values()):9.1f}  all {len(used)}")
    return passed


def main():
    parser = ArgumentParser(description="Test the repository.")
    about = "flags of cells to run that are left out otherwise, such as 'slow cuda'"
    parser.add_argument("--flags", default="", help=about)
    about = "test only the notebooks whose names begin so, and no checks"
    parser.add_argument("--only", nargs="+", metavar="STEM", help=about)
    args = parser.parse_args()
    os.chdir(root)
    sys.path.insert(0, str(root))
    paths = [p for p in found() if not args.only or p.name.startswith(tuple(args.only))]
    if not paths:
        parser.error(f"no notebook of nbs/ begins with {' or '.join(args.only or ['anything'])}")

    before = tree(nbs)
    with running(paths, args.flags) as child:  # while the checks are made, most of which wait
        passed = [] if args.only else [run_check(check) for check in checks]
        passed = [p for p in passed if p is not None]  # without what was skipped
        passed += report_notebooks(child, paths)
    left = [f"nbs/{f}" for f, data in tree(nbs).items() if before.get(f) != data]
    if not args.only:
        todo = "write to a tempfile.TemporaryDirectory instead"
        passed.append(report("Tests leave nbs/ as it was", 0, left, todo))
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
