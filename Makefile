# Every target creates its environment by itself when that is missing or out of date.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin
THIRDPARTY := .venv-thirdparty
LOWEST := .venv-lowest
ENGINES := .venv-engines
PACKAGE := .venv-package
DOCS := .venv-docs
JUPYTER := .venv-jupyter
PYTHONS := 3.11 3.12 3.13 3.14
# Tests start hundreds of processes, each of which would compile the same files again.
unexport PYTHONDONTWRITEBYTECODE

# What makes clusters of its own, or has an environment of its own, is not run on layouts.
ON_LAYOUTS := tests src $(foreach room,benchmarks distribution docs engines house jupyter thirdparty,\
  --ignore=tests/$(room))
# What CI takes of them with the state divided too.
STATE_DIVIDED := tests/parity/test_fit_parity.py $(foreach file,copies freezing live_numbers runs,\
  tests/models/test_$(file).py)

.PHONY: demo test nightly distribution layouts survival thirdparty lowest engines jupyter check examples package docs
.PHONY: bench format clean

demo: $(READY)        ## Train on real digits, with a picture at the end (under a minute)
	$(RUN)/python examples/demo.py

test: $(READY)        ## The tests and docstring examples
	$(RUN)/python -m pytest -n auto

distribution: $(READY) ## Layouts on four devices, clusters of two processes, the suite on layouts
	$(RUN)/python -m pytest -n auto --dist loadfile tests/distribution --distribution=none
	$(RUN)/python -m pytest -n auto tests/_training --distribution=dp
	$(RUN)/python -m pytest -n auto $(STATE_DIVIDED) --distribution=fsdp

nightly: $(READY)     ## All tests, with the whole of each breadth that CI tries some of
	$(RUN)/python -m pytest -n auto --nightly

layouts: $(READY)     ## All tests that make models, on four devices, data and state divided (nightly)
	$(RUN)/python -m pytest -n auto $(ON_LAYOUTS) --distribution=dp
	$(RUN)/python -m pytest -n auto $(ON_LAYOUTS) --distribution=fsdp

survival: $(READY)    ## Kill scripts 300 times, at batches, at random moments and in writes (nightly)
	CALLBAX_SURVIVAL_KILLS=300 $(RUN)/python -m pytest tests/survival -s

thirdparty: $(THIRDPARTY)/.ready ## Callbacks of other packages; none may be missing
	CALLBAX_THIRDPARTY=required $(THIRDPARTY)/bin/python -m pytest -n auto --dist loadfile \
	  tests/thirdparty

lowest: $(LOWEST)/.ready ## Types, and a first look at the numbers, with the oldest versions allowed
	$(LOWEST)/bin/mypy
	$(LOWEST)/bin/python -m pytest tests/contracts tests/losses tests/models/test_runs.py

engines: $(ENGINES)/.ready ## Ray Train, mpirun, the variables of Slurm and JobSet, for real
	$(ENGINES)/bin/python -m pytest tests/engines --distribution=none

jupyter: $(JUPYTER)/.ready ## What notebooks show, run by a kernel (half a minute)
	$(JUPYTER)/bin/python -m pytest tests/jupyter

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

package: $(PACKAGE)/.ready ## Build and check wheel and sdist; README's first example from the wheel alone
	rm -rf build dist
	$(PACKAGE)/bin/python -m build --no-isolation --outdir dist . >/dev/null
	$(PACKAGE)/bin/twine check --strict dist/*
	$(PACKAGE)/bin/python tests/packaging/try_wheel.py $(PYTHONS)

docs: $(DOCS)/.ready ## Build the site in out/site, run notebooks and code, and look at it in a browser
	$(DOCS)/bin/python tests/docs/site_is_strict.py
	$(DOCS)/bin/python -m sphinx -b html -W --keep-going -n -j 2 -q -d out/doctrees docs out/site
	$(DOCS)/bin/python -m tests.docs.look_at_site out/site out/screenshots

bench: $(READY)       ## Measure beside real peers; BENCH="--cases NAME --rounds N" for less
	@$(RUN)/python -m benchmarks.run $(BENCH)

SELF := -e .
$(READY): GROUP := dev
$(READY): pyproject.toml constraints.txt
$(THIRDPARTY)/.ready: GROUP := thirdparty
$(THIRDPARTY)/.ready: pyproject.toml constraints-thirdparty.txt
$(LOWEST)/.ready: GROUP := lowest
$(ENGINES)/.ready: GROUP := engines
$(ENGINES)/.ready: pyproject.toml constraints-engines.txt
$(PACKAGE)/.ready: GROUP := package
$(PACKAGE)/.ready: SELF :=
$(PACKAGE)/.ready: pyproject.toml constraints-package.txt
$(DOCS)/.ready: GROUP := docs
$(DOCS)/.ready: pyproject.toml constraints-docs.txt
$(JUPYTER)/.ready: GROUP := jupyter
$(JUPYTER)/.ready: pyproject.toml constraints-jupyter.txt
$(LOWEST)/.ready: pyproject.toml constraints-lowest.txt

# pip before 25.1 does not know dependency groups, hence the upgrade.
%/.ready:
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --allow-existing --python $(PYTHON) $* && \
	  uv pip install --python $*/bin/python $(SELF) --group $(GROUP) -c $(lastword $^); \
	else \
	  $(PYTHON) -m venv $* && \
	  $*/bin/python -m pip install --quiet --upgrade pip && \
	  $*/bin/python -m pip install --quiet $(SELF) --group $(GROUP) -c $(lastword $^); \
	fi
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-* build dist .mypy_cache .ruff_cache
