# One environment, `.venv`, made once and updated when the requirements change.
# Nothing to install by hand but Python itself.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c scripts/constraints.txt
REQUIREMENTS := settings.ini setup.py scripts/constraints.txt

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test docs notebooks export readme lab clean

help:       ## list these targets
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/stamp-run   ## train, embed, compare and plot on small built-in images, into demo/
	$(BIN)/sagvicreg demo --out demo

test: .venv/stamp-dev   ## what CI runs: checks, site, every notebook (ARGS="--only 00_core")
	$(BIN)/python scripts/test.py $(ARGS)

export: .venv/stamp-dev   ## make the package from the notebooks
	$(BIN)/nbdev_export

notebooks: export   ## run the notebooks and store their outputs (NB=nbs/00_core.ipynb)
	$(BIN)/python scripts/notebooks.py $(NB)

readme: export   ## make README.md, sidebar and contents from the notebooks
	$(BIN)/python scripts/readme.py

docs: .venv/stamp-dev   ## make the site: _docs/index.html (ARGS=--force for all of it)
	$(BIN)/python scripts/docs.py $(ARGS)

lab: .venv/stamp-dev   ## open the notebooks in JupyterLab (as root: ARGS=--allow-root)
	$(BIN)/jupyter lab nbs $(ARGS)

clean:   ## remove what was made, all but .venv
	rm -rf _proc _docs build dist demo
	find nbs sagvicreg scripts \( -name __pycache__ -o -name .ipynb_checkpoints \) \
	  -prune -exec rm -rf {} +

# A stamp exists only when its step went through, so that an interrupted set-up starts again.
.venv/stamp-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sagvicreg needs Python 3.11 or later, and $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
	    "name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/stamp-run: $(REQUIREMENTS) | .venv/stamp-venv
	@echo "Installing sagvicreg and what it needs into .venv (some minutes the first time)"
	$(PIP) -e .
	@touch $@

.venv/stamp-dev: $(REQUIREMENTS) | .venv/stamp-venv
	@echo "Installing sagvicreg, what it needs and the development tools into .venv"
	@echo "(some minutes the first time)"
	$(PIP) -e '.[dev]'
	@touch .venv/stamp-run $@
