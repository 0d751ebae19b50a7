# `make run` runs the whole system on this machine, `make test` tests it. Both need make, Python 3.11 or newer and the
# package index that pip is configured for.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LOCALCLOUD := $(BIN)/python -m localcloud
PIP_INSTALL := -m pip --disable-pip-version-check install -qq
ARGS ?=

export SAM_CLI_TELEMETRY := 0

.PHONY: help run up down clean install deploy-local test drill test-corrections test-docker test-browser test-sdk lint check format ledger policies prices lock
.DEFAULT_GOAL := help

help: ## show what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: deploy-local ## run the whole system on this machine: make run ARGS="--archive PATH --seed 1"
	$(LOCALCLOUD) exec -- python training/run.py --sample-if-unavailable $(ARGS)
	@echo 'After the first of these commands, point the shell at the local AWS: eval "$$(localcloud env)"'

up: install ## start the local AWS
	$(LOCALCLOUD) up

down: ## stop the local AWS and keep its state
	@[ ! -f $(INSTALLED) ] || $(LOCALCLOUD) down

clean: ## stop the local AWS and remove everything that was made here
	@[ ! -f $(INSTALLED) ] || $(LOCALCLOUD) reset
	rm -rf $(VENV) .lock .sdk build dist *.egg-info .aws-sam .localcloud runs .pytest_cache .mypy_cache .ruff_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(INSTALLED) ## install the project into .venv

# The file that marks a complete installation is made last: an interrupted installation is repeated.
# constraints.txt pins the versions that were tested.
$(INSTALLED): pyproject.toml constraints.txt scripts/install_pytorch.py
	@"$(PYTHON)" -c 'import sys; sys.version_info < (3, 11) and sys.exit("$(PYTHON) is older than Python 3.11: use PYTHON=...")'
	@rm -f $@
	"$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python scripts/install_pytorch.py -c constraints.txt
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e ".[local,dev]"
	@touch $@

deploy-local: install ## build the application and deploy it to the local AWS
	$(LOCALCLOUD) exec -- sam build
	$(LOCALCLOUD) exec -- sam deploy --config-env local

# Three workers on two cores: half of the time, an integration test waits for processes.
test: install ## run the unit and integration tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

drill: install ## provoke faults on purpose and tell what happened, in under 10 minutes: make drill ARGS="--quick"
	$(BIN)/python -m drill $(ARGS)

test-corrections: install ## show that each correction of MiniStack is needed: 4 minutes
	$(BIN)/python -m pytest tests/corrections

test-docker: install ## run sam local invoke on every event; needs a container engine
	$(BIN)/python -m pytest tests/docker -rs

test-browser: install ## attack the local AWS from a web page, use the report and the review; needs a Chromium on PATH
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e ".[browser]"
	$(BIN)/python -m pytest tests/browser -rs

test-sdk: install .sdk/sdk2/.installed .sdk/sdk3/.installed ## run notebooks of the SageMaker SDK 2 and 3 (1.3 GB)
	$(BIN)/python tests/sdk/run.py $(ARGS)

# Environments of their own: SDK 2 and 3 are packages of the same name.
.sdk/%/.installed: tests/sdk/%.txt
	@rm -f $@
	"$(PYTHON)" -m venv .sdk/$*
	.sdk/$*/bin/python $(PIP_INSTALL) -r $<
	@touch $@

lint: install ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test ## everything that CI runs: style, types, tests

format: install ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

ledger: install ## run the integration tests and write docs/local-aws.md from what they showed
	$(BIN)/python -m pytest tests/integration -n 2 --dist loadfile --no-loadscope-reorder --write-ledger docs/local-aws.md

policies: install ## renew AWS's managed policies of the local AWS from those that moto ships
	$(BIN)/python scripts/managed_policies.py

prices: install ## renew the table of prices from AWS's public price list: make prices ARGS="eu-central-1"
	$(BIN)/python scripts/renew_prices.py $(ARGS)

# Run this on Linux: awslambdaric is a requirement there only.
lock: ## resolve the newest versions that fit pyproject.toml into constraints.txt
	rm -rf .lock
	"$(PYTHON)" -m venv .lock
	.lock/bin/python scripts/install_pytorch.py
	.lock/bin/python $(PIP_INSTALL) -e ".[local,dev,browser]"
	.lock/bin/python -m pip freeze --exclude-editable > .lock/freeze.txt
	sed -E 's/\+cpu$$//; s/ @ .*//; /^(cuda|nvidia)-|^triton==/d' .lock/freeze.txt > constraints.txt
	rm -rf .lock
