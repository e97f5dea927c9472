# Everything a developer does here. `make` alone lists it.

PYTHON := .venv/bin/python
UV := .venv/bin/uv
# Three at a time, each with servers of its own: much of a test's time is waiting for a server or a process.
PYTEST := .venv/bin/pytest -n 3 --dist worksteal

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-unit test-integration test-acceptance torture check bench lock clean

help: ## List these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is needed; quick once it is there. Nothing outside .venv but missing system packages.
	@deploy/setup/setup.sh

demo: setup ## Play a real night through everything, and compare both ends.
	@$(PYTHON) demo

test: setup ## Run all tests.
	$(PYTEST) tests

test-unit: setup ## Run the tests that need no server.
	$(PYTEST) tests/unit

test-integration: setup ## Run the tests against private RabbitMQ and PostgreSQL servers.
	$(PYTEST) tests/integration

test-acceptance: setup ## Run the tests of the commands as processes.
	$(PYTEST) tests/acceptance

torture: setup ## Break everything 200 times over on each database, and prove that nothing is lost (FAULTS, CHANGES, SEED).
	PYTHONPATH=demo:. $(PYTHON) -m tests.torture --faults $(or $(FAULTS),200) --changes $(or $(CHANGES),20000) \
	  $(if $(SEED),--seed $(SEED)) $(if $(RECORD),--record $(RECORD))

check: setup ## Check style, types, the layers of the packages, and that generated files are current.
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	.venv/bin/pytest -m drift tests/unit

bench: setup ## Measure speed against floors of the same run; QUICK=1 is smaller and writes nothing down, ONLY=name runs one.
	PYTHONPATH=demo $(PYTHON) -m benchmarks $(if $(QUICK),--quick) $(ONLY)

# No lock may name a registry or a path of this machine: a user's own pip configuration says where packages are.
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock: setup ## Update the locks to the newest packages that pyproject.toml admits.
	$(LOCK) --upgrade --all-extras pyproject.toml -o requirements.lock
	echo 'desispec==0.70.0' | $(LOCK) --no-deps - -o requirements-nights.lock
	echo 'hatchling' | $(LOCK) --extra all --constraint requirements.lock pyproject.toml - -o deploy/docker/requirements.lock

clean: ## Remove what set-up, tests and tools have made, .venv included.
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
