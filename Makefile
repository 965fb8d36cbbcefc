# Every target creates its environment by itself when that is missing or out of date.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin
THIRDPARTY := .venv-thirdparty
LOWEST := .venv-lowest

.PHONY: demo test thirdparty lowest check examples bench format clean

demo: $(READY)        ## Train on real digits, with a picture at the end (under a minute)
	$(RUN)/python examples/demo.py

test: $(READY)        ## All tests and docstring examples
	$(RUN)/python -m pytest -n auto

thirdparty: $(THIRDPARTY)/.ready ## Callbacks of other packages; none may be missing
	CALLBAX_THIRDPARTY=required $(THIRDPARTY)/bin/python -m pytest tests/thirdparty

lowest: $(LOWEST)/.ready ## Types, and a first look at the numbers, with the oldest versions allowed
	$(LOWEST)/bin/mypy
	$(LOWEST)/bin/python -m pytest tests/contracts tests/losses tests/models/test_runs.py

check: $(READY)       ## Format, lint, types, import contracts
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	PATH="$(CURDIR)/$(RUN):$$PATH" $(RUN)/python tests/house/type_completeness.py

format: $(READY)      ## Let the tools mend what they can
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

examples: $(READY)    ## Run every example
	@set -e; for example in examples/*.py; do echo "== $$example"; $(RUN)/python $$example; done

bench: $(READY)       ## Measure beside real peers; BENCH="--cases NAME --rounds N" for less
	@$(RUN)/python -m benchmarks.run $(BENCH)

$(READY): GROUP := dev
$(READY): pyproject.toml constraints.txt
$(THIRDPARTY)/.ready: GROUP := thirdparty
$(THIRDPARTY)/.ready: pyproject.toml constraints-thirdparty.txt
$(LOWEST)/.ready: GROUP := lowest
$(LOWEST)/.ready: pyproject.toml constraints-lowest.txt

# pip before 25.1 does not know dependency groups, hence the upgrade.
%/.ready:
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --allow-existing --python $(PYTHON) $* && \
	  uv pip install --python $*/bin/python -e . --group $(GROUP) -c $(lastword $^); \
	else \
	  $(PYTHON) -m venv $* && \
	  $*/bin/python -m pip install --quiet --upgrade pip && \
	  $*/bin/python -m pip install --quiet -e . --group $(GROUP) -c $(lastword $^); \
	fi
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-* build dist .mypy_cache .ruff_cache
