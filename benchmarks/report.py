"""Writes the tables of the pages from what was measured: ``python -m benchmarks.report``.

A page has a table between the lines ``<!-- measured: NAME... -->`` and ``<!-- end -->``, with names
of cases or how they begin; ``<!-- measured on gpu: NAME... -->`` has those of another platform than
the CPU. `RESULTS` holds a file for each platform with the last result of each case, as
`benchmarks.run` prints it, and the machine it was measured on.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case
from benchmarks.peers import ROOT

RESULTS = ROOT / "benchmarks" / "results"
PAGES = ("README.md", "benchmarks/README.md")
_TABLE = re.compile(r"(<!-- measured(?: on (\w+))?: (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def keep(result: dict[str, Any], machine: dict[str, Any]) -> None:
    """Keeps the result of a case in place of the last one on that platform, if there is a value."""
    platform = machine["platform"]
    kept = results_on(platform)
    if "value" in result:
        kept[result["case"]] = result | {"machine": machine}
    known = [case.name for case in CASES if case.name in kept]
    text = json.dumps({name: kept[name] for name in known}, indent=1)
    RESULTS.mkdir(exist_ok=True)
    _file(platform).write_text(text + "\n")


def results_on(platform: str) -> dict[str, Any]:
    """Returns the last results on a platform: name of a case -> result."""
    path = _file(platform)
    return json.loads(path.read_text()) if path.exists() else {}


def _file(platform: str) -> Path:
    return RESULTS / f"{platform}.json"


def table(results: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yields the lines of a Markdown table of results."""
    cases = {case.name: case for case in CASES}
    yield "| case | to reach | measured | lowest to highest | rounds | met |"
    yield "|---|---|---|---|---|---|"
    for result in results:
        case = cases[result["case"]]
        start = f"| {case.what} | {bound(case)} "
        if "value" not in result:
            reason = "not installed" if "not_installed" in result else "failed"
            yield f"{start}| {reason} | | | |"
            continue
        met = {True: "yes", False: "**no**", None: ""}[is_met(case, result["value"])]
        spread = f"{result['lowest']:.2f} to {result['highest']:.2f}"
        yield f"{start}| {result['value']:.2f} | {spread} | {result['rounds']} | {met} |"


def bound(case: Case) -> str:
    """Returns what a case is to reach, as tables say it."""
    if case.least is not None:
        return f"≥ {case.least:g}"
    return "" if case.most is None else f"≤ {case.most:g}"


def is_met(case: Case, value: float) -> bool | None:
    """Returns whether a value is what a case is to reach; None if it is to reach nothing."""
    if case.least is None and case.most is None:
        return None
    return (case.least is None or value >= case.least) and (case.most is None or value <= case.most)


def page(text: str) -> str:
    """Returns a page with its tables as the results have them."""

    def renewed(match: re.Match[str]) -> str:
        results, begins = results_on(match[2] or "cpu"), tuple(match[3].split())
        shown = [results[name] for name in results if name.startswith(begins)]
        return "".join((match[1], *(f"{line}\n" for line in table(shown)), match[4]))

    return _TABLE.sub(renewed, text)


def main() -> None:
    """Writes all tables."""
    for name in PAGES:
        path: Path = ROOT / name
        path.write_text(page(path.read_text()))


if __name__ == "__main__":
    main()
