"""The pages of a comparison and of a run in a browser, with names that are hard to show."""

import json, re, tempfile
from pathlib import Path

import browser

hard = "<b>&\"'", "a-name-without-a-space-" * 8


def put(*pairs):
    "A fault: every `old` of a page is replaced by `new`."

    def spoil(page):
        for old, new in pairs:
            page = page.replace(old, new)
        return page

    return spoil


def put_once(pattern, new):
    "A fault: the first match of a regular expression is replaced by `new`."
    return lambda page: re.sub(pattern, new, page, count=1)


block = "figure img { display: block; width: "
bar = 'class="fill" style="width:'
faults = {  # what the browser must say → how a page gets this fault
    "px wide": put((f"{block}100%", f"{block}1500px"), ("overflow-x: auto", "")),
    "a figure without a text": put_once(r'(<img [^>]*?) alt="[^"]+"', r"\1"),
    "a figure is not loaded": put_once("base64,", "base64,A"),
    "a request leaves the file": put(
        ("<main>", "<main><img src='http://localhost/x.png' alt='x'>")
    ),
    "markup from a name": put(("&lt;b&gt;", "<b>")),
    "does not say": put_once(r'aria-label="[\d.]+', 'aria-label="9'),
    "ends at 3.0 %": put_once(rf"{bar}[\d.]+%", f"{bar}3%"),
    "text of 9.0 px": put(("font-size: .8rem", "font-size: 9px")),
    "is printed over": put((".ends {", ".ends { margin-top: -2rem;")),
}


def comparison(folder):
    "The page of a comparison: its file, what it must show, and its bars, as the table has them."
    import numpy as np
    from sagvicreg.metrics.report import compare

    n, rng = 40, np.random.default_rng(0)
    x, images = rng.normal(size=(n, 4)), [*rng.integers(0, 255, (n, 16, 16, 3), dtype=np.uint8)]
    y, ids = x + rng.normal(size=x.shape), [f"{hard[i % 2]}{i}" for i in range(n)]
    c = compare(x, y, names=hard, ids=ids, progress=False)
    rows = [row for row in c.table.rows if row[1]]
    lengths = [round(100 * min(max(share, 0), 1), 1) for share in c.share.values()]
    bars = [  # name, value, error, chance and top of the table, and the length
        [*row[:3], *row[4:6], length] for row, length in zip(rows, lengths, strict=True)
    ]
    return dict(
        file=str(c.save(folder / "comparison.html", images)),
        shown=[*hard, *c.words(), *(row[0] for row in c.items().table.rows)],
        bars=bars,
    )


def run(folder):
    "The page of a run, with the same keys."
    from sagvicreg.training.report import report

    path = folder / "run"
    path.mkdir()
    (path / "config.toml").write_text(
        f"[recipe]\nmethod = 'vicreg'\n[data]\nname = {json.dumps(hard[0])}\npath = '{hard[1]}'\n"
    )
    names = "loss", "std", "rank", "knn", hard[1].replace("-", "_")
    lines = [json.dumps(dict(step=e, epoch=e) | {k: 1 / e for k in names}) for e in (1, 2, 3)]
    (path / "log.jsonl").write_text("\n".join(lines) + "\n")
    return dict(file=str(report(path, folder / "run.html")), shown=hard, bars=[])


def problems():
    "What is wrong with the pages, or with the test: it must find the faults planted in copies."
    browser.find()  # before anything is made
    with tempfile.TemporaryDirectory() as d:
        pages = [comparison(Path(d)), run(Path(d))]
        page = Path(pages[0]["file"]).read_text(encoding="utf-8")
        for i, spoil in enumerate(faults.values()):
            file = Path(d) / f"fault{i}.html"
            file.write_text(spoil(page), encoding="utf-8")
            pages.append(pages[0] | dict(file=str(file)))
        (Path(d) / "pages.json").write_text(json.dumps(pages))
        found, said = browser.run("check_reports.js", Path(d) / "pages.json")
    missed = [
        f"no complaint of a page with a fault: {words}"
        for i, words in enumerate(faults)
        if not any(line.startswith(f"fault{i}.html") and words in line for line in found)
    ]
    return [line for line in found if not line.startswith("fault")] + missed, said
