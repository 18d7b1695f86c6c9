"""The form of the book.

    python scripts/style.py [NOTEBOOK ...]     # list what to mend in these notebooks

This is the size of cells, the length of lines and sentences, and what surrounds public symbols.
"""

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

from execnb.nbio import read_nb
from nbdev.doclinks import nbglob
from nbdev.process import NBProcessor

root = Path(__file__).resolve().parent.parent
columns = 100  # of a line of code
exported_lines = 25  # of an exported cell; one in ten may have more
test_lines = 12  # of a test cell; one in ten may have more
most_checks = 8  # in a cell
long_sentence = 30  # words; 3 % of the sentences may have more
longest_sentence = 40  # words

# What an engineer would not say, and British spelling beside the American names of the code.
unidiomatic = re.compile(
    r"""
    \b (anew | whom | whoever | nobody | hears? | beside | whilst | hitherto | thereby
      | need(s|ed)\ nowhere | (want|ask)s?\ reading | that\ of\ [^.]*?\ those\ of
      | neighbour\w* | colour\w* | centre[ds]? | centring | behaviou?r(?<!or)\w* | favour\w*
      | grey\w* | learnt | labell\w+ | modell\w+
      | ( normal | optim | initial | general | minim | maxim | regular | standard | visual | summar
        | organ | recogn | parametr | vector | quant | random | real | character )
        is(e|ed|es|ing|ation)\w*
      | analyse[ds]? | artefacts? | sceptic\w* | programme ) \b""",
    re.VERBOSE | re.IGNORECASE,
)
check_names = re.compile(r"^(test_\w+|assert_\w+)$")


