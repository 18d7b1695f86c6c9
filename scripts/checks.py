"""What must hold of the repository, besides that notebooks run: a check returns what is wrong."""

import ast, importlib, inspect, os, re, runpy, shutil, subprocess, sys, tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from unittest.mock import patch

from execnb.nbio import nb2str, read_nb
from fastcore.docments import docments
from IPython.core.inputtransformer2 import TransformerManager
from nbdev.clean import clean_nb
from nbdev.doclinks import nbglob
from nbdev.process import NBProcessor
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import browser, docs, readme, reports, style

root = Path(__file__).resolve().parent.parent
nbs, lib = root / "nbs", root / "sagvicreg"
most = 65  # notebooks, tutorials apart
readme_words = 900
by_hand = [
    *("__init__.py", "__init__.pyi", "__main__.py", "py.typed"),
    *("page.html", "training/report.html", "metrics/compare.html"),
]
lab_chapter = "10_spectral.laplacian.ipynb"
checks = []


def check(todo):
    "Register a check: its docstring is what holds, `todo` what to do when it does not."

    def register(f):
        f.todo = todo
        checks.append(f)
        return f

    return register


@cache
def notebooks():
    return sorted(nbglob(nbs, as_path=True))


@cache
def code_cells(path):
    "The code cells of a notebook with where they are and nbdev's directives."
    cells = NBProcessor(path, process=True, rm_directives=False).nb.cells
    return [
        (f"{path.relative_to(root)}, cell {i} (#{c.id})", c.directives_, c.source)
        for i, c in enumerate(cells)
        if c.cell_type == "code"
    ]


def evaluated_code(path):
    "The syntax trees of the cells that are ever run, magics made into calls of get_ipython()."
    for where, directives, source in code_cells(path):
        if directives.get("eval:", [""])[0].lower() == "false":
            continue
        try:
            yield where, ast.parse(TransformerManager().transform_cell(source))
        except SyntaxError as e:
            raise SyntaxError(f"{where}: {e}") from e


def number(path):
    "A chapter's number; None for a page that is no chapter."
    return int(path.name[:2]) if path in readme.chapters() else None


@cache
def exported():
    "The notebook that makes each module: [(module, path)]."
    return [
        (f"sagvicreg.{said['default_exp'][0]}", p)
        for p in notebooks()
        for _, said, _ in code_cells(p)
        if "default_exp" in said
    ]


def tree(folder):
    "The files under `folder` and what is in them, caches and hidden files left out."

    def left_out(p):
        return any(q[0] == "." or q == "__pycache__" for q in p.relative_to(folder).parts)

    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and not left_out(p)
    }


@check("run `make notebooks` (or nbdev_clean) and commit what it writes")
def clean():
    "Notebooks are clean"

    def cleaned(path):
        nb = read_nb(path)
        clean_nb(nb)
        return nb2str(nb)

    dirty = [p for p in notebooks() if cleaned(p).encode() != p.read_bytes()]
    return [f"{p.relative_to(root)} is not as nbdev_clean leaves it" for p in dirty]


@check(
    "run `make export`, delete modules that no notebook makes; commit notebook and module together"
)
def in_sync():
    "The package is what the notebooks export"
    with tempfile.TemporaryDirectory() as d:
        copy = Path(d).resolve()
        shutil.copytree(nbs, copy / "nbs", symlinks=True)
        for name in ("settings.ini", "setup.py"):
            shutil.copy(root / name, copy)
        for name in by_hand:
            if not (lib / name).exists():
                continue
            (copy / "sagvicreg" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(lib / name, copy / "sagvicreg" / name)
        # nbdev exports nothing under IN_TEST
        env = {k: v for k, v in os.environ.items() if k != "IN_TEST"}
        command = [sys.executable, "-c", "from nbdev.doclinks import nbdev_export; nbdev_export()"]
        done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)
        if done.returncode:
            return ["nbdev_export failed:", *done.stderr.splitlines()]
        there, made = tree(lib), tree(copy / "sagvicreg")
    other = [n for n in sorted(made.keys() & there) if made[n] != there[n]]
    return (
        [f"sagvicreg/{n} is missing" for n in sorted(made.keys() - there)]
        + [f"sagvicreg/{n} comes from no notebook" for n in sorted(there.keys() - made)]
        + [f"sagvicreg/{n} differs from its notebook" for n in other]
    )


