"""From what users pass to an array of JAX, without a number becoming another one."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from callbax._core._errors import describe, explain
from callbax._core._types import Array, ArrayLike

TensorLike = ArrayLike | Sequence[Any]
"""An array, a number, or nested lists of these."""
Axis = int | Sequence[int] | None
"""One axis, several, or all."""


def kind(dtype: DTypeLike) -> np.dtype[Any]:
    """Returns the dtype that JAX has for one: whole numbers of 32 bits for those of 64."""
    found = np.dtype(dtype)
    return np.dtype(jax.dtypes.canonicalize_dtype(found)) if found.kind in "iu" else found


def to_array(where: str, value: TensorLike, dtype: DTypeLike | None = None) -> Array:
    """Returns an array of JAX.

    Args:
        where: The public function, without its arguments.
        value: What the user passed.
        dtype: What it is to become; None for what it is.

    Raises:
        TypeError: It is text, or something else that is not made of numbers.
        ValueError: It has numbers that the dtype does not.
    """
    wanted = None if dtype is None else kind(dtype)
    if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(value)):
        return jnp.asarray(value, wanted)
    if hasattr(value, "__jax_array__"):  # a variable of Flax
        return jnp.asarray(value, wanted)
    given = np.asarray(value)
    if given.dtype.kind in "OUSMm":
        raise TypeError(
            explain(
                f"{where}(...)",
                expected="numbers, or nested lists of numbers of one length",
                received=describe(value),
                action="JAX has no text, dates or ragged arrays: keep these in NumPy.",
            )
        )
    target = kind(given.dtype) if wanted is None else wanted
    if target.kind in "iu" and not np.array_equal(given.astype(target), given):
        raise ValueError(
            explain(
                f"{where}(...)",
                expected=f"whole numbers that fit the dtype {target}",
                received=f"{describe(value)} with others",
                action="Pass dtype=tf.float32, or round them with `tf.cast` first.",
            )
        )
    return jnp.asarray(given, wanted)


def axes(axis: Axis) -> int | tuple[int, ...] | None:
    """Returns axes as JAX takes them."""
    return axis if axis is None or isinstance(axis, int) else tuple(int(one) for one in axis)


def entitle(made: Callable[..., Array], name: str, doc: str, given: str, found: str) -> None:
    """Gives a function of a table the name by which it is imported, pickled and read.

    Its example is a call with the arguments `given`, of which `tolist` shows `found`.
    """
    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"{doc}\n\nExample:\n    >>> {name}({given}).tolist()\n    {found}\n"
