"""The pages that the package writes, in a browser: of a comparison and of a run, both with names that are hard to show."""

import json, re, tempfile
from pathlib import Path

import browser

hard = "<b>&\"'", "a-name-without-a-space-" * 8
faults = {  # what the browser must say → how a page gets this fault
    "px wide": lambda page: page.replace(
        "figure img { display: block; width: 100%", "figure img { display: block; width: 1500px"
    ).replace("overflow-x: auto", ""),
    "a figure without a text": lambda page: re.sub(
        r'(<img [^>]*?) alt="[^"]+"', r"\1", page, count=1
    ),
    "a figure is not loaded": lambda page: page.replace("base64,", "base64,A", 1),
    "a request leaves the file": lambda page: page.replace(
        "<main>", "<main><img src='http://localhost/x.png' alt='x'>"
    ),
    "markup from a name": lambda page: page.replace("&lt;b&gt;", "<b>"),
    "does not say": lambda page: re.sub(r'aria-label="[\d.]+', 'aria-label="9', page, count=1),
    "ends at 3.0 %": lambda page: re.sub(
        r'class="fill" style="width:[\d.]+%', 'class="fill" style="width:3%', page, count=1
    ),
    "text of 9.0 px": lambda page: page.replace("font-size: .8rem", "font-size: 9px"),
    "is printed over": lambda page: page.replace(".ends {", ".ends { margin-top: -2rem;"),
}


def comparison(folder):
    "The page of a comparison: its file, what it must show, and its bars, as the table has them."
    import numpy as np
    from sagvicreg.metrics.report import compare

    n, rng = 40, np.random.default_rng(0)
    x, images = rng.normal(size=(n, 4)), [*rng.integers(0, 255, (n, 16, 16, 3), dtype=np.uint8)]
    c = compare(
        x,
        x + rng.normal(size=x.shape),
        names=hard,
        ids=[f"{hard[i % 2]}{i}" for i in range(n)],
        progress=False,
    )
    rows = [
        [name, value, error, chance, top]
        for name, value, error, _, chance, top, *_ in c.table.rows
        if value
    ]
    bars = [
        [*row, round(100 * min(max(share, 0), 1), 1)]
        for row, share in zip(rows, c.share.values(), strict=True)
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
    (path / "log.jsonl").write_text(
        "".join(
            json.dumps(dict(step=e, epoch=e) | {k: 1 / e for k in names}) + "\n" for e in (1, 2, 3)
        )
    )
    return dict(file=str(report(path, folder / "run.html")), shown=hard, bars=[])


def problems():
    "What is wrong with the pages, or with the test: it must find every fault that is put into a page on purpose."
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
