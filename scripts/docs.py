"""The site: nbdev processes the notebooks into _proc/, Sphinx renders them into _docs/. Nothing in it is fetched when it is read.

    python scripts/docs.py            # what has changed
    python scripts/docs.py --force    # everything

Honoured: `#| hide`, `#| include: false`, `#| echo: false`, `#| output: false`, `#| code-fold: true`, `#| code-summary: "…"`.
The paragraph in italics after a figure becomes its caption, `\\tag{2}` an anchor #eq-2, the n-th figure of a page #fig-n.
"""
import ast, base64, importlib, inspect, os, re, shutil, subprocess, sys, tempfile
os.environ |= dict(TQDM_DISABLE="1", OMP_NUM_THREADS="1")      # before torch loads: one worker a core

from html import unescape
from operator import attrgetter
from pathlib import Path
from textwrap import dedent
from urllib.parse import unquote, urlsplit

import nbformat, yaml
from docutils import nodes
from nbdev.config import get_config
from nbdev.process import extract_directives
from nbdev.serve import proc_nbs
from sphinx.application import Sphinx

import readme

root = Path(__file__).resolve().parent.parent
nbs, proc, docs, theme = root/"nbs", root/"_proc", root/"_docs", Path(__file__).resolve().parent/"docs"
source, extra, html = proc/".site", proc/".static", proc/".out"/"html"      # what Sphinx reads and writes; hidden, so that Quarto passes it by
mathjax = "3.2.2"
long_tests = 8                                              # a cell of tests with more lines is folded
settings = get_config(path=root)


def fetch_mathjax():
    "MathJax as one file, fonts and extensions included; npm fetches it once and the environment keeps it."
    kept = Path(sys.prefix)/f"mathjax-{mathjax}.js"
    if kept.exists(): return kept
    npm = shutil.which("npm")
    if not npm: sys.exit("npm is not installed: the site needs it once, to fetch MathJax. Install Node.js, then run `make docs` again.")
    with tempfile.TemporaryDirectory() as d:
        subprocess.run([npm, "pack", "--silent", f"mathjax@{mathjax}"], cwd=d, check=True, stdout=subprocess.DEVNULL)
        shutil.unpack_archive(next(Path(d).glob("*.tgz")), d, filter="data")
        shutil.move(Path(d)/"package/es5/tex-svg-full.js", kept.with_suffix(".part"))
    return kept.with_suffix(".part").rename(kept)


def process(force):
    "nbdev's part: `show_doc` for each exported symbol, links from `names` to symbols. Only notebooks that changed are processed again."
    kept, made = root/"sagvicreg"/"_modidx.py", proc/".modidx"
    fresh = made.exists() and made.read_bytes() == kept.read_bytes()      # other symbols may change the links of any page
    proc_nbs(force=force or not fresh)
    for p in proc.rglob("*.ipynb"):
        if source not in p.parents and not (nbs/p.relative_to(proc)).exists(): p.unlink()
    made.write_bytes(kept.read_bytes())


def page_of(name): return (Path(name).parent/re.sub(r"^\d+[a-zA-Z0-9]*_", "", Path(name).stem)).as_posix()      # nbdev's rule


def caption_of(cell):
    "The caption that `cell` begins with, and the cell's text without it."
    if cell is None or cell.cell_type != "markdown": return "", None
    first, _, rest = cell.source.strip().partition("\n\n")
    if not re.fullmatch(r"\*[^*].*[^*]\*", first, flags=re.S): return "", cell.source
    text = re.sub(r"^Figure:\s*", "", " ".join(first[1:-1].split()))
    return text[:1].upper() + text[1:], rest


def definition(module, name):
    "The syntax tree and the source of a symbol, `Class.method` included."
    symbol = attrgetter(name)(importlib.import_module(module))
    code = dedent(inspect.getsource(inspect.unwrap(getattr(symbol, "fget", symbol))))
    return ast.parse(code).body[0], code


def fields(node, text):
    "The head of a class and its annotated fields as they are written, shapes and comments included; nothing for other symbols."
    if not isinstance(node, ast.ClassDef) or any(getattr(n, "name", "") == "__init__" for n in node.body): return ""
    wanted, lines = [n for n in node.body if isinstance(n, ast.AnnAssign)], text.splitlines()
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    shown = [lines[i - first] for n in [node, *wanted] for i in range(n.lineno, (n.lineno if n is node else n.end_lineno) + 1)]
    return re.sub(r" {2,}#", "  #", "\n".join(shown)) if wanted else ""


