# Every target creates .venv by itself when it is missing or out of date.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin

.PHONY: demo test check examples bench format clean

demo: $(READY)        ## Train on real digits, with a picture at the end (under a minute)
	$(RUN)/python examples/demo.py

test: $(READY)        ## All tests and docstring examples
	$(RUN)/python -m pytest -n auto

check: $(READY)       ## Format, lint, types, import contracts
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports

format: $(READY)      ## Let the tools mend what they can
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

examples: $(READY)    ## Run every example
	@set -e; for example in examples/*.py; do echo "== $$example"; $(RUN)/python $$example; done

bench: $(READY)       ## Measure beside real peers; BENCH="--cases NAME --rounds N" for less
	@$(RUN)/python -m benchmarks.run $(BENCH)

# pip before 25.1 does not know dependency groups, hence the upgrade.
$(READY): pyproject.toml constraints.txt
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install --python $(RUN)/python -e . --group dev -c constraints.txt; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(RUN)/python -m pip install --quiet --upgrade pip && \
	  $(RUN)/python -m pip install --quiet -e . --group dev -c constraints.txt; \
	fi
	@touch $(READY)

clean:
	rm -rf $(VENV) .venv-bench build dist .mypy_cache .ruff_cache
