"""What the notebooks make besides the package.

    python scripts/readme.py      # write it

This is the sidebar of _quarto.yml, the table of chapters in nbs/tutorials/contents.ipynb, README.md
from nbs/index.ipynb, and its figures as nbs/images/readme_N.png. Stored outputs are shown, nothing
is run. Honored: `#| hide`, `#| include: false`, `#| echo: false`, `#| output: false`,
`#| fig-cap`, `#| fig-alt`.
"""

import re
from pathlib import Path
from posixpath import normpath

import nbformat
from nbconvert import MarkdownExporter
from nbdev.process import extract_directives

root = Path(__file__).resolve().parent.parent
nbs, quarto, readme = root / "nbs", root / "_quarto.yml", root / "README.md"
index, contents, images = nbs / "index.ipynb", nbs / "tutorials" / "contents.ipynb", nbs / "images"
start = ["index.ipynb", "tutorials/idea.ipynb", "tutorials/contents.ipynb"]
header = (
    "<!-- Made from nbs/index.ipynb by `make readme`: edit the notebook, not this file. -->\n\n"
)
decades = [
    "Foundations",
    "Spectral theory",
    "The idea",
    "The metric",
    "Data and networks",
    "Methods",
    "Training",
    "The paper's experiments",
    "The command line",
]
# The order of the experiments, then of the tutorials.
following = """
    results frozen_features tables_on_features five_heads whole_networks gap walk
    equal_invariance known_pairs
    noise_floor sensitivity methods_compared

    score_embeddings what_a_map_keeps two_encoders ten_encoders train_on_a_folder recipes cpu_recipe
    several_gpus own_pairing pretended_gpu damaged_files reproduce_a_table
""".split()


def chapters():
    return sorted(nbs.glob("[0-9][0-9]_*.ipynb"))


def sections():
    "The book in reading order: {section: [path of a notebook below nbs/]}."
    found, order = {}, {name: i for i, name in enumerate(following)}
    for i, name in enumerate(decades):
        found[name] = [p.name for p in chapters() if p.name[0] == str(i)]
    for part in ("experiments", "tutorials"):
        pages = set((nbs / part).glob("*.ipynb")) - {nbs / page for page in start}
        pages = sorted(pages, key=lambda p: (order.get(p.stem, len(order)), p.stem))
        found[part.capitalize()] = [f"{part}/{p.name}" for p in pages]
    return {name: pages for name, pages in found.items() if pages}


def with_sidebar(text):
    "`text` of _quarto.yml with the sidebar that the files make."
    lines = []
    for name, pages in {"Start": start, **sections()}.items():
        lines.append(f"      - section: {name}\n        contents:\n")
        lines += [f"          - {page}\n" for page in pages]
    return re.sub(r"(?m)(?<=^    contents:\n)(^ {6,}.*\n)+", lambda m: "".join(lines), text)


def with_table(text):
    "`text` of a markdown cell with the table of chapters that the files make, where it has one."

    def link(page):
        first = nbformat.read(nbs / page, as_version=4).cells[0].source.splitlines()[0]
        title = first.removeprefix("# ")
        return f"{page[:2]} [{title}](../{page})" if page[0].isdigit() else f"[{title}](../{page})"

    rows = [
        f"| **{name}** | {' · '.join(map(link, pages))} |" for name, pages in sections().items()
    ]
    table = "\n".join(["| section | chapters |", "|---|---|", *rows])
    return re.sub(r"(?m)^\| section \| chapters \|$(\n\|.*)*", lambda m: table, text)


def relink(text, change):
    "Markdown `text` with each relative link put through `change`, but not code and mathematics."
    relative = r"""(\]\(|(?:src|href)=")(?![a-z]+:|[#/])([^)\s"#]+)"""
    parts = re.split(r"(```.*?```|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$)", text, flags=re.S)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(relative, lambda m: m[1] + change(m[2]), parts[i])
    return "".join(parts)


def prepare(cell):
    "The cells that stand for `cell` in the README, as Quarto would show it."
    if cell.cell_type == "markdown":
        text = relink(cell.source, lambda link: normpath("nbs/" + link))
        return [nbformat.v4.new_markdown_cell(text)]
    said = {k.rstrip(":"): (v or ["true"])[0] for k, v in extract_directives(cell).items()}
    if cell.cell_type == "raw" or "hide" in said or said.get("include") == "false":
        return []
    code = re.sub(r"(?m)^#\|.*\n?", "", cell.source).strip()
    outputs = [] if said.get("output") == "false" else cell.get("outputs", [])
    shown = code and said.get("echo") != "false"
    caption = re.findall(r'(?m)^#\| fig-cap: "(.*)"$', cell.source)
    return (
        [nbformat.v4.new_markdown_cell(f"```python\n{code}\n```")] * bool(shown)
        + [nbformat.v4.new_code_cell("", outputs=outputs)] * bool(outputs)
        + [nbformat.v4.new_markdown_cell(f"*{text}*") for text in caption]
    )


def made():
    "All that the notebooks make: {path: bytes}."
    book, nb = (nbformat.read(p, as_version=4) for p in (contents, index))
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = with_table(cell.source)
    as_cleaned = nbformat.writes(book, indent=1, sort_keys=True).rstrip() + "\n"
    files = {quarto: with_sidebar(quarto.read_text(encoding="utf-8")), contents: as_cleaned}
    found = [re.search(r'(?m)^#\| fig-alt: "(.*)"$', cell.source) for cell in nb.cells]
    alts = [m[1] for m in found if m]
    nb.cells = [c for cell in nb.cells for c in prepare(cell)]
    text, resources = MarkdownExporter(exclude_input=True).from_notebook_node(nb)
    for n, (name, data) in enumerate(resources["outputs"].items(), 1):
        path = images / f"readme_{n}{Path(name).suffix}"
        files[path] = data
        shown = f"![{alts[n - 1]}]({path.relative_to(root)})"
        text = re.sub(rf"!\[\w+\]\({re.escape(name)}\)", shown, text)
    blocks = r"(```python\n(?:(?!```).)*?)\n```\n+```python\n"
    text = re.sub(blocks, r"\1\n\n", text, flags=re.S)  # one block to paste
    files[readme] = header + re.sub(r"\n([ \t]*\n){2,}", "\n\n", text).strip() + "\n"
    return {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}


def stale(files):
    return [p for p in sorted(images.glob("readme_*")) if p not in files]


def out_of_date():
    "What differs from what the notebooks make."
    files = made()
    old = [p for p, data in files.items() if not p.exists() or p.read_bytes() != data]
    return [f"{p.relative_to(root)} is out of date" for p in old] + [
        f"{p.relative_to(root)} is no longer used" for p in stale(files)
    ]


def write():
    files = made()
    for p in stale(files):
        p.unlink()
    images.mkdir(exist_ok=True)
    for p, data in files.items():
        p.write_bytes(data)


if __name__ == "__main__":
    write()