def header(node, text):
    "The signature of a function as it is written."
    return "\n".join(text.splitlines()[:node.body[0].lineno - node.end_lineno - 1])


class Page:
    "One processed notebook on its way to Sphinx."
    def __init__(self, name):
        self.notebook, self.name = name, page_of(name)
        self.nb = nbformat.read(proc/name, as_version=4)
        self.module = f"sagvicreg.{Path(name).stem[3:]}" if name[0].isdigit() else None
        self.cells, self.figures, self.level = [], {}, 1
        self.up = "../" * self.name.count("/")
        self.tags = set(re.findall(r"\\tag\{(\w+)\}", "".join(c.source for c in self.nb.cells if c.cell_type == "markdown")))
        self.symbols = {m[1] for c in self.nb.cells if (m := re.search(r"^show_doc\(([\w.]+)", c.source, flags=re.M))}

    def relink(self, text, pages):
        "Links between notebooks become links between pages; nbdev's links to its host become relative, those to symbols without a heading go."
        host = re.escape(settings["doc_host"] + settings["doc_baseurl"])
        def symbol(m):
            page, anchor = pages.get(m[2]), m[3] or ""
            known = page and (not anchor or anchor in {s.lower() for s in page.symbols})
            return f"[{m[1]}]({self.up}{m[2]}.html{'#' * bool(anchor)}{anchor})" if known else m[1]
        text = re.sub(rf"\[\[(`[^`]+`)\]\(({host}[^)]*)\)\]\([^)]+\)", r"[\1](\2)", text)      # a link that nbdev put inside a link
        text = re.sub(rf"\[([^]]*)\]\({host}([\w./]+)\.html(?:#([^)]*))?\)", symbol, text)
        return readme.relink(text, lambda link: page_of(link) + ".html" if link.endswith(".ipynb") else link)

    def equations(self, text):
        "`Equation 2` and `eq. (2)` in prose lead to this page's \\tag{2}; the paper's equations are not ours."
        def link(m): return f"[{m[0]}](#eq-{m[1] or m[2]})" if (m[1] or m[2]) in self.tags else m[0]
        parts = re.split(r"(```.*?```|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$|\[[^]]*\]\([^)]*\))", text, flags=re.S)
        ours = r"(?<!paper's )(?<!paper’s )\b(?:[Ee]quation|[Ee]q\.) (?:\((\w+)\)|(\w+)\b)(?! of the paper)"
        return "".join(p if i % 2 else re.sub(ours, link, p) for i, p in enumerate(parts))

    def markdown(self, text):
        "Add prose, its headings without gaps in their levels."
        def heading(m):
            self.level = min(len(m[1]), self.level + 1)
            return "#" * self.level + m[2]
        parts = re.split(r"(```.*?```)", text, flags=re.S)
        text = "".join(p if i % 2 else re.sub(r"^(#{2,6})( .*)", heading, p, flags=re.M) for i, p in enumerate(parts))
        if text.strip(): self.cells.append(nbformat.v4.new_markdown_cell(text))

    def symbol(self, cell, name, pages):
        "A symbol: heading, signature (a class without __init__ shows its fields), docstring, source to unfold."
        text = "".join(cell.outputs[0].data["text/markdown"])
        level, signature, doc = re.search(r"^(#+) .*?```python\n(.*?)\n```(.*)", text, flags=re.S | re.M).groups()
        signature = re.sub(r"\[(`[^`]+`)\]\(https?:[^)]*\)", r"\1", signature)      # nbdev links names in comments, where no link can be
        node, code = definition(self.module, name)
        if "…" in signature and code: signature = header(node, code)      # nbdev cuts long comments
        signature = re.sub(r" {2,}#", "  #", signature)      # aligned comments would run off a phone
        anchor, title = name.lower(), name.replace("_", r"\_")
        extra = f'<div id="{anchor}"></div>\n\n' if nodes.make_id(name) != anchor else ""
        fold = f'<details class="source">\n<summary>Source</summary>\n\n```python\n{code}\n```\n\n</details>' if code else ""
        self.markdown(f"{extra}{level} {title}\n\n<div class='signature'>\n\n```python\n{fields(node, code) or signature}\n```\n\n</div>\n\n"
                      f"{self.equations(self.relink(doc, pages)).strip()}\n\n{fold}")

    def figure(self, data, caption):
        "Write a figure and add it with its caption; its text for those who do not see it is the caption."
        n = len(self.figures) + 1
        path = f"{self.name.replace('/', '.')}-{n}.png"
        self.figures[path] = base64.b64decode(data)
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", re.sub(r"[*`$\\{}]", "", caption)) or f"Figure {n} of this page"
        self.markdown(f'<div id="fig-{n}"></div>\n\n````{{figure}} /figures/{path}\n:alt: {plain}\n\n{caption}\n````')

    def code(self, cell, following, pages):
        "A code cell as its directives want it, its figures after it; returns what is left of the text that follows."
        said = {k.rstrip(":"): v or ["true"] for k, v in extract_directives(cell).items()}
        def is_said(key, value): return said.get(key, [""])[0].lower() == value
        if "hide" in said or is_said("include", "false"): return None
        text = re.sub(r"(?m)^#\|.*\n?", "", cell.source).strip()
        outputs = [] if is_said("output", "false") else cell.outputs
        images = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
        others = [o for o in outputs if "image/png" not in o.get("data", {})]
        tests = not outputs and text.count("\n") >= long_tests and re.search(r"\b(test_\w+\(|assert )", text)
        tags, prompt = [], " ".join(said.get("code-summary", ["Tests" if tests else "Code"])).strip('"')
        if not text or is_said("echo", "false"): tags.append("remove-input")
        elif tests or is_said("code-fold", "true"): tags.append("hide-input")
        said_in_line = ["".join(o.get("data", {}).get("text/plain", "")) for o in others]
        if any(len(t) > 100 and "\n" not in t for t in said_in_line): tags.append("wrap")
        mystnb = dict(code_prompt_show=prompt, code_prompt_hide=prompt)
        if others or "remove-input" not in tags:
            self.cells.append(nbformat.v4.new_code_cell(text, outputs=others, metadata=dict(tags=tags, mystnb=mystnb)))
        caption, rest = caption_of(following) if images else ("", None)
        caption = self.equations(self.relink(caption, pages))
        for i, data in enumerate(images, 1): self.figure(data, caption if i == len(images) else "")
        return rest

    def head(self):
        "Title, summary and the way back to the notebook."
        said = yaml.safe_load(self.nb.cells[0].source.strip().strip("-"))
        of = f"<code>{self.module}</code> · " if self.module else ""
        back = f'{of}from the notebook <a href="{self.up}notebooks/{self.notebook}" download>{self.notebook}</a>'
        summary = f'<div class="lead">\n\n{said["description"]}\n\n</div>\n\n' if said.get("description") else ""
        return f'# {said["title"]}\n\n{summary}<p class="origin">{back}</p>'

    def render(self, pages, last=""):
        "The notebook that Sphinx reads, as text."
        self.markdown(self.head())
        cells, rest = self.nb.cells[1:], None      # after the front matter
        for i, cell in enumerate(cells):
            text, rest = cell.source if rest is None else rest, None
            if cell.cell_type == "markdown": self.markdown(self.equations(self.relink(text, pages)))
            elif name := re.search(r"^show_doc\(([\w.]+)", text, flags=re.M): self.symbol(cell, name[1], pages)
            elif cell.cell_type == "code":
                rest = self.code(cell, cells[i + 1] if i + 1 < len(cells) else None, pages)
        self.markdown(last)
        for i, cell in enumerate(self.cells): cell["id"] = f"cell-{i}"      # not random, so that an unchanged page stays as it is
        meta = dict(kernelspec=dict(name="python3", display_name="Python 3", language="python"), language_info=dict(name="python"))
        return nbformat.writes(nbformat.v4.new_notebook(cells=self.cells, metadata=meta))


def toctree():
    "The sidebar as Sphinx wants it, at the end of the first page."
    head = "```{toctree}\n:hidden:\n:caption: "
    found = {title: map(page_of, names) for title, names in readme.sections().items()}
    return "\n\n".join(f"{head}{title}\n\n" + "\n".join(names) + "\n```"
                       for title, names in {"Start": ["Introduction <self>", *map(page_of, readme.start[1:])], **found}.items())


def write_if_new(path, data):
    if path.exists() and path.read_bytes() == data: return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_source():
    "What Sphinx reads: pages and figures; those that are no longer wanted go."
    pages = {p.name: p for p in map(Page, sum(readme.sections().values(), readme.start))}
    wanted = {f"{p.name}.ipynb": p.render(pages, toctree() if p.name == "index" else "").encode()
              for p in pages.values()}
    wanted |= {f"figures/{name}": data for p in pages.values() for name, data in p.figures.items()}
    for name, data in wanted.items(): write_if_new(source/name, data)
    for p in [p for p in source.rglob("*") if p.is_file() and p.relative_to(source).as_posix() not in wanted]: p.unlink()
    return pages


def equation_anchors(app, doctree):
    "Hand display mathematics to MathJax as it is written, and give what carries \\tag{2} the anchor eq-2."
    for node in doctree.findall(nodes.math_block):
        text = node.astext().strip()
        node["no-wrap"] = node["nowrap"] = True
        node["ids"] += [f"eq-{n}" for n in re.findall(r"\\tag\{(\w+)\}", text)]
        node.children[:] = [nodes.Text(rf"\[{text}\]")]


def config():
    return dict(
        project=settings["title"], author=settings["author"], copyright=settings["copyright"], language="en",
        extensions=["myst_nb", "sphinx.ext.mathjax"], source_suffix={".ipynb": "myst-nb"},
        nb_execution_mode="off", nb_merge_streams=True, myst_enable_extensions=["dollarmath"], myst_all_links_external=True,
        mathjax_path="mathjax.js", mathjax3_config=dict(options=dict(enableMenu=False), svg=dict(fontCache="global", scale=.9)),
        html_theme="sphinx_book_theme", html_title=settings["title"], html_favicon=str(theme/"favicon.svg"), html_copy_source=False,
        html_static_path=[str(theme/"static"), str(extra)], html_css_files=["site.css"], html_js_files=["site.js"],
        html_context=dict(default_mode="auto"), html_use_index=False, html_domain_indices=False, pygments_style="default", html_theme_options=dict(
            use_download_button=False, use_fullscreen_button=False, show_toc_level=2, search_bar_text="Search", show_navbar_depth=1,
            pygments_light_style="default", pygments_dark_style="github-dark", navbar_persistent=[], footer_content_items=["copyright.html"]),
    )


def dead_links(folder):
    "Links and anchors within the site that lead nowhere, and the number of all links within it."
    ids, links, dead = {}, {}, []
    for p in set(folder.rglob("*.html")) - set(folder.glob("_static/**/*")):
        tags = "".join(re.findall(r"<\w[^>]*>", p.read_text(encoding="utf-8")))
        ids[p] = {unescape(i) for i in re.findall(r'\sid="([^"]+)"', tags)}
        links[p] = [urlsplit(unescape(to)) for to in re.findall(r'\s(?:href|src)="([^"]+)"', tags)]
    links = [(p, to) for p in sorted(links) for to in links[p] if not to.scheme and not to.netloc]
    for p, to in links:
        target = (p.parent/unquote(to.path)).resolve() if to.path else p
        there = not to.fragment or target not in ids or unquote(to.fragment) in ids[target]
        if not target.is_file() or not there: dead.append(f"{p.relative_to(folder)} links to {to.geturl()}")
    return dead, len(links)


def build(force=False):
    "Make _docs/; returns the number of pages and of the links within them. A warning of Sphinx is an error, and then _docs/ stays as it was."
    os.chdir(root)
    script = fetch_mathjax()
    process(force)
    sys.path.insert(0, str(root))
    pages = write_source()
    write_if_new(extra/"mathjax.js", script.read_bytes())
    app = Sphinx(source, None, html, proc/".doctrees", "html", confoverrides=config(), status=None, warningiserror=True, freshenv=force)
    app.connect("doctree-read", equation_anchors)
    app.build()
    if app.statuscode: sys.exit("Sphinx warned: see above.")
    for p in pages.values():
        (html/"notebooks"/p.notebook).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(nbs/p.notebook, html/"notebooks"/p.notebook)
    dead, n = dead_links(html)
    if dead: sys.exit("\n".join(dead))
    shutil.rmtree(docs, ignore_errors=True)
    shutil.copytree(html, docs, ignore=shutil.ignore_patterns(".buildinfo*", "objects.inv"))
    return len(pages), n


if __name__ == "__main__":
    n_pages, n_links = build("--force" in sys.argv)
    print(f"{n_pages} pages, {n_links} links within them: {docs.relative_to(root)}/index.html")
