# Every target does its own set-up: nothing is needed before but Python 3.11+, make and a network.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
MATRIX_WORKERS ?= 3
# Tests and benchmarks start hundreds of our processes: each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test chaos chaos-alerts alerts-table matrix matrix-ci api-fuzz bench-api check bench bench-queue bench-console pictures clean help lock format setup

demo: $(RUNTIME) ## Everything on this machine: local services, daemon, tonight's render, the console on it
	@PREDAWN_HOME="$${PREDAWN_HOME:-$(CURDIR)/.demo}" $(BIN)/predawn demo $(DEMO_ARGS)

test: $(DEV) ## The whole test suite, in parallel (TEST_ARGS= adds pytest options)
	@$(BIN)/python -m pytest $(TEST_ARGS)

chaos: $(DEV) ## Kills, freezes, full disks and cut connections at length: 2,000 jobs on SQLite and on PostgreSQL (about 10 minutes)
	@PREDAWN_TEST_CHAOS=long $(BIN)/python -m pytest -n 0 -s tests/chaos tests/integration/test_queue_machines.py $(TEST_ARGS)

chaos-alerts: $(DEV) ## kill -9 at every boundary of telling, 200 times on each database, and 1,000 alerts at once (about 6 minutes)
	@PREDAWN_TEST_CHAOS=long $(BIN)/python -m pytest -n 0 -s tests/chaos/test_chaos_alerts.py tests/integration/test_alerts_flood.py $(TEST_ARGS)

alerts-table: $(DEV) ## The ten faults of alerting, with what each channel received
	@rm -f .alerts-table; PREDAWN_TEST_ALERTS_TABLE=$(CURDIR)/.alerts-table $(BIN)/python -m pytest -q -n 0 tests/integration/test_alerts_faults.py tests/integration/test_alerts_socket.py tests/integration/test_alerts_deadman.py $(TEST_ARGS)
	@printf '| fault | what happens | Slack | e-mail | told |\n|---|---|---|---|---|\n'; sort -t'|' -k2n .alerts-table; rm -f .alerts-table

matrix: $(DEV) ## Every service with every fault, a night of failures, kills at every stage (about 8 minutes on 2 cores)
	@PREDAWN_TEST_MATRIX=whole $(BIN)/python -m pytest -n $(MATRIX_WORKERS) tests/matrix tests/integration/test_kills_stages.py $(TEST_ARGS)

# What CI runs of it: every cell of the matrix. Cells mostly wait for time-outs, so more of them than cores run at once.
matrix-ci: $(DEV) ## Every service with every fault (under 6 minutes on 2 cores)
	@PREDAWN_TEST_MATRIX=whole $(BIN)/python -m pytest -n $(MATRIX_WORKERS) tests/matrix/test_matrix.py $(TEST_ARGS)

check: $(DEV) ## Lint, format, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

api-fuzz: $(DEV) ## The API under schemathesis: 2,600 cases over its OpenAPI document (about 3 minutes)
	@PREDAWN_TEST_FUZZ=whole $(BIN)/python -m pytest -n 0 tests/integration/test_api_fuzz.py $(TEST_ARGS)

bench-api: $(DEV) ## The API under load while ten renders run
	@$(BIN)/python -m benchmarks.api $(BENCH_ARGS)

bench: $(DEV) ## Benchmarks: figures side by side in one run
	@$(BIN)/python -m benchmarks

pictures: $(DEV) ## The pictures of docs/ and the text cast, from a night of the real program (about 5 minutes)
	@$(BIN)/python -m benchmarks.pictures

bench-queue: $(DEV) ## The queue beside huey, procrastinate and pgqueuer
	@$(BIN)/python -m benchmarks.queue $(BENCH_ARGS)

bench-console: $(DEV) ## The console in a terminal, beside a stock DataTable, over a thousand and a million jobs (about 10 minutes)
	@$(BIN)/python -m benchmarks.console $(BENCH_ARGS)

format: $(DEV) ## Let ruff rewrite what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(DEV) ## Write the lock files anew from pyproject.toml
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --group dev --extra postgres --extra s3 --extra apprise --extra web --output-file requirements/dev.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --group build --constraint requirements/dev.lock --output-file requirements/runtime.lock pyproject.toml

setup: $(DEV) ## Only the set-up: .venv with everything locked

clean: ## Remove what make made: .venv, caches, the demo's home
	rm -rf $(VENV) .demo .pytest_cache .ruff_cache .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "predawn needs Python 3.11 or newer; $(PYTHON) is older. Use: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The stamp is the proof that the lock was installed whole: pip's work is skipped while the lock has not changed.
$(RUNTIME): requirements/runtime.lock pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) (once, about a minute)" >&2
	@$(PIP) install --require-hashes -r requirements/runtime.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.lock pyproject.toml $(RUNTIME)
	@echo "adding the development tools (once)" >&2
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@
