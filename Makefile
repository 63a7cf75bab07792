# The commands behind each target are plain: read them if you have no make.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: quick test lint types leaderboard bench clean
.DELETE_ON_ERROR:

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

quick: .venv/.installed  ## train four models on dSprites over three seeds, write and print the board
	$(BIN)/minebench run --profile quick

test: .venv/.installed  ## the quick tests, one process a core
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal

lint: .venv/.installed  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed  ## types
	$(BIN)/mypy

leaderboard: .venv/.installed  ## the committed tables are what the committed results give
	$(BIN)/minebench leaderboard --check

bench: .venv/.installed  ## speed, as ratios against references in the same run
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/bench -m slow

clean:  ## everything that can be made again, except ./runs
	rm -rf .venv .tox build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
