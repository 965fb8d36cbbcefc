"""docs/compatibility.md: every metric and utility once, and nothing that the classes contradict."""

import inspect
import re
from pathlib import Path

import keras
import pytest

from callbax import metrics, utils

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
STATES = ("same", "better", "in part", "not there")
METRICS = {
    name
    for name, entry in vars(keras.metrics).items()
    if inspect.isclass(entry) and entry.__name__ == name
}


def rows(section):
    """Returns (name, state, why) of the table of a section."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| (.*?) ?\|$", text, re.MULTILINE)
    assert len(found) == text.count("\n| `")
    return found


ROWS = [(metrics, *row) for row in rows("Metrics")]
ROWS += [(utils, *row) for row in rows("Data sets and utilities")]


def test_every_one_has_one_row():
    assert [row[0] for row in rows("Metrics")] == sorted(METRICS)
    assert [row[0] for row in rows("Data sets and utilities")] == utils.__all__


@pytest.mark.parametrize(("room", "name", "state", "why"), ROWS, ids=lambda value: str(value)[:30])
def test_its_state_is_what_the_room_says(room, name, state, why):
    assert state in STATES
    assert bool(why) == (state != "same")
    assert (state == "not there") == (name not in room.__all__)
    if state != "not there":
        differs = "Differs from Keras:" in inspect.getdoc(getattr(room, name))
        assert differs == (state != "same")
