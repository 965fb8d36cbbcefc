"""Kinds of numbers."""

import builtins
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from callbax._core._types import Array
from callbax._tf._convert import TensorLike, kind, to_array

__all__ = ["bfloat16", "bool", "cast", "float16", "float32", "float64", "int8", "int16", "int32"]
__all__ += ["int64", "uint8", "uint16", "uint32", "uint64"]

DType = np.dtype[Any]

bool: DType = jnp.dtype(builtins.bool)
bfloat16: DType = jnp.dtype("bfloat16")
float16: DType = jnp.dtype("float16")
float32: DType = jnp.dtype("float32")
float64: DType = jnp.dtype("float64")
int8: DType = jnp.dtype("int8")
int16: DType = jnp.dtype("int16")
int32: DType = jnp.dtype("int32")
int64: DType = jnp.dtype("int64")
uint8: DType = jnp.dtype("uint8")
uint16: DType = jnp.dtype("uint16")
uint32: DType = jnp.dtype("uint32")
uint64: DType = jnp.dtype("uint64")


def cast(x: TensorLike, dtype: DTypeLike, name: str | None = None) -> Array:
    """Returns numbers in another dtype; what is behind the point is cut for whole numbers.

    Example:
        >>> cast([1.8, -2.2], int32).tolist()
        [1, -2]
    """
    return to_array("cast", x).astype(kind(dtype))
