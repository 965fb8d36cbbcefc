"""A run in one HDF5 file that Keras reads as a weights file."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import describe, explain
from callbax._core._warnings import warn
from callbax._stores._protocol import RunState
from callbax.saving._atomic import replacing, temporaries
from callbax.saving._contents import OPTIMIZER, Contents
from callbax.saving._hdf5 import Hdf5File, to_hdf5
from callbax.saving._opening import reading
from callbax.saving._paths import check_directory, remove_files, saving

WEIGHTS = "latest.weights.h5"
METADATA = "training_metadata.json"
_PREVIOUS = ".bkp"
_GROUP = "callbax"
"""Where the file keeps what is not in Keras's layout; who reads only weights passes over it."""


class Hdf5Store:
    """Keeps a run in a directory, in the files of Keras's ``BackupAndRestore``.

    ``latest.weights.h5`` holds the weights and the optimizer as Keras reads them, and beside them
    the rest of the run; ``training_metadata.json`` says where the run is, for people.

    Args:
        directory: The directory, used for nothing else.
        keep_previous: Whether to keep the state before the last too, for when the last cannot be
            read.
        owner: Class name of the callback that the store belongs to, for messages.
    """

    def __init__(self, directory: str, *, keep_previous: bool, owner: str) -> None:
        self._directory, self._keep_previous, self._owner = directory, keep_previous, owner
        self._where = f"{owner}({directory!r})"
        self._path = os.path.join(directory, WEIGHTS)
        self._metadata = os.path.join(directory, METADATA)

    def latest(self) -> RunState | None:
        check_directory(self._directory, where=self._where)
        previous = self._path + _PREVIOUS
        if not os.path.exists(self._path):
            # Killed between the two renames of `write`, if there is a previous one.
            return self._read(previous) if os.path.exists(previous) else None
        try:
            return self._read(self._path)
        except OSError as error:
            if not os.path.exists(previous):
                raise
            warn(
                f"{self._where}: the last backup cannot be read ({type(error).__name__}); "
                "continuing from the one before."
            )
            return self._read(previous)

    def write(self, run: RunState) -> None:
        os.makedirs(self._directory, exist_ok=True)
        with saving(self._path, owner=self._owner):
            image = to_hdf5(_to_contents(run))
            with replacing(self._path, where=self._where) as temporary:
                temporary.write_bytes(image)
                if self._keep_previous and os.path.exists(self._path):
                    os.replace(self._path, self._path + _PREVIOUS)
            if self._keep_previous and os.path.exists(self._metadata):
                os.replace(self._metadata, self._metadata + _PREVIOUS)
            with replacing(self._metadata, where=self._where) as temporary:
                temporary.write_text(json.dumps({"epoch": run.epoch, "batch": run.batch}))

    def clear(self) -> None:
        names = (WEIGHTS, METADATA, WEIGHTS + _PREVIOUS, METADATA + _PREVIOUS)
        left = (file.name for path in (self._path, self._metadata) for file in temporaries(path))
        remove_files(self._directory, *names, *left)

    def _read(self, path: str) -> RunState:
        with reading(path, where=self._where, expected="a backup") as file:
            stored = Hdf5File(file)
            if not any(key.startswith(f"{_GROUP}/") for key in stored.shapes):
                raise ValueError("it holds weights, but no state of a run")
            return _from_arrays(stored.read(stored.shapes))


def _to_contents(run: RunState) -> Contents:
    """Returns a run as what a weights file holds."""
    arrays: list[NDArray[Any]] = []
    fields = {
        "epoch": run.epoch,
        "batch": run.batch,
        "random": dict(run.random),
        "metrics": list(run.metrics),
        "row": None if run.row is None else list(run.row),
        "seed": run.seed,
        "pass_step": run.pass_step,
        "pass_done": run.pass_done,
        "passes": run.passes,
        "hyperparameters": dict(run.hyperparameters),
        "captured": dict(run.captured),
        "pass_length": run.pass_length,
        "batch_size": run.batch_size,
        "fit": run.fit,
        "begun": run.begun,
        "ema_swapped": run.ema_swapped,
        "state": dict(run.callbacks),
    }
    # "state" is what users know the callbacks' states by: ``state_dict``.
    text = json.dumps({name: encode(value, arrays, name) for name, value in fields.items()})
    own = {
        f"{_GROUP}/text": np.frombuffer(text.encode(), np.uint8),
        **{f"{_GROUP}/arrays/{number}": array for number, array in enumerate(arrays)},
    }
    return replace(run.contents, weights={**run.contents.weights, **own})


def _from_arrays(arrays: Mapping[str, NDArray[Any]]) -> RunState:
    """Returns the run that a file's arrays hold."""
    fields = json.loads(arrays[f"{_GROUP}/text"].tobytes().decode())
    count = sum(key.startswith(OPTIMIZER) for key in arrays)
    weights = {
        key: array for key, array in arrays.items() if not key.startswith((OPTIMIZER, f"{_GROUP}/"))
    }
    optimizer = [arrays[f"{OPTIMIZER}{number}"] for number in range(count)]
    kept = [arrays[f"{_GROUP}/arrays/{i}"] for i in range(_count(arrays))]
    fields = {name: decode(value, kept) for name, value in fields.items()}
    contents = Contents(weights, optimizer=optimizer or None)
    return RunState(contents=contents, callbacks=fields.pop("state"), **fields)


def _count(arrays: Mapping[str, NDArray[Any]]) -> int:
    return sum(key.startswith(f"{_GROUP}/arrays/") for key in arrays)


def encode(value: Any, arrays: list[NDArray[Any]], path: str) -> Any:
    """Returns what JSON can hold; arrays are moved to a list, other kinds are marked.

    Args:
        value: Nested dicts, lists and tuples of numbers, strings, None and arrays.
        arrays: Where to put the arrays.
        path: What the value is, for messages.

    Raises:
        TypeError: It holds something else.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        items = [
            [encode(key, arrays, path), encode(item, arrays, f"{path}[{key!r}]")]
            for key, item in value.items()
        ]
        return {"dict": items}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode(v, arrays, f"{path}[{i}]") for i, v in enumerate(value)]}
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


def decode(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Returns what `encode` was given.

    Args:
        value: What it returned.
        arrays: Where it put the arrays.
    """
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ("array", "scalar"):
        return arrays[content][()] if kind == "scalar" else arrays[content]
    if kind == "dict":
        return {decode(key, arrays): decode(item, arrays) for key, item in content}
    items: Iterator[Any] = (decode(item, arrays) for item in content)
    return tuple(items) if kind == "tuple" else list(items)
