# What a person types. Every target but help and clean first makes sure that the set-up is there, and a set-up is made once.

PYTHON ?= python3
PORT   ?= 8888
CASES  ?= 100000
SAMPLE ?= 0

# On Windows' own shell there is no make: README.md has the same three commands for PowerShell.
HERE  := .venv/bin
READY := .venv/.ready
TOOLS := .venv/.ready-tools
BENCH := .venv/.ready-bench
MUTMUT := .venv/.ready-mutation
GET   := $(HERE)/python -m pip --disable-pip-version-check -qq install --constraint constraints.txt --editable

# A first look at the lab should not begin with a question about Jupyter's newsletter.
NO_NEWS := .venv/etc/jupyter/labconfig

# Root, in a container, must say that it means it; elsewhere Jupyter's refusal stays.
AS_ROOT := $(shell test "$$(id -u)" != 0 || echo --allow-root)
# Without a screen a browser cannot open; Jupyter prints the address.
SCREEN  := $(shell test "$$(uname)" != Linux || test -n "$$DISPLAY$$WAYLAND_DISPLAY$$BROWSER" || echo --no-browser)

.PHONY: help setup lab test check fuzz mutants bench tidy pins clean

help:
	@echo 'make lab      open the lab in JupyterLab (PORT=$(PORT))'
	@echo 'make test     run the labs and all tests'
	@echo 'make check    formatting, lint, types, rooms and sizes'
	@echo 'make fuzz     feed every input with junk (CASES=$(CASES) of each kind)'
	@echo 'make mutants  change the code in small ways, and show what no test notices (PACKAGE=raftcore/storage SAMPLE=200)'
	@echo 'make bench    measure speed and memory'
	@echo 'make tidy     format the code and clear the notebooks before a commit'
	@echo 'make setup    only make the set-up, in .venv (PYTHON=$(PYTHON)); all of the above do that by themselves'
	@echo 'make pins     choose the versions in constraints.txt anew'
	@echo 'make clean    remove .venv and everything that was made'

setup: $(READY)
	@echo "Set up in .venv, with $$($(HERE)/python --version). Next: make lab"

# Each stamp is newer than what it was made from, or it is made again.
$(READY): pyproject.toml constraints.txt
	@test -x $(HERE)/python || command -v '$(PYTHON)' >/dev/null || \
	    { echo 'There is no $(PYTHON). Install Python 3.11 or newer, or name one: make setup PYTHON=/path/to/python3' >&2; exit 1; }
	@test -x $(HERE)/python || '$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is $$('$(PYTHON)' --version 2>&1), and the lab needs 3.11 or newer. Name a newer one: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(HERE)/python || '$(PYTHON)' -c 'import venv, ensurepip' 2>/dev/null || \
	    { echo '$(PYTHON) comes without venv or ensurepip. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }
	@echo 'Setting up the lab in .venv: a minute or two, once …'
	@test -x $(HERE)/python || '$(PYTHON)' -m venv .venv || { rm -rf .venv; exit 1; }
	@$(GET) .
	@mkdir -p $(NO_NEWS)
	@echo '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}' > $(NO_NEWS)/page_config.json
	@touch $@

$(TOOLS): $(READY)
	@echo 'Adding the tools of tests and checks: half a minute, once …'
	@$(GET) '.[test,dev]'
	@touch $@

$(BENCH): $(TOOLS)
	@echo 'Adding what the benches compare with: once …'
	@$(GET) '.[bench]'
	@touch $@

$(MUTMUT): $(TOOLS)
	@echo 'Adding what makes mutants: once …'
	@$(GET) '.[mutation]'
	@touch $@

lab: $(READY)
	@echo 'The lab opens in your browser. If it does not, open the address that is shown below. Ctrl-C twice ends it.'
	@JUPYTERLAB_WORKSPACES_DIR=$(HERE)/../workspaces $(HERE)/python -m jupyterlab --ip=127.0.0.1 --port=$(PORT) $(AS_ROOT) $(SCREEN) \
	    --log-level=WARN --LabApp.default_url=/lab/tree/labs/00_tour.ipynb

test: $(TOOLS)
	@$(HERE)/python -m pytest --numprocesses=auto

check: $(TOOLS)
	@$(HERE)/ruff format --check --quiet . || { echo 'make tidy formats these files:' >&2; $(HERE)/ruff format --check . >&2; exit 1; }
	@$(HERE)/ruff check --quiet .
	@$(HERE)/python -m mypy --no-error-summary
	@$(HERE)/lint-imports --no-logo
	@find labs -name '*.ipynb' -not -path '*/.*' -exec $(HERE)/nbstripout --verify {} + || \
	    { echo 'make tidy clears the outputs of these notebooks' >&2; exit 1; }
	@$(HERE)/python -m pytest -q tests/test_tidy.py tests/test_rooms.py
	@echo 'All checks passed.'

fuzz: $(TOOLS)
	@$(HERE)/python -m fuzz --cases $(CASES)

mutants: $(MUTMUT)
	@$(HERE)/python -m mutation --sample $(SAMPLE) $(if $(AGAIN),--again) $(PACKAGE)

bench: $(BENCH)
	@$(HERE)/python -m bench

tidy: $(TOOLS)
	@$(HERE)/ruff check --fix --quiet .
	@$(HERE)/ruff format --quiet .
	@find labs -name '*.ipynb' -not -path '*/.*' -exec $(HERE)/nbstripout {} +

# The oldest Python that is supported chooses, so that the same versions fit the newer ones too.
pins: build/pins/bin/python
	@build/pins/bin/python -m pip --disable-pip-version-check -qq install --upgrade --editable '.[test,dev,bench,mutation]'
	@{ sed -n '/^#/p' constraints.txt; build/pins/bin/python -m pip --disable-pip-version-check freeze --exclude-editable; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt
	@echo "$$(grep -c == constraints.txt) versions in constraints.txt"

build/pins/bin/python:
	@$(PYTHON) -m venv build/pins

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis ./*.egg-info
	find raftcore widgets tests bench fuzz mutation labs -name __pycache__ -type d -prune -exec rm -rf {} +
