# make setup · demo · test · lint · docs · bench · screenshots
PYTHON ?= python3
NPM ?= npm
PORT ?= 8800
HOST ?= 127.0.0.1
DEMO ?=
# Tests wait for servers and browsers now and then: one more than there are processors, but not too many servers at once.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(5, (os.cpu_count() or 1) + 1))' 2>/dev/null || echo 3)

BIN := .venv/bin
SETUP := .venv/.setup
PUBLIC := baken/public/.built
FRONTEND := $(shell find frontend -path frontend/node_modules -prune -o -type f -print 2>/dev/null)

.PHONY: help setup demo test lint docs bench screenshots clean

help: ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(SETUP) $(PUBLIC) ## Install everything into .venv and node_modules and build the dashboard

demo: setup ## Run Baken on a living demo association (make demo PORT=8811)
	@exec $(BIN)/baken demo --host $(HOST) --port $(PORT) $(DEMO)

# Tests start a hundred processes: each would compile all of Baken for itself where bytecode is not kept.
test: export PYTHONDONTWRITEBYTECODE =
test: setup ## Run all tests; those that need a server that is not installed say so and are skipped
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
	cd frontend && $(NPM) run --silent test

lint: setup ## Style, types, import floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd frontend && $(NPM) run --silent check

docs: setup ## Write the generated pages and build the manual into site/
	$(BIN)/python scripts/generate_docs.py
	$(BIN)/mkdocs build --strict --quiet

bench: setup ## Measure what design targets name; prints a table
	$(BIN)/python -m bench

screenshots: setup ## Take the pictures of README and docs from a running `make demo`
	$(BIN)/python scripts/screenshots.py --url http://$(HOST):$(PORT)

clean: ## Remove what setup and the demo made
	rm -rf .venv node_modules frontend/node_modules baken/public .baken site

# `-c` gives the hint before anything is changed; a finished setup is not repeated.
$(SETUP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Baken needs Python 3.11 or newer: install it, or say where it is with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Baken needs Python 3.11 or newer; $$($(PYTHON) --version) is too old. Say where a newer one is: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing Python packages into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(PUBLIC): $(FRONTEND)
	@command -v node >/dev/null && command -v $(NPM) >/dev/null || { echo "Baken's dashboard needs Node 20.19 or newer with npm to be built: install Node, then run make again" >&2; exit 1; }
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major < 20 || (major === 20 && minor < 19) ? 1 : 0)' || { echo "Baken's dashboard needs Node 20.19 or newer to be built; this is $$(node --version)" >&2; exit 1; }
	@cmp -s frontend/package-lock.json frontend/node_modules/.installed-lock 2>/dev/null || { echo "Installing npm packages into frontend/node_modules"; cd frontend && $(NPM) ci --silent --no-audit --no-fund && cp package-lock.json node_modules/.installed-lock; }
	@echo "Building the dashboard"
	@cd frontend && $(NPM) run --silent build
	@touch $@
