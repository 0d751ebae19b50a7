# `make run` tries the whole system on this machine, `make test` tests it. Both need python3 (3.11 or newer), make and
# the package registry that pip is configured for.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCALCLOUD := $(BIN)/python -m localcloud
ARGS ?=

export SAM_CLI_TELEMETRY := 0

.PHONY: run down clean test test-docker check lint format deploy-local ledger lock help
.DEFAULT_GOAL := help

help: ## show what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV) deploy-local ## the whole system on this machine: make run ARGS="--archive PATH --seed 1"
	$(LOCALCLOUD) exec -- python training/run.py --sample-if-unavailable $(ARGS)

deploy-local: $(VENV) ## build the application and deploy it to the local cloud
	$(LOCALCLOUD) exec -- sam build
	$(LOCALCLOUD) exec -- sam deploy --config-env local

down: ## stop the local cloud; its state is kept
	[ ! -d $(VENV) ] || $(LOCALCLOUD) down

clean: ## stop the local cloud and remove everything that was made here
	[ ! -d $(VENV) ] || $(LOCALCLOUD) reset
	rm -rf $(VENV) *.egg-info .aws-sam .localcloud runs .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

test: $(VENV) ## unit and integration tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-docker: $(VENV) ## sam local invoke of every event, where a container engine runs
	$(BIN)/python -m pytest tests/docker -rs

lint: $(VENV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test ## everything that CI runs: linter, types, tests

format: $(VENV) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# constraints.txt pins what was tested, so that an installation is quick and the same everywhere.
$(VENV): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[local,dev]"
	touch $(VENV)

lock: ## resolve the newest versions that fit pyproject.toml into constraints.txt
	$(PYTHON) -m venv .lock
	.lock/bin/python -m pip install -q -e ".[local,dev]"
	.lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//; s/ @ .*//' > constraints.txt
	rm -rf .lock

ledger: $(VENV) ## run the integration tests and write docs/local-aws.md from what they showed
	$(BIN)/python -m pytest tests/integration --ignore tests/integration/test_ledger.py --write-ledger docs/local-aws.md
