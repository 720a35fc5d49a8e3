# `make` alone lists the targets.
SHELL := /bin/sh
PYTHON := .venv/bin/python
# The warehouse of `dbt parse` and of tools that only look at the project.
SCRATCH := .venv/.scratch

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all defects drills bench model-check simulate crash-matrix tryton-under-fire bench-push soak dev lint lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.installed ## Make .venv and install the locked dependencies and the project

.venv/.installed: requirements.lock pyproject.toml .ci/setup
	@sh .ci/setup

demo: setup ## Close three months end to end against a real ERP and a billing stand-in, then show the tie-out
	@.venv/bin/tieout demo

test: setup ## Style, types, SQL, dbt parse, and all of the suite that six minutes allow
	@$(MAKE) --no-print-directory lint
	@$(PYTHON) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not long"

test-all: setup ## Everything that must hold: also closes over months, the second engine, the second store (what continuous integration runs)
	@$(MAKE) --no-print-directory lint
	@$(PYTHON) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

defects: setup ## Plant every seeded defect in one close and see each caught by its control (make test does so too)
	@$(PYTHON) -m pytest tests/defects

drills: setup ## Break something in each of six ways, count at the destinations, resume to tied (DRILL=usage_spike runs one)
	@PYTHONPATH=. $(PYTHON) tests/drills/run.py $(DRILL)

bench: setup ## What volume costs, beside its goals (EVENTS=20000000 of a year and JOURNALS=10000 invoices, by default)
	@.venv/bin/tieout bench --events $(or $(EVENTS),20000000)
	@.venv/bin/tieout bench --journals $(or $(JOURNALS),10000)

model-check: setup ## Explore every path of the posting protocol within stated bounds, and find every seeded bug
	@$(PYTHON) tests/proof/model_check/run.py

simulate: setup ## Simulate whole pushes under random faults (SEEDS=100000 is the nightly form, SEED=n tells the history of one)
	@$(PYTHON) tests/proof/simulation/run.py --seeds $(or $(SEEDS),2000) $(if $(SEED),--seed $(SEED))

crash-matrix: setup ## Kill posters at every crash point x fault plan x class of destination x store, and count at the destination (CASE=... repeats one)
	@PYTHONPATH=.:tests/reverse_etl:tests/reverse_etl/posting $(PYTHON) tests/proof/crash_matrix/run.py $(CASE)

tryton-under-fire: setup ## Push 1,000 journals to a real Tryton while answers get lost and its server is killed, and count its ledger (JOURNALS=...)
	@PYTHONPATH=.:tests/reverse_etl/systems/tryton $(PYTHON) tests/proof/tryton_under_fire/run.py --journals $(or $(JOURNALS),1000)

bench-push: setup ## Pushes of this project and its peers against one destination, beside the goals (makes .venv/.peers on first use)
	@PYTHONPATH=tests/proof/bench_push $(PYTHON) tests/proof/bench_push/run.py --documents $(or $(DOCUMENTS),600)

soak: setup ## Very many intents with faults through poster and register, memory watched (INTENTS=1000000)
	@PYTHONPATH=. $(PYTHON) tests/proof/soak/run.py --intents $(or $(INTENTS),1000000)

dev: setup ## Dagster's UI on the demo's home folder, with the counterparties running
	@.venv/bin/tieout dev

lint: setup ## Style, types, SQL and dbt parse without warnings
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@$(MAKE) --silent $(SCRATCH)/sql.linted
	@TIEOUT_WAREHOUSE=warehouse.duckdb .venv/bin/dbt --quiet --warn-error parse --no-partial-parse \
		--project-dir dbt_project --profiles-dir dbt_project --target-path $(abspath $(SCRATCH))/target --log-path $(abspath $(SCRATCH))/logs

# Of what passed once only files that are newer are read again; where a macro or a rule is newer, all of them.
SQL_FOLDERS := dbt_project/models dbt_project/tests dbt_project/analyses
SQL := $(shell find $(SQL_FOLDERS) -name '*.sql')
SQL_RULES := .sqlfluff requirements.lock $(shell find .ci/sqlfluff dbt_project/macros -type f)

$(SCRATCH)/sql.linted: $(SQL) $(SQL_RULES)
	@PYTHONWARNINGS='ignore:resource_tracker' .venv/bin/sqlfluff lint --processes 2 --disable-progress-bar $(if $(filter $(SQL_RULES),$?),$(SQL_FOLDERS),$(filter $(SQL),$?))
	@mkdir -p $(@D) && touch $@

lock: setup ## Compile requirements.lock anew from pyproject.toml (names no index, installs on every supported Python)
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras pyproject.toml -o requirements.lock

clean: ## Remove .venv, caches and everything built (the home folder .tieout stays)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dbt_project/target dbt_project/logs *.egg-info
