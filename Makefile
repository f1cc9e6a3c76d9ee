# Everything runs in .venv, which `make setup` builds from the versions in requirements.lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests run on so many workers; groups of them that may not run beside each other follow each other on one. A third worker on two
# cores takes the time in which others wait for processes of Ray.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
# With `=`: pytest takes a file that stands alone for a test to run.
DURATIONS := .pytest_cache/durations.json

.DEFAULT_GOAL := help
.PHONY: help setup quickstart test test-fast test-nightly docs references lint format clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## Install everything, once for each change of the pinned versions

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "error: Python 3.11 to 3.13 is needed, but $(PYTHON) is $$($(PYTHON) --version 2>&1); try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@touch $(STAMP)

quickstart: setup  ## Search small networks on drawn people: minutes, nothing to download
	$(BIN)/dite-search quickstart

test: setup  ## Run all tests but the nightly ones, in a quarter of an hour
	$(PYTEST) -m 'not nightly' --durations-to=$(DURATIONS)

test-fast: setup  ## Run the tests that take less than two seconds each, in some minutes
	$(PYTEST) -m 'not slow and not nightly'

test-nightly: setup  ## Run the long forms of tests, for hours
	$(BIN)/python -m pytest -m 'nightly or longer or hypothesis' --hypothesis-profile nightly --timeout 5400

docs: setup  ## Build the documentation: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

references: setup  ## Write the pages of docs/reference from the code
	$(BIN)/python mkdocs_references.py

lint: setup  ## Check style, imports and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## Mend style and imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove the environment and caches; studies in runs/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info build dist site
