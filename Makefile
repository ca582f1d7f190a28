# `make demo` and `make test` are all the set-up there is: Python 3.11 or newer, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps

# The demo and the tests never spend: they run on the sandbox, whatever the environment holds.
SANDBOXED := env -u APIFRAME_API_KEY -u APIFRAME_BASE_URL

.PHONY: help demo dev test check format numbers bench torture torture-deep year daemon waste recovery docs lock clean
.DEFAULT_GOAL := help

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.runtime ## Every character of data/catalog on the sandbox, into data/sandbox
	@$(SANDBOXED) $(BIN)/ideogram-pipeline demo

dev: $(VENV)/.runtime ## Dagster's UI on http://127.0.0.1:3000, on the data that runs have made
	home="$$($(BIN)/python -m ideogram_pipeline.orchestration.instance)" && \
		DAGSTER_HOME="$$home" $(BIN)/dagster dev -w workspace.yaml

test: $(VENV)/.dev check ## Everything that CI checks: lint, types, tests
	$(SANDBOXED) $(BIN)/pytest -n 2 --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

numbers: $(VENV)/.runtime ## The first run in numbers: times, quote against cost, second run
	@$(SANDBOXED) $(BIN)/python benchmarks/first_run.py --fresh

bench: $(VENV)/.runtime ## Speed, requests, CPU and memory against their goals, by the sandbox's counts
	@$(SANDBOXED) $(BIN)/python -m benchmarks

torture: $(VENV)/.dev ## Kill the real command everywhere, run it to its end, count by the sandbox's books
	@$(SANDBOXED) $(BIN)/python -m ideogram_pipeline_tests.torture.planted
	@$(SANDBOXED) $(BIN)/python -m ideogram_pipeline_tests.torture

torture-deep: $(VENV)/.dev ## A kill, EIO and ENOSPC at each call of effect, power cuts, the model (Linux, strace)
	@$(SANDBOXED) $(BIN)/python -m ideogram_pipeline_tests.torture.deep
	@$(SANDBOXED) $(BIN)/pytest -rP --hypothesis-profile=deep --hypothesis-seed=1 \
		ideogram_pipeline_tests/generation/test_model.py

year: $(VENV)/.dev ## 365 days of schedules and sensors, with an outage and an empty account (minutes)
	$(SANDBOXED) $(BIN)/pytest -q -m soak --durations=1 ideogram_pipeline_tests/orchestration/test_year.py

daemon: $(VENV)/.dev ## A real daemon and web server: sensors, schedules, backfills, kills, all processes
	$(SANDBOXED) $(BIN)/pytest -m "soak or not soak" --durations=0 ideogram_pipeline_tests/orchestration/test_daemon.py

waste: $(VENV)/.runtime ## Credits wasted under the same faults: the pipeline, and the script people write
	@$(SANDBOXED) $(BIN)/python -m benchmarks.waste

recovery: $(VENV)/.runtime ## Seconds until the paid pictures of a killed run are seen to
	@$(SANDBOXED) $(BIN)/python -m benchmarks.recovery

docs: $(VENV)/.runtime ## Write docs/tables.md and docs/settings.md anew from the code
	$(BIN)/python -m ideogram_pipeline.warehouse.documentation > docs/tables.md
	$(BIN)/python -m ideogram_pipeline.cli.documentation > docs/settings.md

lock: ## Resolve the dependencies anew; needs uv
	$(LOCK) --group build -o requirements/runtime.txt
	$(LOCK) --group build --group dev -c requirements/runtime.txt -o requirements/dev.txt
LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header

clean: ## Remove the environment and what the sandbox runs have made
	rm -rf $(VENV) data/sandbox

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements/runtime.txt
	$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@
