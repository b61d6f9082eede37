# Two commands need nothing but Python and make:  make demo  and  make test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo
SOURCES := pyproject.toml constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check clean

help: ## list the targets
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || \
		sed -n 's/^\([a-z]*\):.*## /  \1  /p' $(MAKEFILE_LIST)

demo: $(VENV)/for-use ## broadcast an evening, learn to watch it, print the table (results in demo/)
	@echo "==> wolfdog demo --out $(OUT)"
	@$(BIN)/wolfdog demo --out $(OUT)

test: $(VENV)/for-tests ## run every test, and the rules on types, style and structure
	@echo "==> pytest"
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --quiet

check: $(VENV)/for-tests ## types, style and structure only
	@$(BIN)/python -m pytest --quiet tests/test_structure.py

clean: ## remove the virtual environment and the demo's results
	rm -rf $(VENV) $(OUT)

$(VENV)/for-use: $(SOURCES) | $(VENV)/made
	@echo "==> installing wolfdog into $(VENV) (PyTorch is the largest part)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/for-tests: $(SOURCES) | $(VENV)/made
	@echo "==> installing wolfdog and what its tests need into $(VENV) (PyTorch is the largest part)"
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/for-use

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "wolfdog needs Python 3.11 to 3.13; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "==> making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@
