"""The site: nbdev processes the notebooks into _proc/, Sphinx renders them into _docs/.

    python scripts/docs.py            # what has changed
    python scripts/docs.py --force    # everything

Its pages fetch nothing from the network.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

os.environ |= dict(TQDM_DISABLE="1", OMP_NUM_THREADS="1")  # before torch loads: one worker per core

from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nbdev.config import get_config
from nbdev.serve import proc_nbs
from sphinx.application import Sphinx

root = Path(__file__).resolve().parent.parent
nbs, proc, docs, sphinx = root / "nbs", root / "_proc", root / "_docs", root / "scripts" / "docs"
made = proc / ".made"  # hidden, so that Quarto passes it by
mathjax = "3.2.2"
settings = get_config(path=root)


def fetch_mathjax():
    "MathJax as one file, with fonts and extensions; npm fetches it once, the environment keeps it."
    kept = Path(sys.prefix) / f"mathjax-{mathjax}.js"
    if kept.exists():
        return kept
    npm = shutil.which("npm")
    if not npm:
        sys.exit("The site needs npm once, to fetch MathJax. Install Node.js and try again.")
    with tempfile.TemporaryDirectory() as d:
        command = [npm, "pack", "--silent", f"mathjax@{mathjax}"]
        subprocess.run(command, cwd=d, check=True, stdout=subprocess.DEVNULL)
        shutil.unpack_archive(next(Path(d).glob("*.tgz")), d, filter="data")
        shutil.move(Path(d) / "package/es5/tex-svg-full.js", kept.with_suffix(".part"))
    return kept.with_suffix(".part").rename(kept)


def process(force=False):
    "nbdev's part, for notebooks that changed: signatures of symbols, links from `names` to them."
    index, seen = root / "sagvicreg" / "_modidx.py", proc / ".modidx"
    # other symbols may change any page's links
    same = seen.exists() and seen.read_bytes() == index.read_bytes()
    proc_nbs(force=force or not same)
    for p in proc.rglob("*.ipynb"):
        if made not in p.parents and not (nbs / p.relative_to(proc)).exists():
            p.unlink()
    seen.write_bytes(index.read_bytes())


def dead_links(folder):
    "Links and anchors within the site that lead nowhere, and the number of all links within it."
    ids, links, dead = {}, {}, []
    for p in set(folder.rglob("*.html")) - set(folder.glob("_static/**/*")):
        tags = "".join(re.findall(r"<\w[^>]*>", p.read_text(encoding="utf-8")))
        ids[p] = {unescape(i) for i in re.findall(r'\sid="([^"]+)"', tags)}
        links[p] = [urlsplit(unescape(to)) for to in re.findall(r'\s(?:href|src)="([^"]+)"', tags)]
    inside = [(p, to) for p in sorted(links) for to in links[p] if not to.scheme and not to.netloc]
    for p, to in inside:
        target = (p.parent / unquote(to.path)).resolve() if to.path else p
        there = not to.fragment or target not in ids or unquote(to.fragment) in ids[target]
        if not target.is_file() or not there:
            dead.append(f"{p.relative_to(folder)} links to {to.geturl()}")
    return dead, len(inside)


def build(force=False):
    "Make _docs/, unless there is a warning; returns the number of pages and of links within them."
    os.chdir(root)
    sys.path.insert(0, str(root))
    script = fetch_mathjax()
    process(force)
    html, doctrees = made / "html", made / "doctrees"
    options = dict(status=None, warningiserror=True, freshenv=force)
    app = Sphinx(proc, sphinx, html, doctrees, "html", **options)
    app.build()
    if app.statuscode:
        sys.exit("Sphinx warned: see above.")
    shutil.copy(script, html / "_static" / "mathjax.js")
    pages = sorted(app.env.found_docs)
    for name in pages:
        copy = html / "notebooks" / f"{name}.ipynb"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(nbs / f"{name}.ipynb", copy)
    dead, n = dead_links(html)
    if dead:
        sys.exit("\n".join(dead))
    shutil.rmtree(docs, ignore_errors=True)
    shutil.copytree(html, docs, ignore=shutil.ignore_patterns(".buildinfo*", "objects.inv"))
    return len(pages), n


if __name__ == "__main__":
    n_pages, n_links = build("--force" in sys.argv)
    print(f"{n_pages} pages, {n_links} links within them: {docs.relative_to(root)}/index.html")
