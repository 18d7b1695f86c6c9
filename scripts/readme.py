"""README.md from nbs/index.ipynb, its figures as nbs/images/readme_N.png.

    python scripts/readme.py            # write
    python scripts/readme.py --check    # say what is out of date; write nothing

Stored outputs are shown, nothing is run.
Honoured: `#| hide`, `#| include: false`, `#| echo: false`, `#| output: false`, `#| code-fold: true`.
"""
import re, sys
from pathlib import Path
from posixpath import normpath

import nbformat
from nbconvert import MarkdownExporter
from nbdev.process import extract_directives

root = Path(__file__).resolve().parent.parent
index, readme, images = root/"nbs"/"index.ipynb", root/"README.md", root/"nbs"/"images"
header = "<!-- Made from nbs/index.ipynb by `make readme`: edit the notebook, not this file. -->\n\n"
fold = "<details>\n<summary>Code</summary>\n\n{}\n\n</details>"


def relink(text, change):
    "Markdown `text` with each relative link put through `change`; code and mathematics are left alone."
    relative = r"""(\]\(|(?:src|href)=")(?![a-z]+:|[#/])([^)\s"#]+)"""
    parts = re.split(r"(```.*?```|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$)", text, flags=re.S)
    return "".join(p if i % 2 else re.sub(relative, lambda m: m[1] + change(m[2]), p) for i, p in enumerate(parts))


def prepare(cell):
    "The cells that stand for `cell` in the README, as Quarto would show it."
    if cell.cell_type == "markdown": return [nbformat.v4.new_markdown_cell(relink(cell.source, lambda link: normpath("nbs/" + link)))]
    said = {k.rstrip(":"): (v or ["true"])[0] for k, v in extract_directives(cell).items()}
    if cell.cell_type == "raw" or "hide" in said or said.get("include") == "false": return []
    code = re.sub(r"(?m)^#\|.*\n?", "", cell.source).strip()
    outputs = [] if said.get("output") == "false" else cell.get("outputs", [])
    shown = []
    if code and said.get("echo") != "false":
        fenced = f"```python\n{code}\n```"
        shown.append(nbformat.v4.new_markdown_cell(fold.format(fenced) if said.get("code-fold") == "true" else fenced))
    if outputs: shown.append(nbformat.v4.new_code_cell("", outputs=outputs))
    return shown


def render():
    "The README's text, and its figures as {file name: bytes}."
    nb = nbformat.read(index, as_version=4)
    nb.cells = [c for cell in nb.cells for c in prepare(cell)]
    text, resources = MarkdownExporter(exclude_input=True).from_notebook_node(nb)
    figures = {}
    for n, (name, data) in enumerate(resources["outputs"].items(), 1):
        figures[f"readme_{n}{Path(name).suffix}"] = data
        text = re.sub(rf"!\[\w+\]\({re.escape(name)}\)", f"![Figure {n}](nbs/images/readme_{n}{Path(name).suffix})", text)
    return header + re.sub(r"\n([ \t]*\n){2,}", "\n\n", text).strip() + "\n", figures


def stale(figures): return [p for p in sorted(images.glob("readme_*")) if p.name not in figures]


def out_of_date():
    "What differs between the README that is there and the one that the notebook makes."
    if not index.exists(): return ["nbs/index.ipynb is missing"]
    text, figures = render()
    wanted = {readme: text.encode(), **{images/name: data for name, data in figures.items()}}
    wrong = [p for p, data in wanted.items() if not p.exists() or p.read_bytes() != data]
    return [f"{p.relative_to(root)} is {'out of date' if p.exists() else 'missing'}" for p in wrong] \
        + [f"{p.relative_to(root)} is no longer used" for p in stale(figures)]


def write():
    text, figures = render()
    readme.write_text(text, encoding="utf-8", newline="\n")
    for p in stale(figures): p.unlink()
    for name, data in figures.items():
        images.mkdir(exist_ok=True)
        (images/name).write_bytes(data)


if __name__ == "__main__":
    if "--check" not in sys.argv: write()
    elif wrong := out_of_date(): sys.exit("\n".join(wrong) + "\nRun `make readme`.")
