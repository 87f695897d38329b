# Two commands are enough: `make demo` runs the whole thing, `make test` proves it.
.DEFAULT_GOAL := help
.PHONY: help setup demo replay test test-karrio bench-clock bench-couriers check run couriers-soak \
	lock

STAY ?= 1
CASES ?= 200
DAYS ?= 45
SEED ?= 7
LIMIT ?=
PARCELS ?= 10000
ARGS ?=
stay := $(if $(filter 0,$(STAY)),--no-stay,--stay)
python := .venv/bin/python

help: ## Print this
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

setup: ## Make .venv from the hash-pinned lock, and nothing else
	@python3 bootstrap.py

demo: setup ## Play weeks of returns through everything (STAY=0 CASES=200 DAYS=45 SEED=7)
	@SIMULATION=1 VAR_DIR=var/demo $(python) manage.py demo $(stay) --cases $(CASES) --days $(DAYS) --seed $(SEED)

replay: setup ## Play a real shop's year: FILE=… (STAY=0, LIMIT=300)
	@test -n "$(FILE)" || { echo "make replay FILE=returns.csv.gz"; exit 2; }
	@SIMULATION=1 VAR_DIR=var/replay $(python) manage.py replay "$(FILE)" $(stay) $(if $(LIMIT),--limit $(LIMIT))

run: setup ## Everything up, empty, in real time, until Ctrl-C
	@$(python) -m backoffice.processes

couriers-soak: setup ## Parcels through every fault of a courier (PARCELS=10000 SEED=7)
	@SIMULATION=1 VAR_DIR=var/soak $(python) manage.py courier_soak --parcels $(PARCELS) --seed $(SEED)

test: setup ## All tests; with DATABASE_URL and REDIS_URL the races and kills too (ARGS="-k label")
	@$(python) -m pytest $(ARGS)

test-karrio: setup ## The carriers spoken to through Karrio, in an environment with that extra
	@test -x var/karrio/bin/pytest || { $(python) -m venv var/karrio && var/karrio/bin/pip install \
		--quiet --require-hashes -r requirements/dev.txt -r requirements/karrio.txt; }
	@var/karrio/bin/python -m pytest tests/logistics/test_karrio.py $(ARGS)

bench-clock: setup ## What waiting and firing cost, on PostgreSQL, as ratios (ARGS="--report docs/speed.md")
	@DATABASE_URL=$${DATABASE_URL:-postgres://postgres@127.0.0.1:5432/postgres} \
		SIMULATION=1 VAR_DIR=var/bench $(python) -m tests.bench clock $(ARGS)

bench-couriers: setup ## Messages, labels, points: what each costs beside a reference (ARGS as above)
	@DATABASE_URL=$${DATABASE_URL:-postgres://postgres@127.0.0.1:5432/postgres} \
		VAR_DIR=var/bench $(python) -m tests.bench couriers $(ARGS)

check: setup ## Format, lint, types, arrows, migrations, diagrams, schema, container files
	@.ci/check

lock: setup ## Renew the pins in requirements/ from pyproject.toml
	@.ci/lock
