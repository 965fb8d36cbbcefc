"""docs/compatibility.md: every argument once, and nothing that the signatures contradict."""

import inspect
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest

import callbax
from callbax.layers._layer import layers
from callbax.optimizers._lookup import OPTIMIZERS

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
STATES = ("same", "better", "in part", "not there")
RESULTS = ("works", "in part", "does not")
CLASSES = [name for name in dir(keras.callbacks) if inspect.isclass(vars(keras.callbacks)[name])]
METHODS = ("compile", "fit", "evaluate", "predict")


class Row(NamedTuple):
    """An argument of a callback or method; a callback as a whole has an empty argument."""

    owner: str
    argument: str
    default: str
    state: str
    why: str


@cache
def table(number, columns=5):
    """Returns the rows of a table of the page, without its head, cells without backticks."""
    found = re.findall(r"(?:^\|.*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[number]
    rows = [[cell.strip() for cell in line.split(" | ")] for line in found.splitlines()[2:]]
    rows = [
        [row[0].removeprefix("| "), *row[1:-1], row[-1].removesuffix("|").strip()] for row in rows
    ]
    assert {len(row) for row in rows} == {columns}
    return rows


def arguments(number):
    return [
        Row(owner.strip("`"), argument.strip("`*"), default.strip("`"), state, why)
        for owner, argument, default, state, why in table(number)
    ]


def signatures(owner):
    """Returns the parameters of one thing, by name, in Keras and in callbax."""
    rooms = (keras, callbax)
    found = [
        getattr(room.Model, owner) if owner in METHODS else getattr(room.callbacks, owner)
        for room in rooms
    ]
    return [
        {name: of for name, of in inspect.signature(it).parameters.items() if name != "self"}
        for it in found
    ]


ROWS = arguments(0) + arguments(1)
OF_ARGUMENTS = [row for row in ROWS if row.argument]
OWNERS = [*CLASSES, *METHODS]


def shown(row):
    return f"{row.owner}({row.argument})"


@pytest.mark.parametrize("owner", OWNERS)
def test_every_argument_has_one_row(owner):
    theirs, ours = signatures(owner)
    new = [name for name in ours if name not in theirs]
    whole = [""] if owner in CLASSES else []
    assert [row.argument for row in ROWS if row.owner == owner] == [*whole, *theirs, *new]


def test_there_are_no_other_rows():
    assert list(dict.fromkeys(row.owner for row in ROWS)) == OWNERS


@pytest.mark.parametrize("row", ROWS, ids=shown)
def test_its_state_is_one_of_four_and_gives_a_reason(row):
    assert row.state in STATES
    assert bool(row.why) == (row.state != "same"), "say how or why, unless it is the same"


def in_name_only(row):
    """Says whether callbax documents an argument as one that does nothing."""
    room = callbax.Model if row.owner in METHODS else callbax.callbacks
    said = inspect.getdoc(getattr(room, row.owner))
    return re.search(rf"^ +{row.argument}: (Only|Not used)", said, re.MULTILINE) is not None


@pytest.mark.parametrize("row", OF_ARGUMENTS, ids=shown)
def test_the_signatures_agree(row):
    theirs, ours = (found.get(row.argument) for found in signatures(row.owner))
    if theirs is None:
        assert row.state == "better"
        assert row.why.startswith("new: ")
        assert f"default `{ours.default!r}`" in row.why
        assert ours.kind is ours.KEYWORD_ONLY, "where Keras has nothing, nothing goes by position"
        return
    if theirs.kind is not theirs.VAR_KEYWORD:
        default = "required" if theirs.default is theirs.empty else repr(theirs.default)
        assert row.default == default
    assert (row.state == "not there") == (ours is None or in_name_only(row))
    if row.state == "not there":
        return
    if row.state == "same":
        assert (ours.default, ours.kind) == (theirs.default, theirs.kind)
    else:
        assert ours.default == theirs.default or f"default `{ours.default!r}`" in row.why
        assert ours.kind == theirs.kind or "by keyword" in row.why


@pytest.mark.parametrize("owner", OWNERS)
def test_what_goes_by_position_goes_to_the_same_place(owner):
    theirs, ours = (
        [name for name, found in each.items() if found.kind is found.POSITIONAL_OR_KEYWORD]
        for each in signatures(owner)
    )
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_the_same_unless_it_says_that_it_differs(name):
    (row,) = (row for row in ROWS if (row.owner, row.argument) == (name, ""))
    differs = "Differs from Keras:" in inspect.getdoc(getattr(callbax.callbacks, name))
    assert (row.state != "same") == differs


def run(method, **given):
    model = callbax.Sequential([callbax.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    inputs = {"x": x} if method == "predict" else {"x": x, "y": x[:, :1]}
    getattr(model, method)(**{**inputs, "verbose": 0, **given})


@pytest.mark.parametrize(
    ("method", "argument", "value"),
    [
        (row.owner, row.argument, value)
        for row in arguments(1)
        for words, value in (
            ("anything but a count", -1),
            ("other values are refused", -1),
            ("shares outside", 1.5),
            ("wrong objects are refused", [object()]),
            ("as for `fit`", [object()]),
        )
        if words in row.why and row.argument != "x"
    ],
)
def test_what_it_says_is_refused_is_refused(method, argument, value):
    given = {argument: value}
    if argument == "validation_steps":
        given["validation_data"] = (np.ones((4, 2)), np.ones((4, 1)))
    with pytest.raises((TypeError, ValueError), match=rf"{argument}|hook"):
        run(method, **given)


@pytest.mark.parametrize("row", table(2), ids=lambda row: f"{row[0]} {row[1]}")
def test_every_result_is_that_of_a_test(row):
    package, callback, result, why, link = row
    assert result in RESULTS
    assert why or result == "works"
    path = PAGE.parent / re.search(r"\((.*)\)$", link)[1]
    name = re.match(r"`(?:[\w.]+\.)?(\w+)", callback)[1]
    assert re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")), f"{path} has no {name}"
    assert package.split()[0] in path.read_text(encoding="utf-8").splitlines()[0]


def test_every_callback_of_keras_has_a_result():
    tried = {re.match(r"`(\w+)", row[1])[1] for row in table(2) if row[0] == "Keras"}
    assert tried == set(CLASSES) - {"Callback"}


OWN = {
    entry.__name__: entry
    for registry in (layers, OPTIMIZERS)
    for entry in map(registry.lookup, registry)
    if entry.__module__.startswith("callbax.")
}


def test_every_layer_and_optimizer_of_callbax_has_one_row():
    rows = [row[0].strip("`") for row in table(3, columns=3)]
    assert rows == [
        *sorted(name for name in OWN if hasattr(callbax.layers, name)),
        *sorted(name for name in OWN if hasattr(callbax.optimizers, name)),
    ]


@pytest.mark.parametrize("row", table(3, columns=3), ids=lambda row: row[0].strip("`"))
def test_a_layer_or_optimizer_is_the_same_unless_it_says_that_it_differs(row):
    name, state, why = row
    assert state in STATES
    assert bool(why) == (state != "same")
    doc = inspect.getdoc(OWN[name.strip("`")])
    assert (state != "same") == ("Differs from Keras:" in doc)
