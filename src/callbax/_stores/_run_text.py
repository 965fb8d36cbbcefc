"""A run but for its weights, as text and a list of arrays, which every format can hold."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._stores._encoding import decode, encode
from callbax._stores._protocol import RunState
from callbax.saving._contents import Contents

FORMAT = 1
"""Version of the text; one of a later version is refused."""

_NAMES = {"callbacks": "state"}
"""Fields of a run that files know by another name: states are what users call ``state_dict``."""


def to_text(run: RunState) -> tuple[NDArray[np.uint8], list[NDArray[Any]]]:
    """Returns the bytes of a text, and the arrays that it speaks of by number.

    Raises:
        TypeError: A callback's state holds what no file can.
    """
    arrays: list[NDArray[Any]] = []
    text: dict[str, Any] = {"format": FORMAT}
    for name in _fields():
        stored = _NAMES.get(name, name)
        text[stored] = encode(getattr(run, name), arrays, stored)
    return np.frombuffer(json.dumps(text).encode(), np.uint8), arrays


def from_text(
    content: NDArray[np.uint8], arrays: Sequence[NDArray[Any]], contents: Contents
) -> RunState:
    """Returns the run that a text tells of.

    Args:
        content: Its bytes.
        arrays: The arrays that it speaks of.
        contents: The weights and the optimizer.

    Raises:
        ValueError: It is of a later version.
    """
    text = json.loads(content.tobytes().decode())
    if (version := text.pop("format", 0)) > FORMAT:
        raise ValueError(f"it was written by a later callbax, in version {version} of the format")
    # A file of an earlier version lacks what came later, and has what is no longer needed.
    known = {name: _NAMES.get(name, name) for name in _fields()}
    kept = list(arrays)
    values = {name: decode(text[key], kept) for name, key in known.items() if key in text}
    return RunState(contents=contents, **values)


def _fields() -> list[str]:
    return [field.name for field in fields(RunState) if field.name != "contents"]
