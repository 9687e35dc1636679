# VAEScope: `make run` opens the dashboard, `make test` checks everything.
# Works from any folder: `make -C path/to/vaescope run` or `make -f path/to/vaescope/Makefile run`.

# The folder of this file, whatever the folder make was called from; spaces in its path are kept.
ROOT := $(shell CDPATH= cd "$$(dirname "$$(printf '%s' '$(MAKEFILE_LIST)' | sed 's/^ //')")" && pwd)

# The Python that makes .venv (default: the first on the PATH that is new enough).
PYTHON ?=
# The dashboard's port.
PORT ?= 8501
# How many tests run at once: more than two cores, because browser tests wait much of their time. Each keeps to one
# thread of torch: threads of several tests that wait for one another cost far more than they gain.
WORKERS ?= 3

VENV_PYTHON := .venv/bin/python
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
DIGEST := import hashlib, pathlib, sys; print(hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest())

.DEFAULT_GOAL := help
.PHONY: help venv test-tools run test test-slow bundled format clean

# $(1) is installed once for each content it has had: the stamp holds the content's hash, so that a
# second run is instant and needs no network. pip's own variables hold here (PIP_INDEX_URL, ...).
define install
cd "$(ROOT)" && stamp=".venv/installed-$(subst /,-,$(1))" && digest="$$($(VENV_PYTHON) -c '$(DIGEST)' $(1))" && \
if [ "$$(cat "$$stamp" 2>/dev/null)" != "$$digest" ]; then \
	echo "Installing $(1) into .venv (this once; it needs the network)"; \
	$(VENV_PYTHON) -m pip install --disable-pip-version-check -r $(1) || \
		{ echo "pip could not install $(1): read its last lines above, check the network, and run make again." >&2; exit 1; }; \
	echo "$$digest" > "$$stamp"; \
fi
endef

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1\t\2/p' "$(ROOT)/Makefile" | expand -t 20

run: venv ## open the dashboard on http://127.0.0.1:8501 (another port: make run PORT=8502)
	@$(call install,requirements.txt)
	@cd "$(ROOT)" && $(VENV_PYTHON) -c 'import socket; socket.create_server(("127.0.0.1", $(PORT))).close()' 2>/dev/null || \
		{ echo "Port $(PORT) of 127.0.0.1 cannot be used (taken, or not a port): choose another, for example make run PORT=8502." >&2; exit 1; }
	@echo "Open http://127.0.0.1:$(PORT) (Ctrl+C stops it)"
	@cd "$(ROOT)" && exec $(VENV_PYTHON) -m streamlit run streamlit_app.py \
		--server.address=127.0.0.1 --server.port=$(PORT) --server.showEmailPrompt=false

test: test-tools ## lint, types and all tests but the slow ones, Chromium included
	@cd "$(ROOT)" && $(VENV_PYTHON) tests/chromium.py
	cd "$(ROOT)" && $(VENV_PYTHON) -m ruff check .
	cd "$(ROOT)" && $(VENV_PYTHON) -m ruff format --check .
	cd "$(ROOT)" && $(VENV_PYTHON) -m mypy
	cd "$(ROOT)" && OMP_NUM_THREADS=1 VAESCOPE_REQUIRE_BROWSER=1 $(VENV_PYTHON) -m pytest -n $(WORKERS) --dist loadgroup
	@echo "make test: ruff, mypy and pytest all passed."

test-slow: test-tools ## train the reference recipes to their published figures, kill training a hundred times (minutes)
	cd "$(ROOT)" && $(VENV_PYTHON) -m pytest -m slow -s -o faulthandler_timeout=0
	@echo "make test-slow: passed."

bundled: venv ## rebuild the bundled runs in checkpoints/ from scratch
	@$(call install,requirements.txt)
	cd "$(ROOT)" && $(VENV_PYTHON) -m core.bundled

format: test-tools ## let ruff format the code and mend what it can
	cd "$(ROOT)" && $(VENV_PYTHON) -m ruff format .
	cd "$(ROOT)" && $(VENV_PYTHON) -m ruff check --fix .

clean: ## remove .venv, caches and test screenshots; runs and data stay
	cd "$(ROOT)" && rm -rf .venv .mypy_cache .pytest_cache .ruff_cache tests/browser/screenshots
	cd "$(ROOT)" && find core dashboard tests -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@cd "$(ROOT)" && \
	if ! $(VENV_PYTHON) -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null; then \
		if [ -n "$(PYTHON)" ]; then set -- "$(PYTHON)"; else set -- python3 python3.13 python3.12 python3.11 python; fi; \
		for candidate in "$$@"; do \
			if "$$candidate" -c '$(NEW_ENOUGH)' 2>/dev/null; then found="$$candidate"; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "VAEScope needs Python 3.11 or newer, and none of these is: $$*. Install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; \
		fi; \
		echo "Making .venv with $$("$$found" --version)"; \
		"$$found" -m venv --clear .venv || \
			{ echo "Python could not make .venv: on Debian and Ubuntu install the package python3-venv, then run make again." >&2; exit 1; }; \
	fi

test-tools: venv
	@$(call install,requirements.txt)
	@$(call install,tests/requirements.txt)
