"""Run the notebooks that have cells flagged `#| cuda`, those cells included, with nothing but the package's own requirements.

nbdev is not needed: cells are executed in order in one namespace a notebook. Lines that only a notebook understands are left out.
"""

import json, os, subprocess, sys, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def cells(path):
    return [
        (c["cell_type"], "".join(c["source"]))
        for c in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]


def run(path):
    "Execute the code cells of one notebook in its folder, without those flagged slow."
    import matplotlib

    matplotlib.use("agg")
    os.chdir(path.parent)
    space = dict(__name__="__main__")
    for kind, text in cells(path):
        flags = {
            line[2:].split(":")[0].strip().split()[0]
            for line in text.splitlines()
            if line.startswith("#|") and line[2:].strip()
        }
        if kind != "code" or "slow" in flags:
            continue
        exec(
            compile(
                "\n".join(line for line in text.splitlines() if not line.startswith("%")),
                path.name,
                "exec",
            ),
            space,
        )


def main():
    if sys.argv[1:]:
        return run(Path(sys.argv[1]).resolve())
    failed = 0
    for path in sorted((root / "nbs").rglob("*.ipynb")):
        if not any(kind == "code" and text.startswith("#| cuda") for kind, text in cells(path)):
            continue
        start = time.time()
        done = subprocess.run([sys.executable, __file__, str(path)], capture_output=True, text=True)
        said = "" if not done.returncode else "\n" + "\n".join(done.stderr.splitlines()[-12:])
        failed += bool(done.returncode)
        print(
            f"{'FAILED' if done.returncode else 'passed'} {time.time() - start:6.1f} s  {path.relative_to(root)}{said}",
            flush=True,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
