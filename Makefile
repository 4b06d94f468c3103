# tailrace. `make demo` and `make test` do all of their own set-up on a Debian machine.
.DEFAULT_GOAL := help
PYTHON = .venv/bin/python
TEST_ARGS ?=
# Test processes side by side, each with servers of its own.
TEST_WORKERS ?= 4

# Seconds for each decoder in each of its forms; FUZZ_ARGS=--atheris is guided by coverage, where atheris is installed.
FUZZ_SECONDS ?= 60
FUZZ_ARGS ?=

SOAK_SECONDS ?= 600

SCHEMA_FUZZ_SECONDS ?= 300

# What pip compiles: Python files with a .pxd beside them, and .pyx files.
TYPED := $(shell find daemon connectors -name '*.pxd' -o -name '*.pyx')
COMPILED := $(TYPED) $(wildcard $(TYPED:.pxd=.py))

.PHONY: help demo test test-all long load-kills sleepers faults failpoints kill-matrix soak schema-matrix schema-fuzz conformance fuzz lint format \
	bench venv servers clean

help:            ## this list
	@sed -n 's/^\([a-z-]*\): .*##/\1:/p' $(MAKEFILE_LIST) | column -t -s:

demo: venv       ## the main job on throwaway real servers: load, change, kill, verify
	$(PYTHON) -m tailrace.cli demo $(DEMO_ARGS)

test: servers    ## the tests, on real servers (15 minutes at most on two cores)
	$(PYTHON) -m pytest -n $(TEST_WORKERS) --dist worksteal $(TEST_ARGS)

test-all: servers ## besides, the whole matrix with 20,000 changes each, and PostgreSQL 16 throughout
	TAILRACE_TEST_MATRIX=all $(PYTHON) -m pytest $(TEST_ARGS)

long: servers     ## what takes minutes and gigabytes (LONG_ARGS="-k mariadb" chooses)
	$(PYTHON) -m pytest tests/long $(LONG_ARGS)

load-kills: servers ## of those, a load of 5,000,000 rows in 20 tables, killed 20 times; prints a JSON line for each server
	$(PYTHON) -m pytest tests/long/test_load_kills.py -s $(LONG_ARGS)

sleepers: servers ## of those, daemons that are stopped for two minutes under load (TAILRACE_ASLEEP_SECONDS) and wake up replaced
	$(PYTHON) -m pytest tests/long/test_sleepers.py $(LONG_ARGS)

faults: servers   ## what networks, machines and servers do to a pipeline (FAULTS_ARGS="-k crashes" chooses); half an hour
	$(PYTHON) -m pytest tests/faults tests/faults/long $(FAULTS_ARGS)

failpoints: servers ## every failpoint on every source, through both streams, into every sink (FAILPOINT_ARGS="-k mariadb")
	$(PYTHON) -m pytest tests/long/test_failpoints.py $(FAILPOINT_ARGS)

kill-matrix: servers ## SIGKILL and SIGTERM at random moments under sysbench and pgbench; goes on where it ended (KILL_ARGS=--help)
	$(PYTHON) -m tests.kill_matrix $(KILL_ARGS)

soak: servers    ## pipelines under load, a random fault every 20 s for SOAK_SECONDS, a scorecard (SOAK_ARGS=--help)
	$(PYTHON) -m tests.soak --seconds $(SOAK_SECONDS) $(SOAK_ARGS)

schema-matrix: servers ## schemas of real applications in every direction, held to their sources; prints a table (SCHEMA_ARGS=--help)
	$(PYTHON) -m tests.integration.schema.matrix $(SCHEMA_ARGS)

schema-fuzz: servers ## random schemas for SCHEMA_FUZZ_SECONDS; what no item says is printed small (SCHEMA_FUZZ_ARGS=--help)
	$(PYTHON) -m tests.integration.schema.fuzz --seconds $(SCHEMA_FUZZ_SECONDS) $(SCHEMA_FUZZ_ARGS)

conformance: servers ## event for event beside Debezium's connectors, on every server (CONFORMANCE_ARGS=--help)
	$(PYTHON) -m tests.conformance.debezium $(CONFORMANCE_ARGS)

fuzz: venv       ## the decoders, compiled and interpreted, on damaged and made up streams for FUZZ_SECONDS each
	for engine in mysql postgres select; do for pure in 0 1; do TAILRACE_PURE=$$pure \
	    $(PYTHON) -m tests.fuzz $$engine --seconds $(FUZZ_SECONDS) $(FUZZ_ARGS) || exit 1; done; done

lint: venv       ## ruff and mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: venv     ## ruff's formatter
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: servers   ## how fast, beside Debezium and the servers' own tools (BENCH_ARGS=--help tells the choices)
	$(PYTHON) -m benchmarks $(BENCH_ARGS)

venv: .venv/.installed ## the virtual environment .venv

.venv/.installed: pyproject.toml setup.py .ci/venv $(COMPILED)
	./.ci/venv

servers: venv    ## installs and fetches the servers that the tests start
	./.ci/provision

clean:           ## what was built
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find daemon connectors -name '*.so' -delete
