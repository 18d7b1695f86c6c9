"""Run the notebooks that have cells flagged `#| cuda`, with these cells.

Only the package's own requirements are needed, not nbdev. The cells of a notebook are executed in
order in one namespace, without lines that only a notebook understands.
"""

import json, os, subprocess, sys, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def cells(path):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(c["cell_type"], "".join(c["source"])) for c in found]


def run(path):
    "Execute the code cells of one notebook in its folder, without those flagged slow."
    import matplotlib

    matplotlib.use("agg")
    os.chdir(path.parent)
    space = dict(__name__="__main__")
    for kind, text in cells(path):
        lines = text.splitlines()
        said = [line[2:].strip() for line in lines if line.startswith("#|")]
        flags = {words.split(":")[0].split()[0] for words in said if words}
        if kind != "code" or "slow" in flags:
            continue
        code = "\n".join(line for line in lines if not line.startswith("%"))
        exec(compile(code, path.name, "exec"), space)


def main():
    if sys.argv[1:]:
        return run(Path(sys.argv[1]).resolve())
    failed = 0
    for path in sorted((root / "nbs").rglob("*.ipynb")):
        if not any(kind == "code" and text.startswith("#| cuda") for kind, text in cells(path)):
            continue
        start = time.time()
        done = subprocess.run([sys.executable, __file__, str(path)], capture_output=True, text=True)
        took, verdict = time.time() - start, "FAILED" if done.returncode else "passed"
        said = done.stderr.splitlines()[-12:] if done.returncode else []
        failed += bool(done.returncode)
        line = f"{verdict} {took:6.1f} s  {path.relative_to(root)}"
        print(line, *said, sep="\n", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
