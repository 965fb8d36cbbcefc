"""Arrays as data: conversion, checks, the validation split."""

import math
from array import ArrayType
from collections.abc import Mapping
from numbers import Number
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import describe, explain, shortened
from callbax._core._types import PyTree
from callbax._data._kinds import kind_of
from callbax._data._numbers import OF_TEXT, fitting, is_numeric, no_numbers, unboxed
from callbax._data._rows import Rows, mapped


def is_array(value: Any) -> bool:
    """Returns whether a value is one array: NumPy, JAX, a frame, a tensor, or nested numbers."""
    kind = kind_of(value)
    if kind is not None:
        return kind.is_array
    if isinstance(value, range | ArrayType | memoryview):
        return True
    if hasattr(value, "__array__") or hasattr(value, "to_numpy"):
        return True
    if isinstance(value, list | tuple) and value:
        return all(isinstance(v, Number | np.bool_) for v in value) or all(
            isinstance(v, list) and is_array(v) and not hasattr(v[0], "__array__") for v in value
        )
    return False


def is_structure(value: Any) -> bool:
    """Returns whether a value is an array, or dicts, lists and tuples of arrays."""
    if value is None or is_array(value) or kind_of(value) is not None:
        return True
    if isinstance(value, Mapping):
        return bool(value) and all(is_structure(v) for v in value.values())
    if isinstance(value, list | tuple):
        return bool(value) and all(is_structure(v) and not isinstance(v, tuple) for v in value)
    return False


PARTS = "x", "y", "sample_weight"
"""Of what a batch consists, by the names of the arguments."""


def argument(where: str, name: str) -> str:
    """Returns an argument as errors name it: ``fit(y=...)``.

    Args:
        where: The public call, perhaps with the argument that holds this one.
        name: The argument, or the part of the one that holds it.
    """
    return f"{where}, {name}" if "(" in where else f"{where}({name}=...)"


def to_arrays(value: Any, where: str) -> PyTree:
    """Turns what users pass into NumPy (or JAX) arrays of numbers.

    Args:
        value: An array, or dicts, lists and tuples of arrays; a list of one array is that array.
        where: The public call and its argument, for errors.

    Returns:
        The same structure. Arrays that hold numbers already are as they are, not copied; they get
        the dtype of the device where they are placed. What must not be in memory as a whole is
        `Rows`.

    Raises:
        ValueError: Something is not an array, has no first dimension or holds no numbers.
    """
    if value is None:
        return None
    if is_array(value):
        return to_array(value, where)
    kind = kind_of(value)
    if kind is not None:
        return kind.read(value, where)
    if isinstance(value, Mapping):
        return {name: to_arrays(part, where) for name, part in value.items()}
    if not isinstance(value, list | tuple) or not value:
        action = OF_TEXT if isinstance(value, str) else "Convert it to a NumPy array."
        raise no_numbers(where, describe(value), action)
    parts = [to_arrays(part, where) for part in value]
    if len(parts) == 1:
        return parts[0]
    return parts if isinstance(value, list) else tuple(parts)


