"""The same numbers in other shapes."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from numpy.typing import NDArray

from callbax._core._types import Array
from callbax._tf._convert import Axis, TensorLike, axes, kind, to_array

__all__ = ["concat", "expand_dims", "rank", "reshape", "shape", "size", "squeeze", "stack"]
__all__ += ["tile", "transpose"]


def reshape(tensor: TensorLike, shape: Sequence[int], name: str | None = None) -> Array:
    """Returns numbers in another shape, -1 for the length that is left.

    Example:
        >>> reshape([1, 2, 3, 4], [2, -1]).tolist()
        [[1, 2], [3, 4]]
    """
    lengths = [shape] if isinstance(shape, int) else shape
    return jnp.reshape(to_array("reshape", tensor), tuple(int(length) for length in lengths))


def transpose(
    a: TensorLike,
    perm: Sequence[int] | None = None,
    conjugate: bool = False,
    name: str | None = None,
) -> Array:
    """Returns an array with its axes in another order, ``None`` to reverse them."""
    order = None if perm is None else tuple(int(axis) for axis in perm)
    turned = jnp.transpose(to_array("transpose", a), order)
    return jnp.conjugate(turned) if conjugate else turned


def expand_dims(input: TensorLike, axis: int, name: str | None = None) -> Array:
    """Returns an array with one more axis, of length 1."""
    return jnp.expand_dims(to_array("expand_dims", input), axis)


def squeeze(input: TensorLike, axis: Axis = None, name: str | None = None) -> Array:
    """Returns an array without axes of length 1: all of them, or those that are named."""
    return jnp.squeeze(to_array("squeeze", input), axes(axis))


def concat(values: Sequence[TensorLike], axis: int, name: str = "concat") -> Array:
    """Joins arrays along an axis that they have."""
    return jnp.concatenate([to_array("concat", value) for value in values], axis)


def stack(values: Sequence[TensorLike], axis: int = 0, name: str = "stack") -> Array:
    """Joins arrays along a new axis."""
    return jnp.stack([to_array("stack", value) for value in values], axis)


def tile(input: TensorLike, multiples: Sequence[int], name: str | None = None) -> Array:
    """Repeats an array along its axes."""
    return jnp.tile(to_array("tile", input), tuple(int(times) for times in multiples))


def shape(
    input: TensorLike, out_type: DTypeLike = "int32", name: str | None = None
) -> NDArray[Any]:
    """Returns the lengths of an array's axes, in an array of NumPy.

    They are known before anything runs, and so can be a shape even in a compiled function.

    Example:
        >>> shape([[1, 2, 3]]).tolist()
        [1, 3]
    """
    return np.asarray(to_array("shape", input).shape, kind(out_type))


def size(input: TensorLike, out_type: DTypeLike = "int32", name: str | None = None) -> np.generic:
    """Returns how many numbers an array has."""
    found: np.generic = kind(out_type).type(to_array("size", input).size)
    return found


def rank(input: TensorLike, name: str | None = None) -> np.generic:
    """Returns how many axes an array has."""
    return np.int32(to_array("rank", input).ndim)
