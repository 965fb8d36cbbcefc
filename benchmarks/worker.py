"""A contestant's process: reads runs from its standard input, answers how long they took.

It is started once and kept, so that contestants can take turns, each warm. ``python -m
benchmarks.worker CONTESTANT``; a line in is a `Run` as JSON, a line out ``{"seconds": ...}``.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from benchmarks.cases import Run
from benchmarks.memory import forget_peak, peak_bytes

SCRIPTS = {
    "callbax": "keras_script",
    "keras-forward": "keras_script",
    "keras-jax": "keras_script",
    "keras-served": "keras_script",
    "keras-tf": "keras_script",
    "keras-torch": "keras_script",
    "hand-nnx": "nnx_script",
    "hand-written": "jax_script",
    "lightning": "lightning_script",
    "poutyne": "poutyne_script",
}


def main(who: str) -> None:
    """Answers until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print must not mix with the answers
    prepared: dict[Run, Callable[[], object]] = {}
    for line in sys.stdin:
        try:
            answer = _timed(Run.told(line), who, prepared)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


def _timed(run: Run, who: str, prepared: dict[Run, Callable[[], object]]) -> dict[str, Any]:
    if run not in prepared:
        while len(prepared) > 1:  # no more than a case needs: each holds data of its own
            del prepared[next(iter(prepared))]
        prepared[run] = script_of(who).prepare(run)
    before = forget_peak() if run.weighed else 0
    started, worked = time.perf_counter(), time.process_time()
    prepared[run]()
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - worked,
        **({"bytes": peak_bytes() - before} if run.weighed else {}),
        "device": sys.modules["jax"].default_backend() if "jax" in sys.modules else None,
    }


def script_of(who: str) -> Any:
    """Returns the module of a contestant; its `prepare` returns what is to be timed."""
    return importlib.import_module(f"benchmarks.contestants.{SCRIPTS[who]}")


if __name__ == "__main__":
    main(sys.argv[1])