def to_array(value: Any, where: str) -> Any:
    """Turns one array-like value into a NumPy array, or leaves a JAX array where it is.

    What is sparse or lies in a large file becomes `Rows`, which are read batch by batch.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise no_numbers(
            where,
            "a masked array",
            "Call `.filled(value)`, or leave masked samples out or give them a weight of 0.",
        )
    array: Any = value if isinstance(value, jax.Array) else _host_array(value, where)
    if array.dtype.kind == "O" and isinstance(array, np.ndarray) and array.size:
        array = unboxed(array, (), where)
    if array.ndim == 0 or not is_numeric(array.dtype):
        raise no_numbers(
            where,
            describe(array if array.ndim else value),
            _instead_of(array),
        )
    return array if isinstance(array, Rows) else fitting(array)


def _instead_of(array: Any) -> str:
    """Returns what to do about an array that holds no numbers, or no samples."""
    if array.ndim == 0:
        return "Give the array a first dimension of samples, even for a single one: x[None]."
    if array.dtype.kind in "US":
        return OF_TEXT
    return "Convert the column to numbers."


def _host_array(value: Any, where: str) -> Any:
    """Returns a NumPy array, or `Rows`, of what is not an array of JAX."""
    kind = kind_of(value)
    # Lists of different lengths, and tensors that NumPy cannot read. What a kind does not take
    # itself is a ValueError that says so.
    failures = (TypeError, RuntimeError) if kind else (TypeError, RuntimeError, ValueError)
    try:
        array = kind.read(value, where) if kind else _as_numpy(value)
    except failures as error:
        action = f"Convert it to a NumPy array; that failed: {error}"
        raise no_numbers(where, describe(value), action) from error
    return mapped(array)


def _as_numpy(value: Any) -> NDArray[Any]:
    if not hasattr(value, "to_numpy"):
        return np.asarray(value)
    array = np.asarray(value.to_numpy())
    return array[:, None] if array.ndim == 1 else array


def count_rows(where: str, **parts: PyTree) -> int:
    """Returns the number of samples, the same in every array.

    Args:
        where: The public call, for errors.
        parts: Argument name -> structure of arrays.

    Raises:
        ValueError: The arrays differ in length or are empty.
    """
    lengths = {
        name: [leaf.shape[0] for leaf in jax.tree.leaves(part)] for name, part in parts.items()
    }
    distinct = {length for found in lengths.values() for length in found}
    shown = ", ".join(
        f"{name}: {shortened('/'.join(map(str, found)), 60)}"
        for name, found in lengths.items()
        if found
    )
    samples = next((name for name, part in parts.items() if _are_samples(part, distinct)), None)
    if samples is not None and len(distinct) > 1:
        raise ValueError(
            explain(
                argument(where, samples),
                expected="one array with a row per sample, or a list with an array for each input",
                received=f"a list of {len(parts[samples])} arrays, the first of them "
                f"{describe(parts[samples][0])}",
                action=f"If each of them is a sample, make one array of them: np.stack({samples}).",
            )
        )
    if len(distinct) > 1:
        raise ValueError(
            explain(
                where,
                expected="the same number of samples in all arrays",
                received=shown,
                action="Data cardinality is ambiguous: give every array one row per sample.",
            )
        )
    if not distinct or 0 in distinct:
        raise ValueError(
            explain(
                where,
                expected="at least one sample",
                received=shown or "no arrays",
                action="Check how the data was loaded or split.",
            )
        )
    return int(distinct.pop())


def _are_samples(part: PyTree, lengths: set[int]) -> bool:
    """Returns whether a structure looks like samples in a list, rather than like inputs."""
    return (
        isinstance(part, list | tuple)
        and (len(part) in lengths or len(part) > _MANY_INPUTS)
        and all(hasattr(item, "shape") and item.shape == part[0].shape for item in part)
    )


_MANY_INPUTS = 16
"""More arrays in a list than this are taken for samples when their lengths do not fit."""


def split_rows(
    where: str, parts: tuple[PyTree, ...], fraction: float
) -> tuple[tuple[PyTree, ...], tuple[PyTree, ...]]:
    """Cuts the last fraction of the samples off, before any shuffling.

    Returns:
        The parts to train on and the parts to validate on.

    Raises:
        ValueError: One side would be empty.
    """
    rows = count_rows(where, **dict(zip(PARTS, parts, strict=True)))
    cut = math.floor(rows * (1.0 - fraction))
    if cut in (0, rows):
        raise ValueError(
            explain(
                f"{where}(validation_split={fraction})",
                expected="at least one sample on either side of the split",
                received=f"{rows} samples",
                action="Use more data, another fraction, or `validation_data`.",
            )
        )
    head = jax.tree.map(lambda a: a[:cut], parts)
    return head, jax.tree.map(lambda a: a[cut:], parts)
