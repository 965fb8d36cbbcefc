"""Which dtypes files hold, and how HDF5 keeps those that it does not know."""

from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import explain

_PLAIN = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
"""Kind of NumPy's dtypes of numbers -> bytes that one takes at most, on every machine."""
_EXTENDED = {
    dtype.name: dtype
    for dtype in (
        np.dtype(getattr(ml_dtypes, name))
        for name in dir(ml_dtypes)
        if name.startswith(("bfloat", "float", "int", "uint")) and name not in ("finfo", "iinfo")
    )
}
"""Name -> dtype of JAX that NumPy does not have, such as bfloat16, float8_e4m3fn and int4."""


def is_number(dtype: np.dtype[Any]) -> bool:
    """Returns whether files hold arrays of a dtype."""
    plain = dtype.itemsize <= _PLAIN.get(dtype.kind, 0)
    return dtype.name in _EXTENDED or (plain and dtype.names is None)


def need_number(key: str, dtype: np.dtype[Any]) -> None:
    """Raises unless files hold arrays of a dtype, so that all that is written can be read.

    Args:
        key: The array's key.
        dtype: Its dtype.

    Raises:
        ValueError: They do not.
    """
    if not is_number(dtype):
        raise ValueError(
            explain(
                f'save_weights(array "{key}")',
                expected="numbers of at most 64 bits, complex ones of 128",
                received=f"dtype {dtype}",
                action="Keep text and other objects out of the model's variables.",
            )
        )


def mark_of(dtype: np.dtype[Any]) -> str | None:
    """Returns the name by which an HDF5 file must mention a dtype; None if HDF5 knows it."""
    return dtype.name if dtype.name in _EXTENDED else None


def as_bytes(array: NDArray[Any]) -> NDArray[Any]:
    """Returns an array of a dtype that HDF5 does not know as one of opaque bytes."""
    opaque: NDArray[Any] = array.view(f"V{array.dtype.itemsize}")
    return opaque


def marked(array: NDArray[Any], mark: str | None) -> NDArray[Any]:
    """Returns what `as_bytes` was given.

    Args:
        array: What it returned, or an array of a dtype that HDF5 knows.
        mark: What `mark_of` returned.

    Raises:
        ValueError: The mark is not one that is written, or does not fit the array.
    """
    if mark is None:
        return array
    dtype = _EXTENDED.get(mark)
    if dtype is None or array.dtype != np.dtype(f"V{dtype.itemsize}"):
        raise ValueError(f'{array.dtype} is marked as "{mark}"')
    return array.view(dtype)
