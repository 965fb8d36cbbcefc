"""A whole process: from the import to the end of one epoch of the guide model.

``python -m benchmarks.process CONTESTANT`` prints its own peak memory as one JSON line.
"""

import json
import resource
import sys
from pathlib import Path

from benchmarks.cases import Run
from benchmarks.contestants.keras_script import HOOKS, compiled
from benchmarks.data import arrays


def peak_bytes() -> int:
    """Returns the most memory that this process has had in use."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count what the parent had in use when it forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    run = Run(sys.argv[1], do="process")
    model = compiled(run)
    model.fit(*arrays(run), batch_size=run.size.batch, verbose=0, callbacks=[HOOKS["reading"]()])
    print(json.dumps({"bytes": peak_bytes()}))