@check(
    "move the imports to a cell of their own: doc processing runs such a cell alone, "
    "and there it fails"
)
def imports_alone():
    "Imports stand in cells of their own"

    def is_import(node):
        return isinstance(node, (ast.Import, ast.ImportFrom))

    def is_magic(node):
        return isinstance(node, ast.Expr) and ast.unparse(node).startswith("get_ipython().")

    cells = [cell for p in notebooks() for cell in evaluated_code(p)]
    importing = [(where, code) for where, code in cells if any(map(is_import, ast.walk(code)))]
    return [
        where
        for where, code in importing
        if not all(is_import(n) or is_magic(n) for n in code.body)
    ]


@check("move it down, or the chapter up: readers have not met what a later chapter defines")
def order():
    "Chapters import only lower-numbered chapters"
    modules = {m: number(p) for m, p in exported()}

    def used(code):
        for node in ast.walk(code):
            if isinstance(node, ast.Import):
                yield from (a.name for a in node.names)
            elif isinstance(node, ast.ImportFrom):
                for name in (f"{node.module}.{a.name}" for a in node.names):
                    yield name if name in modules else node.module

    wrong = []
    for p in notebooks():
        for where, code in evaluated_code(p):
            for name in sorted(n for n in set(used(code)) if n and n.startswith("sagvicreg.")):
                if name not in modules:
                    wrong.append(f"{where} imports {name}, which no notebook exports")
                elif None not in (number(p), modules[name]) and modules[name] > number(p):
                    wrong.append(f"{where} imports {name}, of a later chapter")
    return wrong


@check("rename it, or move what exports nothing to nbs/experiments/ or nbs/tutorials/")
def names():
    "Chapters are NN_module.ipynb, with each number, module and page once; all else exports nothing"
    made, found = {p: m for m, p in exported()}, readme.chapters()
    stray = [p for p in nbs.glob("*.ipynb") if p not in found and p.name != "index.ipynb"]
    named = {p: f"sagvicreg.{p.stem[3:]}" for p in found}
    paths = [p.relative_to(nbs) for p in notebooks()]
    pages = Counter(p.with_name(re.sub(r"^\d\d_", "", p.name)) for p in paths)
    book = sum(p.parent.name != "tutorials" for p in notebooks())
    twice = {**Counter(map(number, found)), **Counter(m for m, _ in exported()), **pages}
    return (
        [f"nbs/{p.name} is no chapter: it begins with no number of two digits" for p in stray]
        + [f"nbs/{p.name} does not export {m}" for p, m in named.items() if made.get(p) != m]
        + [f"{p.relative_to(root)} exports {made[p]}" for p in made.keys() - set(found)]
        + [f"{n} notebooks are {name}" for name, n in twice.items() if n > 1]
        + [f"{n} notebooks, the most is {most}" for n in [book] if n > most]
    )


@check("leave `# Title`, an empty line and `> summary`; move the rest, which Quarto drops, down")
def first_cells():
    "First cells hold a title and a summary, and nothing else"
    return [
        f"{p.relative_to(root)}"
        for p in notebooks()
        if not re.fullmatch(r"# .+\n\n> .+", read_nb(p).cells[0].source.strip())
    ]


@check("say at its end what the next chapter does, with a link to it")
def led_on():
    "The last text of each chapter links to the next chapter"

    def text(p):
        return [c.source for c in read_nb(p).cells if c.cell_type == "markdown"][-1]

    found = readme.chapters()
    following = zip(found, [*(p.name for p in found[1:]), "experiments/results.ipynb"])
    return [f"nbs/{p.name} does not lead to {q}" for p, q in following if f"]({q}" not in text(p)]


