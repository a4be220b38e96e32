# One command for each thing a person wants. `make help` lists them.
#
# Everything is made inside the project: `.venv` (the package and its tools), `.venv-sdk`
# (the official SDK, alone), `.venv-bench` (the package, alone), `.venv-kernel6` (an older
# ipykernel), `node_modules` (anvil, solc).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
SDK := ogpu==0.2.3
ARGS ?=
WORKERS ?= 4 # most tests wait for blocks, so there may be more of them than cores
AS_ROOT = $(if $(filter 0,$(shell id -u)),--allow-root) # as in a container, where there is only root

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo lab test gallery bench faults lint format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## run the quickstart on a market of your own, with answers and costs
	@$(BIN)/python notebooks/demo.py $(ARGS)

lab: $(VENV)/.demo $(VENV)/.lab ## open JupyterLab on the quickstart
	$(BIN)/jupyter lab $(AS_ROOT) $(ARGS) notebooks/quickstart.ipynb

test: $(VENV)/.demo $(VENV)/.lab $(VENV)/.test .venv-sdk/.done .venv-kernel6/.done node_modules/.done ## run every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

gallery: $(VENV)/.demo $(VENV)/.lab $(VENV)/.test ## pictures of every state and every kind of answer, in artefacts/gallery
	@$(BIN)/python -m tests.gallery --shots $(ARGS)

bench: .venv-bench/.done .venv-sdk/.done node_modules/.done ## measure it beside the official SDK and the physical limits
	@.venv-bench/bin/python -m benchmarks.run .venv-sdk/bin/python

faults: $(VENV)/.demo $(VENV)/.test node_modules/.done ## a thousand faults, counted; SEED=7 runs one of them again
	@$(BIN)/python -m tests.faults.run $(if $(SEED),--seed $(SEED)) $(ARGS)

lint: $(VENV)/.demo $(VENV)/.lint ## ruff, and mypy in strict mode
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.lint ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove all that these commands made
	rm -rf $(VENV) .venv-sdk .venv-bench .venv-kernel6 node_modules artefacts dist build
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find ogpu_jupyter tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Python 3.10 to 3.13 is needed; $(PYTHON) is another. Type for example: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'

$(VENV)/.demo: $(BIN)/python pyproject.toml
	@echo "Installing ogpu-jupyter and what the notebooks need ..."
	@$(PIP) install --editable '.[fast,local]' --group demo
	@touch $@

$(VENV)/.lab $(VENV)/.test $(VENV)/.lint: $(VENV)/.%: $(BIN)/python pyproject.toml
	@echo "Installing the tools for $* ..."
	@$(PIP) install --group $*
	@touch $@

# web3 pins differ between the SDK's releases and ours, so it gets an environment of its own.
.venv-sdk/.done: Makefile
	@echo "Installing the official SDK ($(SDK)) in .venv-sdk ..."
	@$(PYTHON) -m venv .venv-sdk
	@.venv-sdk/bin/python -m pip --disable-pip-version-check --quiet install '$(SDK)'
	@touch $@

# What a person has who installs the package, and nothing else.
.venv-bench/.done: Makefile pyproject.toml
	@echo "Installing ogpu-jupyter alone in .venv-bench ..."
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[fast,local]'
	@touch $@

# Laid over .venv by PYTHONPATH: only what differs is here.
.venv-kernel6/.done: $(VENV)/.demo
	@echo "Installing ipykernel 6 in .venv-kernel6 ..."
	@$(PIP) install --upgrade --no-deps --target .venv-kernel6 'ipykernel<7' nest-asyncio
	@touch $@

# The node that tests run against, and the compiler of the contracts. Without npm the
# embedded node is used, and the tests that need anvil say that they are skipped.
node_modules/.done: package.json
	@if command -v npm >/dev/null; then \
	  echo "Installing anvil and solc in node_modules ..."; \
	  npm install --no-audit --no-fund --loglevel=error; \
	else \
	  echo "npm is not here: no anvil, no solc."; mkdir -p node_modules; \
	fi
	@touch $@
