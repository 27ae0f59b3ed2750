# The whole developer interface. `make` alone says what there is.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080

.DEFAULT_GOAL := help
.PHONY: help install demo test soak check format docs bench bench-peers bench-rooms clean test-clients test-failures

help: ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS=$$'\t' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

# Installing is remembered by a stamp: it happens again when pyproject.toml or the script changes.
$(VENV)/.installed-%: pyproject.toml scripts/install.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash scripts/install.sh $*
	@touch $@

install: $(VENV)/.installed-dev ## make .venv with everything for working on the project

demo: $(VENV)/.installed-local ## talk to the agent: signaling, worker, model, and the page's address
	@$(BIN)/python -m agent_worker demo --port $(PORT)

test: $(VENV)/.installed-dev ## run every test that this machine can run
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-failures: $(VENV)/.installed-dev ## kill and stop each program during a call, and attack next door (some minutes)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m failures $(ARGS)

# The clients of others live apart: their dependencies are none of ours.
.venv-clients/.installed: tests/clients/requirements.txt tests/clients/package-lock.json scripts/clients.sh
	@PYTHON="$(PYTHON)" bash scripts/clients.sh
	@touch $@

test-clients: $(VENV)/.installed-dev .venv-clients/.installed ## let the realtime clients of others talk to the local model
	@$(BIN)/python -m pytest -m clients tests/clients $(ARGS)

soak: $(VENV)/.installed-dev ## repeat the floor's end-to-end tests ten times, and hold four rooms for ten minutes (three quarters of an hour)
	@$(BIN)/python -m pytest -m soak $(ARGS)

check: $(VENV)/.installed-dev ## lint, types, import order, dead code, mutants of the floor
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m scripts.mutate_floor
	@! $(BIN)/vulture | grep -v "^tests/" # tests count as users, and are not judged themselves

format: $(VENV)/.installed-dev ## put the code into its usual form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.installed-dev ## draw what is drawn from the code
	@$(BIN)/python scripts/draw_speech.py

bench: $(VENV)/.installed-dev ## measure latency with real calls on this machine, and the cost of floor, wire and local model
	@$(BIN)/python -m bench.floor $(ARGS)
	@$(BIN)/python -m bench.ears
	@$(BIN)/python -m bench.listening
	@$(BIN)/python -m bench.local_model
	@$(BIN)/python -m bench.realtime

bench-rooms: $(VENV)/.installed-dev ## measure what a room costs, and whether twelve at once are heard without a gap
	@$(BIN)/python -m bench.rooms $(ARGS)
	@$(BIN)/python -m bench.gaps

.venv-peers/.installed: bench/rig/requirements-peers.txt
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

bench-peers: $(VENV)/.installed-dev .venv-peers/.installed ## measure against Pipecat on this machine (half an hour)
	@$(BIN)/python -m bench.against $(ARGS)

clean: ## remove what was made
	rm -rf $(VENV) .venv-clients .venv-peers build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
