"""Habits of phrase that a reader stumbles over, kept out of the source and the pages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READ = (
    "src/**/*.py",
    "*.md",
    "docs/*.md",
    "examples/*.py",
    "benchmarks/**/*.py",
    "benchmarks/*.md",
)
HABITS = {
    r"\bSays (whether|who|after|which|how)\b": "Returns whether, or the verb itself",
    r"\bin force\b": "current",
    r"\bnobody (knows|needs)\b": "unknown",
    r"\banew\b": "again, or afresh",
    r"\b[Tt]ake[sn]? note of\b": "record",
    r"\b[Tt]akes? up\b": "restore",
    r"\bso many\b": "every n",
    r"\bgo(es)? on (with|where|from|at|without)\b": "continue",
    r"\b(is|are) no (?!longer|more|others?\b)[a-z]+(?=[ ,.;:)])": "is not a",
    r"\bnone of (these|those|the known)\b": "not one of these",
    r"\b(None|True|False|``None``) where\b": "if",
    r"\bHas (the|a|an|one|something)\b": "the verb itself",
    r"\bso to speak\b": "nothing",
}
"""Pattern -> what to write instead."""
FINE = re.compile(r"[Tt]here (is|are) no |if there (is|are) no ")


PATHS = [path for pattern in READ for path in sorted(ROOT.glob(pattern))]


def found(text):
    """Yields (line number, line, advice) of every habit."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, advice in HABITS.items():
            if re.search(pattern, FINE.sub("", line)):
                yield number, line.strip(), advice


def test_it_reads_well():
    slips = [
        f"{path.relative_to(ROOT)}:{number}: {line}  ->  {advice}"
        for path in PATHS
        for number, line, advice in found(path.read_text(encoding="utf-8"))
    ]
    assert len(PATHS) > 150
    assert not slips, "\n".join(slips)


@pytest.mark.parametrize(
    "line",
    [
        "Says whether it is due.",
        "the rate in force",
        "None where nobody knows",
        "It is no number.",
        "goes on without them",
        "once every so many batches",
        "Has the module split",
    ],
)
def test_a_habit_is_found(line):
    assert list(found(line))


@pytest.mark.parametrize(
    "line", ["There is no run.", "it is no longer needed", "jnp.where(x, 0, 1)"]
)
def test_other_lines_are_left_alone(line):
    assert not list(found(line))
