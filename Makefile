# Two commands do everything: `make run` and `make test`. Each makes its own environment (.venv) on first use and
# refreshes it when pyproject.toml or constraints.txt change. Needed: Python 3.11 or newer with venv, make, git.

VENV := .venv
BIN  := $(VENV)/bin
# The first interpreter on the PATH that is new enough and has venv; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# Processes that run the tests. With six, `make test` took 6.3 minutes on two cores, and 9 minutes of CPU time.
WORKERS ?= 6

# -qq: errors are shown; warnings about the configuration of this machine (its user, its cache, its mirrors) are not.
PIP := PIP_ROOT_USER_ACTION=ignore $(BIN)/python -W ignore -m pip -qq --disable-pip-version-check --no-input

.PHONY: run test check format docs serve wheel clean help

help:            ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: $(VENV)/ready   ## check, bench and load the reference server; ends with what was found and one page (90 s)
	@$(BIN)/wsproof run $(ARGS)

test: $(VENV)/ready  ## the test suite, without the tests marked `slow`; ARGS="-m slow" runs those
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow" $(ARGS)

check: $(VENV)/ready ## lint, format and types, as CI does
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/ready  ## format the code with ruff
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/ready  ## build the documentation site into build/site; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

serve: $(VENV)/ready ## start the reference server on http://127.0.0.1:8000
	$(BIN)/python -m target_app

wheel: $(VENV)/ready ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

clean:           ## remove the environment and what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache

$(VENV)/ready: pyproject.toml constraints.txt hatch_build.py harness/wsproof/load/worker/_frame_reader.c
	@test -n "$(PYTHON)" || { echo "wsproof needs Python 3.11 or newer with venv; none is on the PATH. Try: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 2; }
	@echo "Setting up $(VENV): once, and again when the requirements change."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@
