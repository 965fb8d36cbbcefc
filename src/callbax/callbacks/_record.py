"""A file with a model's weights and, beside them, everything else that a run depends on."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from callbax._core._errors import describe, explain
from callbax.saving._atomic import replacing
from callbax.saving._hdf5 import Hdf5File, to_hdf5
from callbax.saving._reading import reading
from callbax.saving.weights import Match, Weighted

_GROUP = "callbax"
"""Where the file keeps what is not in Keras's layout; who reads only weights passes over it."""


def write_record(
    path: str, model: Weighted, record: dict[str, Any], *, where: str, previous: str | None = None
) -> None:
    """Writes a model's weights and a record into one file, in one step.

    Args:
        path: Where to; the weights in it can be loaded like any others.
        model: Whose weights, and optimizer.
        record: Nested dicts, lists and tuples of numbers, strings, None and arrays.
        where: The public call to name in an error, without backticks.
        previous: Where to move the file that was there, once the new one is written.

    Raises:
        TypeError: The record holds something else.
        OSError: The file cannot be written; an older one is as it was.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_encode(record, arrays, "state"))
    contents = model.file_contents()
    weights = {
        **contents.weights,
        f"{_GROUP}/text": np.frombuffer(text.encode(), np.uint8),
        **{f"{_GROUP}/arrays/{number}": array for number, array in enumerate(arrays)},
    }
    with replacing(path, where=where) as temporary:
        temporary.write_bytes(to_hdf5(replace(contents, weights=weights)))
        if previous is not None and os.path.exists(path):
            os.replace(path, previous)


def read_record(path: str, model: Weighted, *, where: str) -> dict[str, Any]:
    """Puts the weights of a file that `write_record` wrote into a model; returns the record.

    Args:
        path: The file.
        model: What takes the weights; unchanged where an error is raised.
        where: The public call to name in an error, without backticks.

    Raises:
        OSError: The file is missing, damaged or has no record.
        ValueError: The file is that of another model.
    """
    contents = model.file_contents()
    with reading(path, where=where, expected="a backup") as file:
        stored = Hdf5File(file)
        keys = [key for key in stored.shapes if key.startswith(f"{_GROUP}/")]
        if not keys:
            raise ValueError("it holds weights, but no state of a run")
        match = Match(contents, stored, path, where, skip_mismatch=False)
        arrays = stored.read(keys if match.error else [*keys, *match.keys])
        text = arrays[f"{_GROUP}/text"].tobytes().decode()
        record: dict[str, Any] = _decode(json.loads(text), arrays)
    match.apply(model, arrays)
    return record


def _encode(value: Any, arrays: list[np.ndarray], path: str) -> Any:
    """Returns what JSON can hold; arrays are moved to a list, other kinds are marked."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        items = [
            [_encode(key, arrays, path), _encode(item, arrays, f"{path}[{key!r}]")]
            for key, item in value.items()
        ]
        return {"dict": items}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(v, arrays, f"{path}[{i}]") for i, v in enumerate(value)]}
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        array = np.asarray(value)
        # Kind V without fields is bfloat16, which NumPy does not know by itself.
        if array.dtype.kind in "biufc" or array.dtype.name == "bfloat16":
            arrays.append(array)
            return {"scalar" if isinstance(value, np.generic) else "array": len(arrays) - 1}
    raise TypeError(
        explain(
            path,
            expected="dicts, lists, tuples, numbers, strings, None and arrays of numbers",
            received=describe(value),
            action="Let `state_dict` of the callback return only these.",
        )
    )


def _decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ("array", "scalar"):
        array = arrays[f"{_GROUP}/arrays/{content}"]
        return array[()] if kind == "scalar" else array
    if kind == "dict":
        return {_decode(key, arrays): _decode(item, arrays) for key, item in content}
    items: Iterator[Any] = (_decode(item, arrays) for item in content)
    return tuple(items) if kind == "tuple" else list(items)
