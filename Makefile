# make demo | test | check | bench | lock: each prepares what it needs, once.
# Needs python3 (3.11 or newer) with pip and venv, and the package index; nothing else.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What is started in ways of its own: make test ARGS="tests/ledger -x", make demo ARGS="--port 9000"
ARGS ?=
# The tests run in so many processes, each with servers of its own; 0 for one that a debugger can follow. One more than
# a small machine has processors: each waits for its servers a good part of its time. Files come in their own order, else
# those of many tests are first, and one process ends with the few that last for minutes.
PROCESSES ?= 3

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PACKAGE := pyproject.toml requirements-build.lock Makefile

.PHONY: help demo test test-without-valkey audit check lint bench layouts widgets release lock

help:
	@echo "make demo    start Pointbook with a demo programme (Ctrl-C stops it)"
	@echo "make test    run the tests"
	@echo "make check   format, lint, types, layers, schema, tests, also without Valkey, and the audit"
	@echo "make audit   the GraphQL-over-HTTP audit, if node and npm are there"
	@echo "make bench   measure"
	@echo "make layouts compile the layout of mails from its MJML source"
	@echo "make widgets build the script that pages load, after a change of widgets/ (needs node 20 and npm)"
	@echo "make release keep the scripts of this version for the pages that will have pinned them; before it is tagged"
	@echo "make lock    choose the newest allowed versions of all dependencies"

demo: $(VENV)/.runs
	@exec $(BIN)/pointbook demo $(ARGS)

test: $(VENV)/.develops
	@exec $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

# What customers, shops and staff do must work without Valkey too.
test-without-valkey: $(VENV)/.develops
	@POINTBOOK_TEST_WITHOUT_VALKEY=1 $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile \
		tests/scenarios/test_foundation.py tests/scenarios/test_members.py tests/scenarios/test_gift_cards.py \
		tests/scenarios/test_live.py $(ARGS)

audit: $(VENV)/.runs
	@bash .ci/audit

check: lint test test-without-valkey audit

lint: $(VENV)/.develops
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pointbook schema | diff -u schema.graphql -

bench: $(VENV)/.develops
	@exec $(BIN)/python -m bench $(ARGS)

layouts: $(VENV)/.develops
	@$(BIN)/python -m tests.house.layouts

# The script that the server serves is committed, so that nobody else needs Node; CI builds it again and compares.
widgets: widgets/node_modules/.installed $(VENV)/.develops
	@$(BIN)/python -m pointbook.graphql.trusted widgets/documents
	@npm run build --prefix widgets --silent

# The number of the version is that of pyproject.toml.
release: widgets
	@$(BIN)/python -m tests.house.widget_releases

widgets/node_modules/.installed: widgets/package-lock.json
	@npm ci --prefix widgets --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# What runs Pointbook, with checked hashes.
$(VENV)/.runs: requirements.lock $(PACKAGE) | $(BIN)/python
	@echo "Installing Pointbook into $(VENV) (once) ..."
	@$(PIP) install --require-hashes -r requirements-build.lock -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The same and the developers' tools; whoever has them can run Pointbook.
$(VENV)/.develops: requirements-dev.lock $(PACKAGE) | $(BIN)/python
	@echo "Installing the developers' tools into $(VENV) (once) ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runs

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Pointbook needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# One set of versions for all platforms and Pythons; the tools' lock never differs from the running one's.
LOCK := $(VENV)-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

lock:
	@$(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip --disable-pip-version-check --quiet install "uv>=0.13,<0.14"
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(LOCK) --group build --constraint requirements-dev.lock --output-file requirements-build.lock
