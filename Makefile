# What can be done here; `make` alone lists it.

# The PyTorch project's index of CPU builds; set it to a mirror where that cannot be reached.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# Any Python from 3.11 on.
PYTHON ?= python3
# Folder with question sets, for `make evals`.
EVALS ?= ../shared/evals
# More for pytest: make test ARGS="tests/text -k redact -x"
ARGS ?=
# Test files at once. More than the cores: most of them wait for a disk, a server or a browser.
JOBS ?= 3
# Repeats a run of `make prove`.
ifndef SEED
SEED := $(shell date +%s)
endif

BIN := .venv/bin
PIP_LOCKED := -m pip install -qq --require-hashes -r
# npm's scripts look for `node` on PATH: the environment's own.
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help demo install test test-llama check format bench evals prove lock clean widget system

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "make %-11s %s\n", $$1, $$2}'

demo: .venv/.run ## serve the sample shop with the widget on its page (HOST=… PORT=…)
	@$(BIN)/python hatch_build.py
	$(BIN)/minidesk demo $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))

install: .venv/.dev widget ## an environment to work in: .venv, with everything that tests need

# In the files' own order: by the number of their tests the few slow ones in a browser would come last, and one worker
# would do them while the others have nothing left.
# The proxy's environment is made beside the other one, a minute less.
test: ## check, then all tests but benchmarks and long runs (ARGS=… for pytest)
	@$(MAKE) --no-print-directory -j2 check system .venv-litellm/.done
	@sh scripts/pytest.sh "not bench and not prove and not llama" -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-llama: .venv/.dev ## the gateway against llama.cpp's server (builds it first: ten minutes)
	@PYTHON="$(PYTHON)" sh scripts/llama-server.sh
	$(BIN)/python -m pytest -m llama $(ARGS)

check: .venv/.dev widget ## style, types, and lock files that fit pyproject.toml
	$(BIN)/python scripts/lock.py --check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@cd widget && $(WITH_NODE) npm run --silent typecheck

format: .venv/.dev ## put the Python code into shape
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: .venv/.dev widget system ## measure speed and memory
	@sh scripts/pytest.sh bench -s --timeout 0 $(ARGS)

evals: .venv/.dev ## measure answers on the question sets in EVALS=folder
	@test -d "$(EVALS)" || { echo "There is no folder $(EVALS): give one with question sets, make evals EVALS=folder."; exit 1; }
	$(BIN)/python tests/benchmarks/evals.py "$(EVALS)" $(ARGS)

prove: .venv/.dev widget system .venv-litellm/.done ## long runs with faults and generated inputs (SEED=… repeats one)
	@echo "seed $(SEED)   (again: make prove SEED=$(SEED))"
	@MINIDESK_PROVE=1 MINIDESK_PROVE_SEED=$(SEED) sh scripts/pytest.sh prove --hypothesis-seed=$(SEED) $(ARGS)

lock: .venv-lock/.done ## renew the lock files from pyproject.toml
	PATH="$(CURDIR)/.venv-lock/bin:$$PATH" $(PYTHON) scripts/lock.py

clean: ## remove what these targets made: environments, built files, caches (data/ stays)
	rm -rf .venv .venv-litellm .venv-llama .venv-lock dist src/minidesk/web/static/dist widget/node_modules widget/build.log
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- what the targets above stand on; each is made once and again when its sources change

widget: .venv/.run
	@$(BIN)/python hatch_build.py

system:
	@sh scripts/system-packages.sh

.venv/bin/python:
	$(PYTHON) -m venv .venv

# To run: torch first, then everything locked, then the package itself in place.
.venv/.run: requirements.lock requirements-build.lock pyproject.toml | .venv/bin/python
	@sh scripts/install-torch.sh $(BIN)/python "$(TORCH_INDEX)"
	$(BIN)/python $(PIP_LOCKED) requirements.lock
	$(BIN)/python $(PIP_LOCKED) requirements-build.lock
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	$(BIN)/python $(PIP_LOCKED) requirements-dev.lock
	@touch $@

# The proxy used in tests pins much, so it has an environment of its own.
.venv-litellm/.done: tests/litellm/requirements.lock
	$(PYTHON) -m venv .venv-litellm
	.venv-litellm/bin/python $(PIP_LOCKED) tests/litellm/requirements.lock
	@touch $@

.venv-lock/.done:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install -qq uv==0.13.8
	@touch $@
