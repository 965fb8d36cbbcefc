"""A process that imports a contestant's library and ends.

``python -m benchmarks.imports RUN``, a `Run` as JSON, prints an empty JSON line.
"""

import importlib
import sys

from benchmarks.cases import Run

LIBRARIES = {"callbax": "callbax", "keras-jax": "keras"}

if __name__ == "__main__":
    importlib.import_module(LIBRARIES[Run.told(sys.argv[1]).who])
    print("{}")