def words(text):
    "The words of a piece of Markdown; a formula or a piece of code is one word."
    text = re.sub(r"`[^`]*`|\$[^$]+\$", "code", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return [w for w in text.split() if re.search(r"\w", w)]


def sentences(markdown):
    "The sentences of a piece of Markdown, without headings, tables, displayed formulas and code."
    text = re.sub(
        r"```.*?```|~~~.*?~~~|\$\$.*?\$\$|^    .*?$",
        "\n\n",
        markdown,
        flags=re.DOTALL | re.MULTILINE,
    )
    text = re.sub(r"^\s*([|#<].*|[-=:]{3,})$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*(>|[-*+]|\d+\.)\s+", "\n\n", text, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = re.sub(r"\b(e\.g|i\.e|Fig|Eq|Sec|vs|cf|et al)\.", r"\1", paragraph)
        yield from filter(
            None, re.split(r"(?<=[.!?])[\"')*_”]*\s+(?=[^a-z])", " ".join(paragraph.split()))
        )


class Cell:
    "A code cell: where it is, nbdev's directives, its code."

    def __init__(self, path, cell):
        self.where = f"{path.relative_to(root)} #{cell.id}"
        self.source = cell.source
        self.directives = cell.directives_
        self.exported = bool({"export", "exports"} & self.directives.keys())
        lines = cell.source.splitlines()
        self.lines = [line for line in lines if line.strip() and not line.startswith("#|")]
        magic = [line.lstrip().startswith(("%", "!")) for line in lines]
        self.code = "\n".join("" if m else line for m, line in zip(magic, lines))
        self.tree = ast.parse(self.code)

    def definitions(self):
        "Functions and classes that it defines."
        return [n for n in self.tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]

    def public(self):
        "Names of the public ones; a method patched into a class is public with it."
        return [n.name for n in self.definitions() if self.exported and not n.name.startswith("_")]

    def checks(self):
        "How many assertions it has."

        def is_check(node):
            return isinstance(node, ast.Assert) or (
                isinstance(node, ast.Call) and bool(check_names.match(getattr(node.func, "id", "")))
            )

        return 0 if self.exported else sum(map(is_check, ast.walk(self.tree)))

    def chains(self):
        "Rows in which a `;` joins two statements."
        tokens = [
            t
            for t in tokenize.generate_tokens(io.StringIO(self.code).readline)
            if t.type not in (tokenize.COMMENT, tokenize.NL)
        ]
        return [
            a.start[0]
            for a, b in zip(tokens, tokens[1:])
            if a.string == ";" and b.type != tokenize.NEWLINE
        ]

    def comments(self):
        "Text of the docstrings and comments."
        found = [
            t.string.lstrip("#| ")
            for t in tokenize.generate_tokens(io.StringIO(self.code).readline)
            if t.type == tokenize.COMMENT and not t.string.startswith("#|")
        ]
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        return found + [
            ast.get_docstring(n) or "" for n in ast.walk(self.tree) if isinstance(n, documented)
        ]


def read(path):
    "The cells of a notebook: a Cell for code, a string for Markdown."
    cells = NBProcessor(path, process=True, rm_directives=False).nb.cells
    return [Cell(path, c) if c.cell_type == "code" else c.source for c in cells]


def unexplained(cells):
    "Public symbols without a text before, or without a demo or test before the next public symbol."
    told, last, wrong = False, None, []
    for cell in cells:
        if isinstance(cell, str):
            told = True
        elif cell.public():
            name = ", ".join(cell.public())
            if not told:
                wrong.append(f"{cell.where}: no text before {name}")
            if last:
                wrong.append(f"{last.where}: nothing shows or tests {', '.join(last.public())}")
            told, last = False, cell
        elif not cell.exported and cell.lines:
            last = None
    return wrong + (
        [f"{last.where}: nothing shows or tests {', '.join(last.public())}"] if last else []
    )


def prose(path):
    "The texts of a file and where they stand."
    if path.suffix == ".md":
        return [(path.name, path.read_text(encoding="utf-8"))]
    texts = []
    for cell, raw in zip(read(path), read_nb(path).cells):
        here = f"{path.relative_to(root)} #{raw.id}"
        texts += [(here, t) for t in ([cell] if isinstance(cell, str) else cell.comments())]
    return texts


def is_code(cells):
    return [c for c in cells if isinstance(c, Cell)]


def with_definitions(cells):
    return [c for c in is_code(cells) if c.exported and c.definitions()]


def with_checks(cells):
    return [c for c in is_code(cells) if c.checks()]


def faults(path):
    "What is wrong with the cells of a notebook; (share) marks what a share of them may exceed."
    cells = read(path)
    wrong = unexplained(cells)
    for c in is_code(cells):
        lines = enumerate(c.source.splitlines(), 1)
        wide = [n for n, s in lines if len(s) > columns and not s.startswith("#| fig-")]
        if wide:
            wrong.append(f"{c.where}: lines over {columns} columns: {wide}")
        if c.chains():
            wrong.append(f"{c.where}: `;` in lines {c.chains()}")
        if c.checks() > most_checks:
            wrong.append(f"{c.where}: {c.checks()} checks")
    for c in with_definitions(cells):
        if len(c.lines) > exported_lines:
            wrong.append(f"{c.where}: (share) {len(c.lines)} exported lines")
        names = [n.name for n in c.definitions()]
        if len(names) > 1:
            wrong.append(f"{c.where}: (share) defines {', '.join(names)}")
    for c in with_checks(cells):
        if len(c.lines) > test_lines:
            wrong.append(f"{c.where}: (share) {len(c.lines)} lines of test")
    return wrong


def prose_faults(path):
    "Unidiomatic words and long sentences of a file; (share) marks what a share may exceed."
    wrong = []
    for where, text in prose(path):
        bare = re.sub(r"`[^`]*`|\$\$?[^$]+\$\$?|\]\([^)]*\)|```.*?```", " ", text, flags=re.DOTALL)
        wrong += [f"{where}: “{m.group(0)}”" for m in unidiomatic.finditer(bare)]
        for s in sentences(text):
            n = len(words(s))
            if n > longest_sentence:
                wrong.append(f"{where}: {n} words: {s}")
            elif n > long_sentence:
                wrong.append(f"{where}: (share) {n} words: {s}")
    return wrong


def figures(paths):
    "What the limits are about: {name: (value, most)}."
    cells = [c for p in paths for c in read(p)]
    defining, testing = with_definitions(cells), with_checks(cells)
    counts = [len(words(s)) for p in paths for _, text in prose(p) for s in sentences(text)]
    sizes, tests = [len(c.lines) for c in defining], [len(c.lines) for c in testing]
    definitions = [len(c.definitions()) for c in defining]

    def median(values):
        return sorted(values)[len(values) // 2] if values else 0

    def share(values, limit):
        return round(100 * sum(v > limit for v in values) / max(1, len(values)), 1)

    return {
        "lines of an exported cell, median": (median(sizes), 10),
        "exported cells over 25 lines, %": (share(sizes, exported_lines), 10),
        "lines of an exported cell, most": (max(sizes, default=0), 50),
        "exported cells with more than one definition, %": (share(definitions, 1), 15),
        "lines of a test cell, median": (median(tests), 5),
        "test cells over 12 lines, %": (share(tests, test_lines), 10),
        "sentences over 30 words, %": (share(counts, long_sentence), 3),
    }


def main():
    paths = [Path(p).resolve() for p in sys.argv[1:]] or sorted(nbglob(root / "nbs", as_path=True))
    books = [p for p in paths if p.suffix == ".ipynb"]
    for p in paths:
        for line in [*(faults(p) if p in books else []), *prose_faults(p)]:
            print(line)
    for name, (value, most) in figures(books).items():
        print(f"{name}: {value} (aim: {most})")


if __name__ == "__main__":
    sys.exit(main())
