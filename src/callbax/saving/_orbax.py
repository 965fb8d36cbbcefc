"""Checkpoints in Orbax's format; needs `orbax-checkpoint`."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._orbax import load_orbax
from callbax.saving._atomic import PathLike

PARTIAL = ".orbax-checkpoint-tmp"
"""In the names of directories that Orbax has not finished."""
PYTREE = "pytree"
"""Directory of a checkpoint that holds the arrays."""
_ERROR_CODE = re.compile(r"os_error_code='(\d+)'")
"""How TensorStore, which writes for Orbax, says in a ValueError what the system refused."""
_KINDS = ("trainable_variables", "non_trainable_variables")


class OrbaxDirectory:
    """The weights of one checkpoint.

    Args:
        path: The checkpoint, or a directory of several, of which the last is read.
        paths: Key of a weight in files -> its path in the model, ``sequential/dense/kernel``.

    Raises:
        Exception: It is damaged or no checkpoint; Orbax has many ways to say so.
    """

    keeps_optimizer = False

    def __init__(self, path: PathLike, paths: Mapping[str, str]) -> None:
        keys = {_inside(name): key for key, name in paths.items()}
        found = dict(_flat(_load(Path(path))))
        self._arrays = {keys.get(_inside(name), name): array for name, array in found.items()}
        self.shapes = {key: tuple(array.shape) for key, array in self._arrays.items()}

    def read(self, keys: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Returns the arrays under these keys."""
        return {key: self._arrays[key] for key in keys}


@contextmanager
def writing_orbax(directory: str) -> Iterator[None]:
    """Removes what Orbax has half written if it fails, and lets an error of the system be one.

    Raises:
        OSError: The system refused something.
    """
    try:
        yield
    except Exception as error:
        remove_partial(directory)
        code = _ERROR_CODE.search(str(error))
        if isinstance(error, OSError) or code is None:
            raise
        number = int(code.group(1))
        raise OSError(number, os.strerror(number)) from error


def remove_partial(directory: str) -> None:
    """Removes what Orbax, or a process that was killed meanwhile, has half written."""
    for path in Path(directory).glob(f"*{PARTIAL}*"):
        shutil.rmtree(path, ignore_errors=True)


def _load(path: Path) -> Mapping[str, Any]:
    orbax = load_orbax("load_weights(filepath)")
    path = path.absolute()
    if not (path / PYTREE).is_dir():
        steps = [int(entry.name) for entry in path.iterdir() if entry.name.isdigit()]
        if not steps:
            raise ValueError("there is no checkpoint in it")
        path /= str(max(steps))
    tree: Mapping[str, Any] = orbax.load_checkpointables(path)[PYTREE]
    return {kind: tree.get(kind) or {} for kind in _KINDS}


def _flat(tree: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Returns path -> array for all variables, trainable or not."""
    for kind in _KINDS:
        waiting = [("", tree[kind])]
        while waiting:
            prefix, item = waiting.pop()
            if isinstance(item, Mapping):
                waiting += [(f"{prefix}/{name}", inner) for name, inner in item.items()]
            else:
                yield prefix[1:], np.asarray(item)


def _inside(name: str) -> str:
    """Returns a path without the model's own name, which is another each time it is made."""
    return name.partition("/")[2] or name
