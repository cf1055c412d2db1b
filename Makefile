# Breakwater: every target does its own set-up and says what it is doing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
NODE_DIR := examples/localchain
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help env chain demo test verify explore exactness validation lint types bench wheel fix clean

help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(VENV)/.ready ## Set up only: virtual environment with the locked Python packages

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Breakwater needs Python 3.11 or newer, {sys.executable} is {v.major}.{v.minor}. Set PYTHON=...")'
	@echo "==> creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@echo "==> installing the locked Python packages (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

chain: env ## Set up only: pinned contract packages from npm, and what is compiled of them
	@$(BIN)/python -m examples.localchain.install

demo: env ## Boot a local Aave v3 market, review, propose and solve into out/demo/; FULL=1 for all days
	@$(BIN)/python -m examples.localchain.install --no-compile
	@$(BIN)/python -m examples.demo $(if $(FULL),--full)

test: chain ## The default test suite (at most ten minutes on two cores)
	@echo "==> running the default test suite"
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not verify"

verify: chain ## The long differential, fault and fuzz suites (at most forty minutes)
	@echo "==> running the long suites"
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "verify"
	@echo "==> running the laws with more examples"
	@HYPOTHESIS_PROFILE=verify $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not verify" tests/property

explore: chain ## Every law on 200 new random cases each; SEED=n repeats a run
	@HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not verify" \
	  $(if $(SEED),--hypothesis-seed=$(SEED)) $$(grep -rl '@given' tests)

exactness: chain ## Compare every release with its contract; rewrites the table of docs/exactness.md
	@$(BIN)/python -m tests.differential.exactness

validation: env ## Ours beside the source's figures; rewrites the tables of docs/validation.md
	@$(BIN)/python -m examples.validation

lint: env ## Style and formatting checks
	@echo "==> ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: env ## Static types, strict
	@echo "==> mypy --strict"
	@$(BIN)/mypy

bench: env ## Speed as ratios against named baselines; ONLY=name for one table
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

wheel: env ## Build the wheel into dist/
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

fix: env ## Apply formatting and safe lint fixes
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean: ## Remove what the targets made (keeps .venv and npm packages)
	rm -rf out dist build .cache .pytest_cache .mypy_cache .ruff_cache
