"""What counts as numbers, and how it is refused by name if it does not."""

from collections.abc import Sequence
from numbers import Number
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import explain
from callbax._data._placement import canonical

OF_TEXT = (
    "Convert the column to numbers: `.astype('float32')` if it holds numbers as text; for "
    "names of classes, `names, y = np.unique(y, return_inverse=True)`."
)
"""What to do about text in place of numbers."""
OTHERWISE = "Convert the column to numbers, or leave it out."


def is_numeric(dtype: np.dtype[Any]) -> bool:
    """Returns whether a dtype is one of numbers, those that NumPy does not know included."""
    return dtype.kind in "biufc" or (dtype.kind == "V" and bool(jnp.issubdtype(dtype, np.number)))


def is_narrowed(dtype: np.dtype[Any]) -> bool:
    """Returns whether a dtype is one of integers that have fewer bits on the device."""
    return dtype.kind in "iu" and canonical(dtype).itemsize < dtype.itemsize


def fits(least: Any, most: Any, dtype: np.dtype[Any]) -> bool:
    """Returns whether integers keep their value on the device.

    Args:
        least: The smallest of them.
        most: The largest.
        dtype: The dtype that they have on the host.
    """
    bounds = np.iinfo(canonical(dtype))
    return bool(bounds.min <= least and most <= bounds.max)


def fitting(array: Any) -> Any:
    """Returns integers beyond the range that they have on the device as float32."""
    if is_narrowed(array.dtype) and array.size:
        return array if fits(array.min(), array.max(), array.dtype) else array.astype(np.float32)
    return array


def unboxed(array: NDArray[Any], columns: Sequence[Any], where: str) -> NDArray[Any]:
    """Returns an array of Python's numbers as float32.

    Args:
        array: The array, of objects.
        columns: Names of its columns, as far as they have any.
        where: The public call and its argument, for errors.

    Raises:
        ValueError: It holds something else, such as text, which is not read as numbers.
    """
    for position, entry in enumerate(array.flat):
        if not isinstance(entry, Number | np.bool_) or isinstance(entry, complex):
            column = position % array.shape[-1] if array.ndim > 1 else 0
            name = columns[column] if column < len(columns) else column
            raise no_column(where, name, type(entry).__name__)
    return array.astype(np.float32)


def no_column(where: str, name: Any, kind: str) -> ValueError:
    """Returns the error for a column that holds no numbers, by its name and kind."""
    return no_numbers(
        where,
        f"the column {name!r} of {kind}",
        f"{OF_TEXT} Or leave it out." if kind == "str" else OTHERWISE,
    )


def no_numbers(where: str, received: str, action: str) -> ValueError:
    """Returns the error for what is not an array of numbers."""
    return ValueError(
        explain(
            where,
            expected="arrays of numbers with one row per sample",
            received=received,
            action=action,
        )
    )
