"""Measures every case: ``make bench``, or ``python -m benchmarks.run --cases guide-reading``.

Prints one JSON line per case as it is done, and a table in Markdown at the end.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case, Run
from benchmarks.peers import ROOT, NotInstalledError, compile_bytecode, environment, python_of

LOGS = ROOT / "out" / "bench"
UNITS = ("seconds", "cpu_seconds", "bytes")
REST_SECONDS = 0.1
"""Between two runs, so that threads that still spin for the one do not slow the other down."""
ROUNDS_PER_DIFFERENCE = 5
"""Rounds of a difference per round of a ratio: it is small beside the runs' own scatter."""


class Contestants:
    """Keeps one process per contestant, warm between its turns."""

    def __init__(self) -> None:
        self._pythons: dict[str, Path] = {}
        self._workers: dict[str, subprocess.Popen[str]] = {}
        LOGS.mkdir(parents=True, exist_ok=True)

    def measure(self, run: Run) -> dict[str, Any]:
        """Returns what one run took: seconds, and bytes if the run is a process of its own."""
        python = self._python(run.who)
        time.sleep(REST_SECONDS)
        if run.do == "process":
            return self._process(python, run.who)
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

    def _process(self, python: Path, who: str) -> dict[str, Any]:
        started = time.perf_counter()
        with self._log(who).open("a") as log:
            done = subprocess.run(
                [python, "-m", "benchmarks.process", who],
                cwd=ROOT,
                env=environment(who),
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
        "required": _required(case),
        "met": _met(case, value),
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
    return float(over[case.of]) / float(under[case.of])


def _required(case: Case) -> str:
    if case.least is not None:
        return f"≥ {case.least:g}"
    return "" if case.most is None else f"≤ {case.most:g}"


def _met(case: Case, value: float) -> bool | None:
    if case.least is None and case.most is None:
        return None
    return (case.least is None or value >= case.least) and (case.most is None or value <= case.most)


def table(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yields the lines of a Markdown table of results."""
    what = {case.name: case.what for case in CASES}
    yield "| case | required | measured | lowest to highest | met |"
    yield "|---|---|---|---|---|"
    for result in results:
        start = f"| {what[result['case']]} | {result.get('required', '')} "
        if "value" not in result:
            reason = "not installed" if "not_installed" in result else "failed"
            yield f"{start}| {reason} | | |"
            continue
        met = {True: "yes", False: "**no**", None: ""}[result["met"]]
        spread = f"{result['lowest']:.2f} to {result['highest']:.2f}"
        yield f"{start}| {result['value']:.2f} | {spread} | {met} |"


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
    }


def main() -> int:
    """Measures what the command line asks for; 1 if a case could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="names, or beginnings of names")
    parser.add_argument("--peers", nargs="*", help="peers to take; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    ours, peers = ("callbax", "hand-written"), asked.peers
    cases = [
        case
        for case in CASES
        if (not asked.cases or case.name.startswith(tuple(asked.cases)))
        and (peers is None or {case.over.who, case.under.who} <= {*ours, *peers})
    ]
    if not cases:
        parser.error(f"no such case; there are {', '.join(case.name for case in CASES)}")
    print(json.dumps({"machine": machine()}), flush=True)
    contestants, results = Contestants(), []
    try:
        for case in cases:
            try:
                result = measured(case, contestants, asked.rounds)
            except NotInstalledError as error:
                result = {
                    "case": case.name,
                    "required": _required(case),
                    "not_installed": str(error),
                }
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                result = {"case": case.name, "required": _required(case), "error": str(error)}
            print(json.dumps(result), flush=True)
            results.append(result)
    finally:
        contestants.close()
    print("", *table(results), sep="\n")
    return int(any("error" in result for result in results))


if __name__ == "__main__":
    sys.exit(main())
