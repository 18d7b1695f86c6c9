"""Sphinx's configuration: it reads what nbdev writes for Quarto, and translates what only Quarto knows.

From the cell options: `echo`, `output`, `code-fold`, `code-summary`, `label`, `fig-cap`, `fig-alt`.
"""
import json
import re
import sys
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from nbdev.config import get_config

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))
import readme

settings = get_config(path=readme.root)
host = settings["doc_host"] + settings["doc_baseurl"]
pages = sum(readme.sections().values(), readme.start)
numbered = {re.sub(r"(^|/)\d+_", r"\1", page).removesuffix(".ipynb"): page for page in pages}      # as nbdev names them

project = html_title = settings["title"]
author, copyright, language = settings["author"], settings["copyright"], "en"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
source_suffix = {".ipynb": "myst-nb"}
exclude_patterns = ["results", ".*"]
suppress_warnings = ["myst.header"]      # nbdev's headings of symbols are always of the third level
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_all_links_external = True
mathjax_path = "mathjax.js"
mathjax3_config = dict(options=dict(enableMenu=False), svg=dict(fontCache="global", scale=.9))
html_theme = "sphinx_book_theme"
html_favicon = str(here/"favicon.svg")
html_static_path = [str(here/"static")]
html_css_files, html_js_files = ["site.css"], ["site.js"]
html_copy_source = html_use_index = html_domain_indices = False
html_context = dict(default_mode="auto")
html_theme_options = dict(
    use_download_button=False, use_fullscreen_button=False, search_bar_text="Search",
    show_toc_level=2, show_navbar_depth=1, navbar_persistent=[], footer_content_items=["copyright.html"],
    pygments_light_style="default", pygments_dark_style="github-dark")


@cache
def documented(page):
    "The anchors of the symbols that a page documents: nbdev links to private names and methods too."
    text = (readme.root/"_proc"/page).read_text(encoding="utf-8")
    return {name.lower() for name in re.findall(r"show_doc\(([\w.]+)", text)}


def relink(text, up):
    "Links to notebooks and nbdev's links to its host become links to pages; `up` leads to the site's root."
    def to_page(m):
        page, anchor = numbered[m[1]], m[2] or ""
        return up + page.replace(".ipynb", ".html") + f"#{anchor}"*(anchor in documented(page))
    text = re.sub(rf"{re.escape(host)}([\w./]+)\.html(?:#([\w.]+))?", to_page, text)
    return readme.relink(text, lambda link: re.sub(r"\.ipynb$", ".html", link))


def options(cell):
    "The cell options that Quarto reads: the lines `#| name: value`."
    return {name: yaml.safe_load(value) for name, value in re.findall(r"(?m)^#\| *([\w-]+): *(.*)$", cell["source"])}


def markdown(text, **rest): return dict(rest, cell_type="markdown", metadata={}, source=text)


def front(name, cell, up):
    "The head of a page: title, summary and the notebook that it comes from."
    said = yaml.safe_load(cell["source"].strip().strip("-"))
    module = f"<code>sagvicreg.{name[3:]}</code> · " if name[0].isdigit() else ""
    return markdown(f"""# {said["title"]}\n\n<div class="lead">\n\n{said.get("description", "")}\n\n</div>\n
<p class="origin">{module}from the notebook <a href="{up}notebooks/{name}.ipynb" download>{name}.ipynb</a></p>""", id="head")


def symbol(cell):
    "The documentation of a symbol as text, with the anchor that nbdev's links want instead of a link to its host."
    text = "".join(cell["outputs"][0]["data"]["text/markdown"])
    name = re.search(r"(?m)^#+ (.*)$", text)[1]
    head, _, rest = re.sub(r"^\s*---\s+\[source\].*\s*", "", text).partition("\n")
    head = head.replace("_", r"\_")
    rest = re.sub(r"```python\s+def \w+\(\s+\*args, \*\*kwargs\s+\):\s+```", "", rest)      # says nothing of a named tuple
    rest = rest.replace("```python", "<div class='signature'>\n\n```python", 1).replace("\n```\n", "\n```\n\n</div>\n", 1)
    return markdown(f'<div id="{name.lower()}"></div>\n\n{head}\n{rest}', id=cell["id"])


def code(cell):
    "A code cell as its options want it; what follows a figure gets a cell of its own, or it would be part of the figure."
    said = options(cell)
    cell["source"] = re.sub(r"(?m)^#\|.*\n?", "", cell["source"]).strip()
    defined = re.findall(r"(?m)^(?:def|class) (\w+)", cell["source"])
    tags, prompt = [], said.get("code-summary", "Code").replace("Exported source", f"Source of {', '.join(defined)}" if defined else "Source")
    if said.get("echo") is False or not cell["source"]: tags.append("remove-input")
    elif "code-fold" in said: tags.append("hide-input")
    if said.get("output") is False: tags.append("remove-output")
    own = dict(code_prompt_show=prompt, code_prompt_hide=prompt)
    if "fig-cap" in said: own["figure"] = dict(caption=said["fig-cap"], name=said.get("label", ""))
    if "fig-alt" in said: own["image"] = dict(alt=said["fig-alt"])
    after = [o for o in cell["outputs"] if "data" in o and "image/png" not in o["data"]] if "figure" in own else []
    before = [o for o in cell["outputs"] if o not in after]
    cells = [cell | dict(outputs=before, metadata=dict(tags=tags, mystnb=own))]
    if after: cells.append(cell | dict(id=cell["id"] + "-after", outputs=after, metadata=dict(tags=["remove-input"])))
    return cells


def toctree():
    "The sidebar, as Sphinx wants it."
    parts = {"Start": ["Introduction <self>", *readme.start[1:]], **readme.sections()}
    trees = ["\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *names, "```"]) for title, names in parts.items()]
    return markdown("\n\n".join(trees).replace(".ipynb", ""), id="tree")


def translate(app, name, content):
    "Make of a notebook for Quarto one for Sphinx; `content` is a list of its text."
    up, nb = "../"*name.count("/"), json.loads(content[0])
    head, *rest = [cell | dict(id=f"cell-{i}", source="".join(cell["source"])) for i, cell in enumerate(nb["cells"])]
    cells = []
    for cell in rest:
        if "show_doc(" in cell["source"]: cells.append(symbol(cell))
        elif cell["cell_type"] == "code": cells += code(cell)
        else: cells.append(cell)
    for cell in cells:
        if cell["cell_type"] == "markdown": cell["source"] = relink(cell["source"], up)
    last = [toctree()]*(name == "index")
    content[0] = json.dumps(nb | dict(cells=[front(name, head, up), *cells, *last]))


def leave_mathematics(app, doctree):
    "Hand display mathematics to MathJax as it is written: Sphinx would wrap it in what allows no `\\\\tag`."
    for node in doctree.findall(nodes.math_block):
        node["no-wrap"] = node["nowrap"] = True
        node.children[:] = [nodes.Text(rf"\[{node.astext().strip()}\]")]


def setup(app):
    app.connect("source-read", translate)
    app.connect("doctree-read", leave_mathematics)
