"""Reads ``.npz`` files, those with lists in them too."""

import io
import math
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._unpacking import DAMAGES, zip_member
from callbax.datasets._files import damaged
from callbax.datasets._pickled import unpickle

# Partly without types in NumPy 2.0.
_FORMAT: Any = np.lib.format
_ERRORS = (*DAMAGES, TypeError)


def read_npz(file: Path, names: Sequence[str], where: str) -> list[NDArray[Any]]:
    """Reads arrays of an ``.npz`` file; arrays of lists without running what is in it.

    Args:
        file: What to read.
        names: The arrays that it must hold, of one length in pairs of inputs and labels.
        where: The public call to name in an error, without backticks.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    expected = f"an .npz file of {', '.join(names)}"
    try:
        with zipfile.ZipFile(file) as archive:
            arrays = [_array_or_lists(archive, name) for name in names]
    except KeyError as error:
        raise damaged(where, file, expected, f"a file without it ({error.args[0]})") from error
    except (*_ERRORS, pickle.UnpicklingError) as error:
        received = f"something else ({type(error).__name__}: {error})"
        raise damaged(where, file, expected, received) from error
    for x, y in zip(arrays[::2], arrays[1::2], strict=True):
        if not x.ndim or len(x) != len(y):
            shapes = f"arrays of shapes {x.shape} and {y.shape}"
            raise damaged(where, file, f"{expected}, as many inputs as labels", shapes)
    return arrays


def npz_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Returns an array of numbers in an ``.npz`` file, of no more bytes than are in it.

    Args:
        archive: The file.
        name: The array's name.

    Raises:
        KeyError: There is none of that name.
        Exception: It is damaged: one of `DAMAGES`, or ``TypeError``.
    """
    if f"{name}.npy" not in archive.namelist():
        raise KeyError(name)
    content = zip_member(archive, f"{name}.npy")
    shape, dtype = _header(io.BytesIO(content))
    if math.prod(shape) * dtype.itemsize > len(content) and not dtype.hasobject:
        raise ValueError(f"{name} of shape {shape} has {len(content)} bytes")
    return np.asarray(_FORMAT.read_array(io.BytesIO(content), allow_pickle=False))


def _array_or_lists(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    stream = io.BytesIO(zip_member(archive, f"{name}.npy"))
    _, dtype = _header(stream)
    return np.asarray(unpickle(stream)) if dtype.hasobject else npz_array(archive, name)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    first = _FORMAT.read_magic(stream) == (1, 0)
    read_header = getattr(_FORMAT, f"read_array_header_{1 if first else 2}_0")
    shape, _, dtype = read_header(stream)
    return shape, dtype
