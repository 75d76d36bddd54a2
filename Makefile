# Every target makes the virtual environment that it needs: .venv (Airflow 3.3.2) or those in .venvs.
PYTHON ?= python3
# Options for pytest: make test ARGS="-k hook -x"
ARGS ?=
# The same for `make test` alone, where other targets run with it.
TEST_ARGS ?=
# What `make test-matrix` runs on: Airflow releases, "-nofab" for one without flask-appbuilder and wtforms, "-ai" for
# one with Airflow's AI provider.
MATRIX ?= 2.11.2 3.0.6 3.0.6-nofab 3.1.8 3.1.8-nofab 3.2.2 3.3.2 3.3.2-ai
# 3.3.2 as a whole is what `make test` runs on; here it is another Python, without the tests of a running Airflow.
# What may differ where those two libraries are missing.
FORM = tests/live/test_form_metadata.py tests/test_provider_info.py tests/test_compat.py tests/dags
# What may differ where Airflow's AI provider is installed ("-ai").
AI = tests/hooks/test_common_ai.py tests/dags/test_common_ai.py tests/test_provider_info.py

ENV = @$(PYTHON) scripts/bootstrap.py
RUN = .venv/bin/python
TOOL = .venvs/tools/bin

.PHONY: help setup demo demo-rag ui test faults test-matrix lint docs bench live-check release constraints clean
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

test:  ## all tests on Airflow 3.3.2
	$(ENV) dev
	$(RUN) -m pytest $(ARGS) $(TEST_ARGS)

faults:  ## every fault at every endpoint on real sockets, and a table of what comes of it
	$(ENV) dev
	$(RUN) -m pytest -q tests/faults/matrix.py tests/faults/guards.py $(ARGS)

test-matrix:  ## what depends on Airflow, on each supported release; with -j2 on two at a time
	$(ENV) $(MATRIX)
	@$(MAKE) --no-print-directory --keep-going $(MATRIX:%=on-%)

on-%:
	@echo "== Airflow $*"
	@$(PYTHON) scripts/bootstrap.py $*
	@.venvs/airflow-$*/bin/python -m pytest -m airflow $(if $(filter 3.3.2,$*),--ignore tests/live) $(if $(findstring nofab,$*),$(FORM)) $(if $(filter %-ai,$*),$(AI)) $(ARGS)

lint:  ## ruff, and mypy --strict on provider/
	$(ENV) dev tools
	$(TOOL)/ruff check .
	$(TOOL)/ruff format --check .
	$(RUN) -m mypy provider

docs:  ## the documentation site, in site/
	$(ENV) tools
	$(TOOL)/mkdocs build --strict

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
