# What a newcomer types. Needs Python 3.11 or newer and make; everything else is installed into .venv, by hash.
# The parts that take time leave a stamp in .venv, so a second run does nothing twice.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# The first interpreter on the path that is new enough; PYTHON=/path/to/python3 overrides it.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$p; break; }; done)

# uv takes the interpreter it is given, trusts the system's certificates as pip does, and never asks a newer Python from the net.
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
unexport PYTHONPATH PYTHONHOME
# Without a home there is no place for a cache.
ifeq ($(strip $(HOME)),)
export UV_NO_CACHE := true
endif
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url

.PHONY: help
help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

$(VENV)/.tools: requirements/tools.txt
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null; then \
		echo "daytwo needs Python 3.11 or newer; found: $(or $(PYTHON),none)."; \
		echo "Next: install one, or name it: make PYTHON=/path/to/python3 ..."; exit 2; fi
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments (its venv module is packaged apart)."; \
		echo "Next: apt-get install python3-venv, or name another: make PYTHON=/path/to/python3 ..."; exit 2; }
	@echo "Preparing $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/tools.txt
	@touch $@

$(VENV)/.runtime: $(VENV)/.tools requirements/runtime.txt
	@echo "Installing what daytwo needs to run"
	@$(INSTALL) --no-deps --require-hashes -r requirements/runtime.txt
	@touch $@

# A C compiler, where there is one, makes scoring several times as fast.
$(VENV)/.package: $(VENV)/.runtime pyproject.toml hatch_build.py src/daytwo/scoring/trees.c src/daytwo/scoring/shapley.c src/daytwo/contracts/rows.c
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@test -f src/daytwo/scoring/_trees.so || echo "Without a C compiler trees are scored by LightGBM's library and rows are read in Python, several times slower (docs/engines.md)"
	@touch $@

$(VENV)/.dev: $(VENV)/.package requirements/dev.txt
	@echo "Installing what tests and checks need"
	@$(INSTALL) --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.package  ## Prepare .venv with the daytwo command

.PHONY: setup-dev
setup-dev: $(VENV)/.dev  ## The same, with what tests and checks need

# Clients of other servers, and readers of what ours writes, that tests drive a real server with: they want other pins.
CLIENTS := $(VENV)/peers/clients
$(CLIENTS)/.done: requirements/clients.txt | $(VENV)/.tools
	@echo "Installing the clients of other servers"
	@$(BIN)/python -m venv --without-pip $(@D)
	@$(BIN)/uv pip install --quiet --python $(@D)/bin/python --no-deps --require-hashes -r $<
	@touch $@

.PHONY: setup-clients
setup-clients: $(CLIENTS)/.done  ## The clients of other servers that some tests use; without them those are skipped

.PHONY: demo
demo: $(VENV)/.package  ## Replay a year of flights through everything daytwo does (ARGS="--json")
	@$(BIN)/daytwo demo $(ARGS)

.PHONY: test
test: $(VENV)/.dev  ## Run all tests (ARGS="-k words")
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: quick
quick: $(VENV)/.dev  ## Run the tests that take seconds
	@$(BIN)/python -m pytest -m "not slow and not browser" $(ARGS)

CHECKS := check-format check-lint check-types check-imports check-dead-code check-docs
.PHONY: check $(CHECKS)
check: $(CHECKS)  ## Format, lint, types, imports, dead code, documents (make -k check: all of them, failures or not)
check-format: $(VENV)/.dev
	@$(BIN)/ruff format --check --quiet .
check-lint: $(VENV)/.dev
	@$(BIN)/ruff check --quiet .
check-types: $(VENV)/.dev
	@$(BIN)/mypy
check-imports: $(VENV)/.dev
	@$(BIN)/lint-imports
check-dead-code: $(VENV)/.dev
	@$(BIN)/vulture
check-docs: $(VENV)/.dev
	@$(BIN)/python scripts/check_docs.py

.PHONY: format
format: $(VENV)/.dev  ## Format, and mend what the linter can mend
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

.PHONY: data
data: $(VENV)/.dev  ## Build the demo's data again from its source
	@$(BIN)/python scripts/build_flights.py

.PHONY: wheel
wheel: $(VENV)/.package  ## Build the wheel into dist/
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python
	@ls -l dist/*.whl

# Tools that benchmarks run beside daytwo, each in an environment of its own: they want other pins than we do.
PEERS := $(patsubst bench/peers/%.txt,$(VENV)/peers/%/.done,$(wildcard bench/peers/*.txt))
.PHONY: bench-peers
bench-peers: $(PEERS)  ## Prepare the environments of the tools that bench/ compares with
$(VENV)/peers/%/.done: bench/peers/%.txt | $(VENV)/.tools
	@echo "Preparing the peer $*"
	@$(BIN)/python -m venv --without-pip $(@D)
	@$(BIN)/uv pip install --quiet --python $(@D)/bin/python --no-deps --require-hashes -r $<
	@touch $@

.PHONY: lock
lock: $(VENV)/.tools  ## Look for newer releases and pin them in requirements/
	@$(COMPILE) --group pyproject.toml:tools -o requirements/tools.txt
	@$(COMPILE) -c requirements/tools.txt pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) -c requirements/tools.txt -c requirements/runtime.txt pyproject.toml --group pyproject.toml:dev \
		-o requirements/dev.txt
	@$(COMPILE) --group pyproject.toml:clients -o requirements/clients.txt

.PHONY: clean
clean:  ## Remove .venv, builds and caches
	@rm -rf $(VENV) src/daytwo/*/_*.so build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
