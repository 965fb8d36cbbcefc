"""Arrays as data: conversion, checks, the validation split."""

import math
from collections.abc import Mapping
from numbers import Number
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree


def is_array(value: Any) -> bool:
    """Returns whether a value is one array: NumPy, JAX, a frame, a tensor, or nested numbers."""
    if hasattr(value, "__array__") or hasattr(value, "to_numpy"):
        return True
    if isinstance(value, list | tuple) and value:
        return all(isinstance(v, Number) for v in value) or all(
            isinstance(v, list) and is_array(v) and not hasattr(v[0], "__array__") for v in value
        )
    return False


def is_structure(value: Any) -> bool:
    """Returns whether a value is an array, or dicts, lists and tuples of arrays."""
    if value is None or is_array(value):
        return True
    if isinstance(value, Mapping):
        return bool(value) and all(is_structure(v) for v in value.values())
    if isinstance(value, list | tuple):
        return bool(value) and all(is_structure(v) and not isinstance(v, tuple) for v in value)
    return False


def to_arrays(value: Any, where: str) -> PyTree:
    """Turns what users pass into NumPy (or JAX) arrays, floats as float32.

    Args:
        value: An array, or dicts, lists and tuples of arrays; a list of one array is that array.
        where: The public call, for errors.

    Returns:
        The same structure; 64-bit floats become float32 as in Keras.

    Raises:
        ValueError: An array has no first dimension or holds no numbers.
    """
    if value is None:
        return None
    if is_array(value):
        return to_array(value, where)
    if isinstance(value, Mapping):
        return {name: to_arrays(part, where) for name, part in value.items()}
    parts = [to_arrays(part, where) for part in value]
    if len(parts) == 1:
        return parts[0]
    return parts if isinstance(value, list) else tuple(parts)


def to_array(value: Any, where: str) -> Any:
    """Turns one array-like value into a NumPy array, or leaves a JAX array where it is."""
    if hasattr(value, "to_numpy"):  # pandas: a series becomes one column, as in Keras
        series = getattr(value, "ndim", 2) == 1
        value = value.to_numpy()[:, None] if series else value.to_numpy()
    array = value if isinstance(value, jax.Array) else np.asarray(value)
    numeric = array.dtype.kind in "biufc" or jnp.issubdtype(array.dtype, np.number)
    if array.ndim == 0 or not numeric:
        raise ValueError(
            explain(
                where,
                expected="arrays of numbers with one row per sample",
                received=describe(array),
                action="Convert the column or give the array a first dimension of samples.",
            )
        )
    return array.astype(np.float32) if array.dtype == np.float64 else array


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
        f"{name}: {'/'.join(map(str, found))}" for name, found in lengths.items() if found
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


def split_rows(
    where: str, parts: tuple[PyTree, ...], fraction: float
) -> tuple[tuple[PyTree, ...], tuple[PyTree, ...]]:
    """Cuts the last fraction of the samples off, before any shuffling.

    Returns:
        The parts to train on and the parts to validate on.

    Raises:
        ValueError: One side would be empty.
    """
    rows = count_rows(where, x=parts)
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
