# Every target makes the virtual environment that it needs: .venv (Airflow 3.3.2) or those in .venvs.
PYTHON ?= python3
# Options for pytest: make test ARGS="tests/client -k sse -x"; a file that is named runs, however slow it is.
ARGS ?=
# What `make fuzz` has for each reader, and --keep where what is new comes to the corpus.
SECONDS ?= 10
KEEP ?=
# What `make test-matrix` runs on: Airflow releases, "-nofab" for one without flask-appbuilder and wtforms, "-ai" for
# one with Airflow's AI provider, "-lowest" and "-newest" for the ends of what pyproject.toml allows.
MATRIX ?= 2.11.2 3.0.6 3.0.6-nofab 3.1.8 3.1.8-nofab 3.2.2 2.11.2-lowest 3.3.2-newest 3.3.2-ai
# `make test`, `make test-slow` and `make test-live` run on 3.3.2; `make on-3.3.2` is another Python, without the tests of a running Airflow.
# What the releases between the oldest and the newest run: each way into Airflow's own code.
BETWEEN = tests/dags tests/decorators tests/leaks tests/live tests/operators tests/product_page tests/sensors tests/triggers \
	tests/ui tests/test_compat.py tests/test_provider_info.py tests/hooks/test_ai_endpoints.py tests/hooks/test_base.py \
	tests/hooks/test_ai_endpoints_connections.py tests/hooks/test_airflow_errors.py tests/connection \
	tests/test_dependencies.py tests/test_public_paths.py
# What may differ where those two libraries are missing.
FORM = tests/live/test_form_metadata.py tests/test_provider_info.py tests/test_compat.py tests/test_dependencies.py tests/dags
# What may differ where Airflow's AI provider is installed ("-ai").
AI = tests/hooks/test_common_ai.py tests/hooks/test_connection_type.py tests/dags/test_common_ai.py \
	tests/test_provider_info.py tests/test_dependencies.py
# What may differ with the versions of requests, httpx and pyarrow, and of what Airflow stands on.
ENDS = tests/client/http/test_drivers.py tests/client/http/test_sync_client.py tests/client/http/test_async_client.py \
	tests/client/http/test_transport.py tests/hooks/test_ai_endpoints_errors.py tests/hooks/test_base.py \
	tests/operators/test_operators.py tests/operators/test_base.py tests/operators/test_embedding.py \
	tests/connection/test_check.py tests/test_provider_info.py tests/test_dependencies.py tests/rows/test_formats.py \
	tests/rows/test_reading.py tests/rows/test_parquet.py tests/rows/test_parquet_schema.py tests/rows/test_parquet_types.py \
	tests/rows/test_parquet_values.py
# The documentation is of the newest Airflow; tests/live is dear, and `make test-live` has run it there.
SCOPE = --ignore tests/docs $(if $(filter %-lowest %-newest,$1),$(ENDS),-m airflow) $(if $(filter 3.3.2,$1),--ignore tests/live) \
	$(if $(filter 3.0.6 3.1.8 3.2.2,$1),$(BETWEEN)) $(if $(filter %-nofab,$1),$(FORM)) $(if $(filter %-ai,$1),$(AI))

ENV = @$(PYTHON) scripts/bootstrap.py
RUN = .venv/bin/python
TOOL = .venvs/tools/bin

# Where it is set, each of several hundred processes compiles all of Airflow: 6 s of a core in place of 3.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-rag ui test test-slow test-live check fuzz faults soak test-matrix lint docs reference bench live-check release constraints clean
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## all that tests, lint and docs need
	$(ENV) dev tools

demo:  ## a DAG that chats and embeds, against the sandbox (or the service, with a token in the environment)
	$(ENV) demo
	$(RUN) scripts/demo.py

demo-rag:  ## documents into PostgreSQL with pgvector, and a question answered from them, likewise
	$(ENV) demo-rag
	$(RUN) scripts/demo_rag.py

ui:  ## a real Airflow web UI with the connection in it; Ctrl-C ends it
	$(ENV) demo
	$(RUN) scripts/ui.py

test:  ## what needs no running Airflow, no browser and no wait, on all cores; says which targets run the rest
	$(ENV) dev tools
	$(RUN) -m pytest -n auto --dist loadgroup --quick $(ARGS)

test-slow:  ## tests that wait, kill processes, or drive a browser
	$(ENV) dev tools
	$(RUN) -m pytest -n auto --dist loadgroup -m "(slow or browser) and not live and not package" $(ARGS)

test-live:  ## tests of a running Airflow, one after the other
	$(ENV) dev tools
	$(RUN) -m pytest tests/live $(ARGS)

check:  ## everything: lint, docs, demos, fuzz, faults, all tests, every supported release
	.ci/run check

fuzz:  ## random bytes at the readers of what servers send; make fuzz SECONDS=600 KEEP=--keep to look for more
	$(ENV) fuzz
	@.venvs/fuzz/bin/python tests/fuzz/run.py --seconds $(SECONDS) $(KEEP)

faults:  ## every fault at every endpoint on real sockets, and a table of what comes of it
	$(ENV) dev
	$(RUN) -m pytest -q -n 4 --dist worksteal tests/faults/mutants.py tests/faults/matrix.py $(ARGS)

soak:  ## ten minutes of random faults, ten times the load of `make test-slow`, and fifty workers killed
	$(ENV) dev
	LOAD_CALLS=20000 KILLS=50 $(RUN) -m pytest -q tests/endurance/test_*.py tests/endurance/soak.py tests/live/test_kills.py $(ARGS)

test-matrix:  ## what depends on Airflow, on each supported release; with -j2 on two at a time
	@$(MAKE) --no-print-directory --keep-going $(MATRIX:%=on-%)

on-%:
	@echo "== Airflow $*"
	@$(PYTHON) scripts/bootstrap.py $*
	@.venvs/airflow-$*/bin/python -m pytest $(call SCOPE,$*) $(ARGS)

lint:  ## ruff, mypy --strict on provider/, known vulnerabilities and licences of what comes with it
	$(ENV) dev tools
	$(TOOL)/ruff check .
	$(TOOL)/ruff format --check .
	$(RUN) -m mypy provider
	$(RUN) scripts/supply_chain.py

docs:  ## the documentation site, in site/
	$(ENV) tools
	$(TOOL)/mkdocs build --strict

reference:  ## docs/reference, as the code is now
	$(ENV) dev
	$(RUN) scripts/reference.py

bench:  ## figures of this provider beside its peers'
	$(ENV) dev
	$(RUN) benchmarks/run.py

live-check:  ## what the real service answers; needs OVH_AI_ENDPOINTS_ACCESS_TOKEN
	$(ENV) demo
	$(RUN) scripts/live_check.py

release:  ## dry run: build from what is committed, check and install the result, upload nothing
	$(ENV) dev tools
	$(RUN) scripts/release.py

constraints:  ## write constraints/ anew
	$(PYTHON) scripts/constraints.py

clean:  ## remove all that the other targets made
	rm -rf .venv .venvs .airflow build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