@check("make it public under a good name, or move it to where it is used")
def private():
    "No module uses a private name of another"

    def ours(node):
        return node.level or (node.module or "").startswith("sagvicreg")

    wrong = []
    for p in set(lib.rglob("*.py")) - {lib / "_modidx.py"}:
        nodes = list(ast.walk(ast.parse(p.read_text(encoding="utf-8"))))
        imported = [a for n in nodes if isinstance(n, ast.ImportFrom) and ours(n) for a in n.names]
        modules = {a.asname or a.name for a in imported}
        read = [n for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
        used = [a.name for a in imported] + [n.attr for n in read if n.value.id in modules]
        hidden = [name for name in used if re.match("_(?!_|fields$|asdict$|replace$|make$)", name)]
        wrong += [f"{p.relative_to(root)} uses {name}" for name in hidden]
    return sorted(wrong)


@check(
    "give it a docstring of one line, and each parameter a trailing comment "
    "(shape, unit, meaning); name constants in capitals, or with a _ first"
)
def documented():
    "Public symbols are documented"
    wrong = []
    for module, _ in exported():
        public = importlib.import_module(module)
        for name in getattr(public, "__all__", []):
            symbol = inspect.unwrap(getattr(public, name))
            if not (inspect.isfunction(symbol) or inspect.isclass(symbol)):
                if not callable(symbol) and not name.isupper():
                    wrong.append(f"{module}.{name}: a constant not in capitals")
                continue
            doc = (symbol.__doc__ or "").strip()
            if not doc or doc.startswith(f"{name}("):
                wrong.append(f"{module}.{name}: no docstring")  # a dataclass makes one up
            elif "\n" in doc:
                wrong.append(f"{module}.{name}: a docstring of {doc.count(chr(10)) + 1} lines")
            if not inspect.isfunction(symbol):
                continue
            said = docments(symbol, returns=False)
            parameters = inspect.signature(symbol).parameters.values()
            named = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
            bare = [k for k in named if not said.get(k)]
            if bare:
                wrong.append(f"{module}.{name}: nothing said of {', '.join(bare)}")
    return wrong


@check(
    "give the cell `#| fig-cap: \"…\"` and `#| fig-alt: \"…\"`, and one figure; "
    "run it with `make notebooks`"
)
def figures_described():
    "Figures are stored, with a caption and a text for those who cannot see them"
    wrong = []
    for path in notebooks():
        for cell in read_nb(path).cells:
            if cell.cell_type != "code" or re.search(r"(?m)^#\| *(hide|slow|cuda)\b", cell.source):
                continue
            where = f"{path.relative_to(root)} #{cell.id}"
            n = sum("image/png" in o.get("data", {}) for o in cell.outputs)
            described = "fig-cap:" in cell.source and "fig-alt:" in cell.source
            if n > 1 or n and not described:
                wrong.append(f"{where}: {n} figures, caption and text: {described}")
            if not n and re.search(r"(?m)^plt\.show\(\)", cell.source):
                wrong.append(f"{where}: no figure is stored")
    return wrong


@check("print no folders, silence what a library warns of, or end the cell with an assertion")
def outputs_for_all():
    "Stored outputs name no folder of the machine that ran them, and show no error"
    folders = re.escape(tempfile.gettempdir()), re.escape(str(root))
    here = re.compile(r"{}/tmp\w|site-packages|{}/|Traceback \(most recent".format(*folders))
    return [
        f"{path.relative_to(root)} #{cell.id}: {found[0]}"
        for path in notebooks()
        for cell in read_nb(path).cells
        if (found := here.search(str(cell.get("outputs", ""))))
    ]


@check(
    "see `python scripts/style.py NOTEBOOK ...`: split cells, break lines, "
    "show or test each public symbol"
)
def readable():
    "Cells are small, lines are short, and each public symbol is introduced and shown"
    wrong = [line for p in notebooks() for line in style.faults(p) if "(share)" not in line]
    for name, (value, limit) in style.figures(notebooks()).items():
        if value > limit:
            wrong.append(f"{name}: {value}, the most is {limit}")
    return wrong


@check("wrap the line, or give the second statement a line of its own")
def scripts_readable():
    "Scripts, benchmarks and Makefile have at most 100 columns, and one statement per line"
    wrong, programs = [], [*root.glob("bench/*.py"), *root.glob("scripts/*.py"), root / "setup.py"]
    others = [p for g in ("bench/*.sh", "scripts/*.js", ".ci/*") for p in sorted(root.glob(g))]
    for p in [*sorted(programs), *others, root / "Makefile"]:
        text = p.read_text(encoding="utf-8")
        lines, where = text.split("\n"), p.relative_to(root)
        wide = [n for n, line in enumerate(lines, 1) if len(line) > style.columns]
        wrong += [f"{where}:{n} has {len(lines[n - 1])} columns" for n in wide]
        for node in ast.walk(ast.parse(text)) if p in programs else ():
            if isinstance(node, ast.stmt):
                before = lines[node.lineno - 1].encode()[: node.col_offset]
                if before.strip():  # the end of another statement, or one that ends in `:`
                    wrong.append(f"{where}:{node.lineno} has two statements")
    return wrong


@check("see `python scripts/style.py FILE ...`: shorten the sentence, or say it in other words")
def idiomatic():
    "Prose is in short sentences and plain American English"
    texts = [*notebooks(), *root.glob("*.md"), nbs / "results" / "LOG.md"]
    return [line for p in texts for line in style.prose_faults(p) if "(share)" not in line]


@check("run `make readme`")
def made():
    "README.md, the sidebar and the table of chapters are what the notebooks make"
    link = nbs / "_quarto.yml"
    wrong = readme.out_of_date()
    if not link.is_symlink() or os.readlink(link) != "../_quarto.yml":
        wrong.append("nbs/_quarto.yml is not a symlink to ../_quarto.yml")
    return wrong


@check("mend nbs/index.ipynb: each block of Python must run when pasted after those before it")
def readme_runs():
    "The README is short, and its Python runs when pasted"
    text = (root / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    with tempfile.TemporaryDirectory() as d:
        env = os.environ | dict(PYTHONPATH=str(root), TQDM_DISABLE="1")
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=d, env=env, capture_output=True, text=True)
    wrong = done.stderr.splitlines() if done.returncode else []
    words = len(re.sub(r"!\[[^]]*\]|<!--.*?-->", "", text).split())  # as it is shown
    if words > readme_words:
        wrong.append(f"{words} words, the most is {readme_words}")
    return wrong


@check("take the address from settings.ini, or link to the notebook instead")
def one_address():
    "The addresses of site and repository are in settings.ini alone"
    addresses = [docs.settings["doc_host"], docs.settings["git_url"]]
    texts = [*notebooks(), *root.glob("*.md"), root / "_quarto.yml", *lib.rglob("*.py")]
    return [
        f"{p.relative_to(root)} has {a}"
        for p in texts
        if p.name != "_modidx.py"
        for a in addresses
        if a in p.read_text(encoding="utf-8")
    ]


@check("mend setup.py, settings.ini or scripts/constraints.txt")
def packaging():
    "The package installs whole, from pinned requirements"
    with patch("setuptools.setup") as setup:
        runpy.run_path(str(root / "setup.py"))
    said = setup.call_args.kwargs
    folders = {".".join((lib.name, *Path(f).parent.parts)) for f in tree(lib) if f.endswith(".py")}
    wrong = [f"{f} is left out of packages" for f in sorted(folders - set(said["packages"]))]
    given = said["package_data"].items()
    data = [f"{package.replace('.', '/')}/{g}" for package, globs in given for g in globs]
    for f in {"py.typed", *(f for f in tree(lib) if not f.endswith(".py"))}:
        if not (lib / f).is_file() or not any((lib / f).match(g) for g in data):
            wrong.append(f"sagvicreg/{f} is missing or not packaged")
    for script in said["entry_points"]["console_scripts"]:
        module, _, name = script.partition("=")[2].strip().partition(":")
        try:
            getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as e:
            wrong.append(f"console script {script}: {e}")
    lines = (root / "scripts" / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and line[0] != "#"]
    pinned = {canonicalize_name(r.name): next(iter(r.specifier)).version for r in pins}
    for r in map(Requirement, sum(said["extras_require"].values(), said["install_requires"])):
        version = pinned.get(canonicalize_name(r.name))
        if version is None:
            wrong.append(f"{r.name} has no pin in scripts/constraints.txt")
        elif version not in r.specifier:
            wrong.append(f"{r.name}: the tested {version} is outside {r.specifier}")
    modules = {f: text.decode() for f, text in sorted(tree(lib).items()) if f.endswith(".py")}
    for f, text in modules.items():
        advised = set(re.findall(r"sagvicreg\[(\w+)\]", text))
        for extra in sorted(advised - said["extras_require"].keys()):
            wrong.append(f"sagvicreg/{f} advises sagvicreg[{extra}], an extra that is not there")
    return wrong


def unlinked(text):
    "Markdown without the links that nbdev put on `names`."
    host = re.escape(docs.settings["doc_host"])
    return re.sub(rf"\[(`[^`]+`)\]\({host}[^)]*\)", r"\1", text).strip()


@check(
    "keep backticks out of links and of parameters' comments where they hold the name of a symbol, "
    "and all but title and summary out of the first cell"
)
def nothing_lost():
    "What nbdev hands to Quarto has every text of the notebooks, and no raw links"
    docs.process()
    wrong = []
    doubled = re.compile(r"\[\[`.{,80}")
    signature = re.compile(r"```python\ndef (\w+)(?:(?!```).)*?\]\(http", flags=re.DOTALL)
    for path in notebooks():
        where = path.relative_to(nbs)
        cells = read_nb(root / "_proc" / where).cells
        written = [unlinked(c.source) for c in cells if c.cell_type == "markdown"]
        texts = [c.source.strip() for c in read_nb(path).cells[1:] if c.cell_type == "markdown"]
        wrong += [f"nbs/{where}: lost: {text[:80]}" for text in texts if text not in written]
        for c in cells:
            links = doubled.findall(c.source) if c.cell_type == "markdown" else []
            wrong += [f"nbs/{where}: a link within a link: {m}" for m in links]
            for o in c.outputs if "show_doc(" in c.source else []:
                linked = signature.findall("".join(o.data["text/markdown"]))
                wrong += [f"nbs/{where}: a link in the signature of {name}" for name in linked]
    return wrong


@check("run `make docs` and see what it says")
def site_builds():
    "The site builds without a warning or a dead link"
    command = [sys.executable, str(root / "scripts" / "docs.py")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    return [] if done.returncode == 0 else done.stderr.splitlines() or ["no message"]


@check("open _docs/ in a browser and see; the pages are made by scripts/docs.py")
def pages_load():
    "Every page of the site loads in a browser"
    if not (root / "_docs" / "index.html").exists():
        return ["the site is not built"]
    problems, said = browser.run("check_site.js", root / "_docs")
    if not problems:
        print(f"    {said}")
    return problems


@check(
    "write these pages (Comparison.save, training.report) and see; "
    "the templates are the .html files in sagvicreg/"
)
def reports_load():
    "The pages of a comparison and of a run are whole in a browser"
    problems, said = reports.problems()
    if not problems:
        print(f"    {said}")
    return problems


@check("open it in JupyterLab (`make lab`) and run all cells")
def lab_runs():
    "JupyterLab runs a theory chapter"
    path = nbs / lab_chapter
    if not path.exists():
        return [f"{lab_chapter} is missing"]
    problems, said = browser.run_in_lab(path)
    if not problems:
        print(f"    {lab_chapter}: {said}")
    return problems
