# `make demo` and `make test` need Python 3.11 or newer and make, and install the rest into .venv

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo
FUZZ_SECONDS ?= 3600
SOURCES := pyproject.toml constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check slow soak coverage docs clean

help: ## list the targets
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || \
		sed -n 's/^\([a-z]*\):.*## /  \1  /p' $(MAKEFILE_LIST)

demo: $(VENV)/for-use ## simulate television, train on it, print the table of results (files in demo/)
	@echo "==> wolfdog demo --out $(OUT)"
	@$(BIN)/wolfdog demo --out $(OUT)

test: $(VENV)/for-tests ## run the tests
	@echo "==> pytest"
	@$(PYTEST)

check: $(VENV)/for-checks ## run the linter, formatter, type checker, import contracts and the build of the site
	@echo "==> ruff check"
	@$(BIN)/ruff check --quiet
	@echo "==> ruff format --check"
	@$(BIN)/ruff format --check --quiet
	@echo "==> mypy"
	@$(BIN)/mypy --no-error-summary
	@echo "==> lint-imports"
	@$(BIN)/lint-imports > $(VENV)/lint-imports.txt || { cat $(VENV)/lint-imports.txt; exit 1; }
	@echo "==> mkdocs build --strict"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir $(VENV)/site

slow: $(VENV)/for-slow-tests ## run the tests marked slow (the wheel in a new environment, Ray, S3, torchrun)
	@$(BIN)/python -m pytest -m slow --quiet

soak: $(VENV)/for-slow-tests ## run the long campaigns: killed jobs, mutated files, FUZZ_SECONDS=3600 of fuzzing for each parser
	@WOLFDOG_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -m soak --quiet

coverage: $(VENV)/for-tests ## run the tests and fail below the floor of line coverage in pyproject.toml
	@$(PYTEST) --cov --cov-report=term:skip-covered

docs: $(VENV)/for-checks ## serve the site at http://127.0.0.1:8000 and rebuild it on every change
	@$(BIN)/mkdocs serve

clean: ## remove the virtual environment, the built site and the results of the demo
	rm -rf $(VENV) $(OUT) site

$(VENV)/for-use: $(SOURCES) | $(VENV)/made
	@echo "==> installing wolfdog into $(VENV) (PyTorch is the largest part)"
	@$(PIP) --editable '.[watch]'
	@touch $@

$(VENV)/for-tests: $(SOURCES) | $(VENV)/made
	@echo "==> installing wolfdog and the packages for its tests into $(VENV) (PyTorch is the largest part)"
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/for-use

$(VENV)/for-slow-tests: $(VENV)/for-tests
	@echo "==> installing the packages for the slow tests into $(VENV)"
	@$(PIP) --editable '.[slow]'
	@touch $@

$(VENV)/for-checks: $(VENV)/for-tests
	@echo "==> installing the packages for the site into $(VENV)"
	@$(PIP) --editable '.[test,docs]'
	@touch $@

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "wolfdog needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "==> making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@
