"""Writes docs/names.md: where each of Keras's public names is, under ``callbax.keras``."""

import inspect
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

from callbax import keras as ours
from callbax import testing

PAGE = Path(__file__).parent / "names.md"
ROOMS = (
    "activations",
    "backend",
    "callbacks",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "saving",
    "utils",
    "wrappers",
)
HEAD = """# Names

Where each of Keras's public names is, under `callbax.keras`: **native** names are callbax's own,
and need no Keras; the others are Keras's, found there if it is installed. This page is written by
`python docs/names.py`, and a test keeps it up to date.

"""


def page() -> str:
    """Returns the text of the page."""
    text = HEAD
    for room in ROOMS:
        theirs, native = getattr(keras, room), set(getattr(ours, room).__all__)
        names = sorted(n for n in dir(theirs) if n[0] != "_" and not _is_private(theirs, n))
        both = [name for name in names if name in native]
        rest = [name for name in names if name not in native]
        text += f"## {room}\n\nNative: {_listed(both)}.\n\nThrough Keras: {_listed(rest)}.\n\n"
    whole = [n for n in sorted(dir(keras)) if n[0] != "_" and inspect.ismodule(getattr(keras, n))]
    others = [name for name in whole if name not in ROOMS and name != "src"]
    text += f"## Whole rooms\n\nThrough Keras: {_listed(others)}.\n\n"
    return text + f"## testing\n\nNot in Keras, as `callbax.testing`: {_listed(testing.__all__)}.\n"


def _is_private(room: object, name: str) -> bool:
    return inspect.ismodule(getattr(room, name)) and name == "legacy"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
