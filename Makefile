# make run    builds the environment, gets the embedded models, indexes the samples, opens the page
# make test   builds the environment if need be and runs the tests
# make env    builds the environment in .venv and nothing else
# make check  linter, formatter, type checker
# make slow   the tests that take minutes

PYTHON ?= python3
VENV   := .venv
ifeq ($(OS),Windows_NT)
BIN    := $(VENV)/Scripts
else
BIN    := $(VENV)/bin
endif
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: run test slow check env dev clean

run: env
	@$(BIN)/tandem setup
	@$(BIN)/tandem ui

env: $(VENV)/.installed

dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tandem needs Python 3.11 or newer; this is %s. Install one and run: make PYTHON=python3.12 $(MAKECMDGOALS)" % sys.version.split()[0])'
	@echo "[1/3] Building the environment in $(VENV) (about 2 GB, a few minutes on a normal connection) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet --upgrade "pip>=25.1"
	@$(PIP) install --progress-bar on --constraint constraints.txt --editable . | grep --line-buffered -E "^(Collecting|Downloading|Installing|Successfully)" | cut -c -100
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) install --quiet --constraint constraints.txt --group dev
	@touch $@

test: dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not gpu and not browser" --numprocesses 2 --dist loadfile $(ARGS)
	@$(BIN)/python -m pytest -m "browser and not slow" $(ARGS)

slow: dev
	@$(BIN)/python -m pytest -m "slow" --timeout=1800 $(ARGS)

check: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
