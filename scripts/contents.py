"""The order of the book, made from its files: the sidebar of _quarto.yml and the table of chapters in nbs/index.ipynb.

    python scripts/contents.py      # write both; `make export` and `make readme` do
"""
import re
from pathlib import Path

import nbformat

root = Path(__file__).resolve().parent.parent
nbs, quarto, index = root/"nbs", root/"_quarto.yml", root/"nbs"/"index.ipynb"
decades = ["Foundations", "Spectral theory", "The idea", "The metric", "Data and networks", "Methods", "Training",
           "The paper's experiments", "The command line"]
experiments = "results gap walk equal_invariance known_pairs methods_compared noise_floor".split()


def chapters(): return sorted(nbs.glob("[0-9][0-9]_*.ipynb"))


def sections():
    "The book in reading order: {section: [path of a notebook below nbs/]}."
    found = {name: [p.name for p in chapters() if p.name[0] == str(i)] for i, name in enumerate(decades)}
    found["Experiments"] = [f"experiments/{name}.ipynb" for name in experiments if (nbs/f"experiments/{name}.ipynb").exists()]
    found["Tutorials"] = [p.relative_to(nbs).as_posix() for p in sorted((nbs/"tutorials").glob("*.ipynb"))]
    return {name: pages for name, pages in found.items() if pages}


def with_sidebar(text):
    "`text` of _quarto.yml with the sidebar that the files make."
    parts = [("Start", ["index.ipynb"]), *sections().items()]
    lines = [f"      - section: {name}\n        contents:\n" + "".join(f"          - {page}\n" for page in pages) for name, pages in parts]
    return re.sub(r"(?m)(?<=^    contents:\n)(^ {6,}.*\n)+", lambda m: "".join(lines), text)


def with_table(text):
    "`text` of a markdown cell with the table of chapters that the files make, where it has one."
    def title(page): return nbformat.read(nbs/page, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
    def link(page): return re.sub(r"^(\d\d_)?.*", lambda m: (m[1] or "").replace("_", " "), page) + f"[{title(page)}]({page})"
    rows = [f"| **{name}** | {' · '.join(map(link, pages))} |" for name, pages in sections().items()]
    table = "\n".join(["| section | chapters |", "|---|---|", *rows])
    return re.sub(r"(?m)^\| section \| chapters \|$(\n\|.*)*", lambda m: table, text)


def written():
    "What both files should hold: {path: text}."
    nb = nbformat.read(index, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "markdown": cell.source = with_table(cell.source)
    # As nbdev_clean writes a notebook.
    return {quarto: with_sidebar(quarto.read_text(encoding="utf-8")), index: nbformat.writes(nb, indent=1, sort_keys=True).rstrip() + "\n"}


def out_of_date():
    "What differs from what the files make."
    there = {p.relative_to(nbs).as_posix() for p in nbs.glob("experiments/*.ipynb")}
    return [f"{p.relative_to(root)} is out of date" for p, text in written().items() if text != p.read_text(encoding="utf-8")] \
        + [f"nbs/{p} is not listed in scripts/contents.py" for p in sorted(there - set(sections()["Experiments"]))]


def write():
    for path, text in written().items(): path.write_text(text, encoding="utf-8")


if __name__ == "__main__": write()
