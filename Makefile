# Everything runs from a bare Python >= 3.11: each target sets up .venv first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := uv==0.13.8
ARGS   ?=

.PHONY: help run test test-integration test-clients check fmt fuzz soak golden unasync docs bench lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 16

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Dragoman needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

run: $(VENV)/.ready  ## the gateway with mock upstreams on 127.0.0.1:8088
	$(BIN)/dragoman serve --demo

test: check  ## lint, types, contracts, and the whole test-suite
	$(BIN)/python -m pytest --ignore tests/test_house.py $(ARGS)

test-integration: $(VENV)/.ready  ## seed 000's tests against a gateway of its own, or the one at CHAT2RESPONSE_BASE
	$(BIN)/python -m tests.integration $(ARGS)

test-clients: $(VENV)/.ready  ## Node client, command-line agents, agent frameworks (Node >= 22 from PATH, else from PyPI)
	$(BIN)/python -m tests.clients.node || VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes \
		-r tests/clients/requirements.lock
	$(BIN)/uv venv --quiet --allow-existing .venv-frameworks
	VIRTUAL_ENV=.venv-frameworks $(BIN)/uv pip sync --quiet --require-hashes tests/clients/frameworks.lock
	$(BIN)/python -m pytest tests/clients $(ARGS)

fuzz: $(VENV)/.ready  ## the fuzz tests, 20,000 examples of each property; a line as each test begins, its time as it ends
	DRAGOMAN_FUZZ=1 $(BIN)/python -m pytest -v -o console_output_style=times --timeout=3600 tests/fuzz $(ARGS)

soak: $(VENV)/.ready  ## streams of twenty minutes; DRAGOMAN_SOAK_MINUTES=1 for shorter ones
	$(BIN)/python -m pytest -q --timeout=7200 tests/soak $(ARGS)

golden: $(VENV)/.ready  ## write the snapshots of tests/golden anew; read what changed before you commit it
	DRAGOMAN_GOLDEN=1 $(BIN)/python -m pytest -q tests/golden/test_matrix.py $(ARGS)

unasync: $(VENV)/.ready  ## write the synchronous client from the asynchronous one
	$(BIN)/python scripts/unasync.py

docs: $(VENV)/.ready  ## write docs/reference from the code
	$(BIN)/python scripts/reference.py

check: $(VENV)/.ready  ## format, lint, types, import contracts, house rules
	$(BIN)/ruff format --check --quiet . || (echo "run: make fmt"; exit 1)
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/unasync.py --check
	$(BIN)/python -m pytest -q tests/test_house.py

fmt: $(VENV)/.ready  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.ready  ## measure the gateway against the bare floor
	$(BIN)/python -m bench $(ARGS)

lock: $(VENV)/.ready  ## re-pin requirements.lock (hashes, every platform)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--all-extras --group dev --custom-compile-command 'make lock' pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--group pyproject.toml:clients --custom-compile-command 'make lock' -o tests/clients/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--group pyproject.toml:frameworks --custom-compile-command 'make lock' -o tests/clients/frameworks.lock

clean:  ## remove what make built
	rm -rf $(VENV) .venv-frameworks .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
