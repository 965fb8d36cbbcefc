"""A run as one HDF5 file that Keras reads as a weights file."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from callbax._stores._protocol import RunState
from callbax._stores._run_text import from_text, to_text
from callbax.saving._atomic import PathLike, replacing
from callbax.saving._contents import OPTIMIZER, Contents
from callbax.saving._hdf5 import Hdf5File, write_hdf5
from callbax.saving._opening import reading

_GROUP = "callbax"
"""Where the file keeps what is not in Keras's layout; who reads only weights passes over it."""


class Hdf5Format:
    """A state in one file, which Keras reads as a weights file and which is read again."""

    suffix = ".weights.h5"
    divided = False

    def begin(self, path: str, run: RunState, *, where: str, leads: bool) -> Callable[[], None]:
        contents = to_contents(run)
        return lambda: write_run(path, contents, where=where)

    def read(self, path: str, *, where: str, like: Contents | None) -> RunState:
        return read_run(path, where=where)

    def remove(self, path: str) -> None:
        if os.path.isfile(path):
            os.remove(path)


def to_contents(run: RunState) -> Contents:
    """Returns a run as what a weights file holds; nothing in it changes any more.

    Raises:
        TypeError: A callback's state holds what no file can.
    """
    text, arrays = to_text(run)
    own = {
        f"{_GROUP}/text": text,
        **{f"{_GROUP}/arrays/{number}": array for number, array in enumerate(arrays)},
    }
    return replace(run.contents, weights={**run.contents.weights, **own})


def write_run(
    path: PathLike, contents: Contents, *, where: str, previous: PathLike | None = None
) -> None:
    """Writes a run that `to_contents` prepared, whole or not at all, and reads it again.

    Args:
        path: The file.
        contents: The run.
        where: The public call to name in an error, without backticks.
        previous: Where to keep the file that was there, once the new one is known to be whole.

    Raises:
        OSError: It cannot be written, or was not written as it should be; the file that was there
            is as it was.
    """
    with replacing(path, where=where) as temporary:
        with open(temporary, "w+b") as file:
            write_hdf5(contents, file)
        _verify(temporary, where)
        if previous is not None:
            os.replace(path, previous)


def read_run(path: PathLike, *, where: str) -> RunState:
    """Reads a run.

    Raises:
        OSError: It is damaged, cut short, of a later version or of another kind.
    """
    with reading(path, where=where, expected="a recorded run") as file:
        stored = Hdf5File(file)
        if not any(key.startswith(f"{_GROUP}/") for key in stored.shapes):
            raise ValueError("it holds weights, but no state of a run")
        return _from_arrays(stored.read(stored.shapes))


def _verify(path: PathLike, where: str) -> None:
    """Reads what was written, array by array, to hold no second copy."""
    with reading(path, where=where, expected="a recorded run") as file:
        stored = Hdf5File(file)
        for key in stored.shapes:
            stored.read([key])


def _from_arrays(arrays: Mapping[str, NDArray[Any]]) -> RunState:
    """Returns the run that a file's arrays hold."""
    count = sum(key.startswith(OPTIMIZER) for key in arrays)
    weights = {
        key: array for key, array in arrays.items() if not key.startswith((OPTIMIZER, f"{_GROUP}/"))
    }
    optimizer = [arrays[f"{OPTIMIZER}{number}"] for number in range(count)]
    own = sum(key.startswith(f"{_GROUP}/arrays/") for key in arrays)
    kept = [arrays[f"{_GROUP}/arrays/{number}"] for number in range(own)]
    contents = Contents(weights, optimizer=optimizer or None)
    return from_text(arrays[f"{_GROUP}/text"], kept, contents)
