"""Measures every case: ``make bench``, or ``python -m benchmarks.run --cases guide-reading``.

Prints one JSON line per case as it is done, and a table in Markdown at the end; ``--keep`` puts the
results in place of the last ones in ``results/``, from which the pages have their tables.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, DEEP_LAYERS, MLP_STATE, Case, Run
from benchmarks.peers import ROOT, NotInstalledError, compile_bytecode, environment, python_of
from benchmarks.report import bound, is_met, keep, table

LOGS = ROOT / "out" / "bench"
UNITS = ("seconds", "cpu_seconds", "bytes")
REST_SECONDS = 0.1
"""Between two runs, so that threads that still spin for the one do not slow the other down."""
PROCESSES = {
    "first": "benchmarks.process",
    "process": "benchmarks.process",
    "import": "benchmarks.imports",
}
"""What a run does -> the module, where each run is a process of its own."""
ROUNDS_PER_DIFFERENCE = 5
"""Rounds of a difference per round of a ratio: it is small beside the runs' own scatter."""


class Contestants:
    """Keeps one process per contestant, warm between its turns.

    Args:
        in_place: Whether all of them live in the environment that this runs in.
    """

    def __init__(self, *, in_place: bool = False) -> None:
        self._in_place = in_place
        self._pythons: dict[str, Path] = {}
        self._workers: dict[str, subprocess.Popen[str]] = {}
        LOGS.mkdir(parents=True, exist_ok=True)

    def measure(self, run: Run) -> dict[str, Any]:
        """Returns what one run took: seconds, and bytes if the run is a process of its own."""
        python = self._python(run.who)
        time.sleep(REST_SECONDS)
        if run.do in PROCESSES:
            return self._process(python, run)
        worker = self._worker(python, run.who)
        if worker.stdin is None or worker.stdout is None:
            raise RuntimeError(f"{run.who} has no pipes")
        worker.stdin.write(json.dumps(asdict(run)) + "\n")
        worker.stdin.flush()
        answer: dict[str, Any] = json.loads(worker.stdout.readline() or '{"error": "it died"}')
        if "error" in answer:
            raise RuntimeError(f"{run.who}: {answer['error']}; see {self._log(run.who)}")
        return answer

    def close(self) -> None:
        """Ends all processes."""
        for worker in self._workers.values():
            if worker.stdin is not None:
                worker.stdin.close()
            worker.wait()

    def _python(self, who: str) -> Path:
        if self._in_place:
            return Path(sys.executable)
        if who not in self._pythons:
            self._pythons[who] = python_of(who)
            compile_bytecode(self._pythons[who])
        return self._pythons[who]

    def _worker(self, python: Path, who: str) -> subprocess.Popen[str]:
        if who not in self._workers:
            with self._log(who).open("w") as log:
                self._workers[who] = subprocess.Popen(
                    [python, "-m", "benchmarks.worker", who],
                    cwd=ROOT,
                    env=environment(who),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        return self._workers[who]

    def _process(self, python: Path, run: Run) -> dict[str, Any]:
        started = time.perf_counter()
        with self._log(run.who).open("a") as log:
            done = subprocess.run(
                [python, "-m", PROCESSES[run.do], json.dumps(asdict(run))],
                cwd=ROOT,
                env=environment(run.who),
                stdout=subprocess.PIPE,
                stderr=log,
                check=True,
            )
        seconds = time.perf_counter() - started
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return {"seconds": seconds} | told

    def _log(self, who: str) -> Path:
        return LOGS / f"{who}.log"


def measured(case: Case, contestants: Contestants, rounds: int) -> dict[str, Any]:
    """Lets the two runs of a case take turns and returns what is printed of it."""
    runs = {"over": case.over, "under": case.under}
    first = {side: contestants.measure(run) for side, run in runs.items()}
    for run in runs.values():  # what is compiled only at the second time
        contestants.measure(run)
    taken: dict[str, list[dict[str, Any]]] = {side: [] for side in runs}
    rounds *= ROUNDS_PER_DIFFERENCE if case.of == "us_per_batch" else 1
    for number in range(rounds):
        for side in list(runs)[:: 1 if number % 2 else -1]:
            taken[side].append(contestants.measure(runs[side]))
    values = [_value(case, *pair) for pair in zip(taken["over"], taken["under"], strict=True)]
    units = [unit for unit in UNITS if unit in first["over"]]
    medians = {
        unit: {side: round(statistics.median(one[unit] for one in taken[side]), 4) for side in runs}
        for unit in units
    }
    value = statistics.median(values)
    return {
        "case": case.name,
        "value": round(value, 3),
        "required": bound(case),
        "met": is_met(case, value),
        "lowest": round(min(values), 3),
        "highest": round(max(values), 3),
        "rounds": rounds,
        **medians,
        "first_seconds": {side: round(first[side]["seconds"], 2) for side in runs},
        "devices": {side: first[side].get("device") for side in runs},
        "over": asdict(case.over),
        "under": asdict(case.under),
    }


def _value(case: Case, over: dict[str, Any], under: dict[str, Any]) -> float:
    if case.of == "us_per_batch":
        size, more = case.over.size, len(case.over.hooks) - len(case.under.hooks)
        calls = -(-size.rows // size.batch) * size.epochs * more
        return float(over["seconds"] - under["seconds"]) / calls * 1e6
    if case.of == "us_per_array":
        size = case.over.size
        calls = -(-size.rows // size.batch) * size.epochs * 2 * DEEP_LAYERS
        return float(over["seconds"] - under["seconds"]) / calls * 1e6
    if case.of == "copies":
        return float(over["bytes"] - under["bytes"]) / MLP_STATE
    return float(over[case.of]) / float(under[case.of])


def machine() -> dict[str, Any]:
    """Returns where this was measured."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_at_start": load,
        **_device(),
    }


def _device() -> dict[str, str]:
    """Returns what JAX computes on; asked of a process that ends, so that it holds no memory."""
    asked = "import jax; device = jax.devices()[0]; print(device.platform, device.device_kind)"
    command = [sys.executable, "-c", asked]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    platform, device = told.strip().split(maxsplit=1)
    return {"platform": platform, "device": device}


def main() -> int:
    """Measures what the command line asks for; 1 if a case could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="names, or beginnings of names")
    parser.add_argument("--peers", nargs="*", help="peers to take; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--in-place", action="store_true", help="peers live in this environment")
    parser.add_argument("--keep", action="store_true", help="keep the results, for the pages")
    asked = parser.parse_args()
    ours, peers, here = ("callbax", "hand-written", "hand-nnx"), asked.peers, machine()
    cases = [
        case
        for case in CASES
        if (not asked.cases or case.name.startswith(tuple(asked.cases)))
        and not (case.needs_accelerator and here["platform"] == "cpu")
        and (peers is None or {case.over.who, case.under.who} <= {*ours, *peers})
    ]
    if not cases:
        parser.error(f"no such case; there are {', '.join(case.name for case in CASES)}")
    print(json.dumps({"machine": here}), flush=True)
    contestants, results = Contestants(in_place=asked.in_place), []
    try:
        for case in cases:
            try:
                result = measured(case, contestants, asked.rounds)
            except NotInstalledError as error:
                result = {
                    "case": case.name,
                    "required": bound(case),
                    "not_installed": str(error),
                }
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                result = {"case": case.name, "required": bound(case), "error": str(error)}
            print(json.dumps(result), flush=True)
            results.append(result)
            if asked.keep:
                keep(result, here)
    finally:
        contestants.close()
    print("", *table(results), sep="\n")
    return int(any("error" in result for result in results))


if __name__ == "__main__":
    sys.exit(main())
