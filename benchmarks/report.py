"""Writes the tables of the pages from what was measured: ``python -m benchmarks.report``.

A page has a table between the lines ``<!-- measured: NAME... -->`` and ``<!-- end -->``, with names
of cases or how they begin. `RESULTS` holds the last result of each case, as `benchmarks.run` prints
it, with the machine it was measured on.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case
from benchmarks.peers import ROOT

RESULTS = ROOT / "benchmarks" / "results.json"
PAGES = ("README.md", "benchmarks/README.md")
_TABLE = re.compile(r"(<!-- measured: (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def keep(results: Iterable[dict[str, Any]], machine: dict[str, Any]) -> None:
    """Keeps results of cases in place of the last ones of theirs."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for result in results:
        if "value" in result:
            kept[result["case"]] = result | {"machine": machine}
    known = [case.name for case in CASES if case.name in kept]
    text = json.dumps({name: kept[name] for name in known}, indent=1)
    RESULTS.write_text(text + "\n")


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


def page(text: str, results: dict[str, Any]) -> str:
    """Returns a page with its tables as the results have them.

    Args:
        text: The page.
        results: Name of a case -> its last result.
    """

    def renewed(match: re.Match[str]) -> str:
        begins = tuple(match[2].split())
        shown = [results[name] for name in results if name.startswith(begins)]
        return "".join((match[1], *(f"{line}\n" for line in table(shown)), match[3]))

    return _TABLE.sub(renewed, text)


def main() -> None:
    """Writes all tables."""
    results = json.loads(RESULTS.read_text())
    for name in PAGES:
        path: Path = ROOT / name
        path.write_text(page(path.read_text(), results))


if __name__ == "__main__":
    main()
