"""A run in a process of its own, which prints what it took as one JSON line.

``python -m benchmarks.process RUN``, a `Run` as JSON. What does "process" is measured from outside,
from its start to the end of an epoch of the guide model; else the clock runs around the first fit.
"""

import json
import sys
import time

from benchmarks.cases import Run
from benchmarks.data import arrays
from benchmarks.memory import forget_peak, peak_bytes


def _whole(run: Run) -> dict[str, float]:
    from benchmarks.contestants.keras_script import HOOKS, compiled

    model = compiled(run)
    model.fit(*arrays(run), batch_size=run.size.batch, verbose=0, callbacks=[HOOKS["reading"]()])
    return {"bytes": peak_bytes()}


def _first(run: Run) -> dict[str, float]:
    from benchmarks.worker import script_of

    fit = script_of(run.who).prepare(run)
    forget_peak()
    started, worked = time.perf_counter(), time.process_time()
    fit()
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - worked,
        "bytes": peak_bytes(),
    }


if __name__ == "__main__":
    run = Run.told(sys.argv[1])
    print(json.dumps(_whole(run) if run.do == "process" else _first(run)))
