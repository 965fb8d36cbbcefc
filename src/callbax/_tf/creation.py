"""Makes arrays."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import count
from callbax._core._errors import explain
from callbax._core._types import Array
from callbax._tf._convert import TensorLike, kind, to_array

__all__ = ["Tensor", "constant", "convert_to_tensor", "eye", "fill", "identity", "one_hot"]
__all__ += ["ones", "ones_like", "range", "stop_gradient", "zeros", "zeros_like"]

Tensor = jax.Array
"""What every function here returns."""


def constant(
    value: TensorLike,
    dtype: DTypeLike | None = None,
    shape: Sequence[int] | None = None,
    name: str = "Const",
) -> Array:
    """Makes an array of numbers or lists.

    Raises:
        TypeError: It is text.
        ValueError: A number does not fit the dtype, or the numbers do not fit the shape.

    Example:
        >>> constant(-1.0, shape=[2, 2]).tolist()
        [[-1.0, -1.0], [-1.0, -1.0]]
    """
    made = to_array("constant", value, dtype)
    if shape is None:
        return made
    if made.size == 1:
        return jnp.full(tuple(shape), jnp.reshape(made, ()))
    try:
        return jnp.reshape(made, tuple(shape))
    except TypeError as error:
        raise ValueError(
            explain(
                f"constant(shape={tuple(shape)})",
                expected=f"a shape of {made.size} numbers",
                received=f"numbers of shape {made.shape}",
                action="Leave `shape` out, or pass one number to fill it.",
            )
        ) from error


def convert_to_tensor(
    value: TensorLike,
    dtype: DTypeLike | None = None,
    dtype_hint: DTypeLike | None = None,
    name: str | None = None,
) -> Array:
    """Makes an array of JAX of an array, a number or lists.

    Raises:
        TypeError: It is text.
        ValueError: A number does not fit the dtype.

    Example:
        >>> convert_to_tensor([1, 2]).dtype.name
        'int32'
    """
    if dtype is None and dtype_hint is not None:
        try:
            return to_array("convert_to_tensor", value, dtype_hint)
        except ValueError:
            return to_array("convert_to_tensor", value)
    return to_array("convert_to_tensor", value, dtype)


def zeros(shape: Sequence[int], dtype: DTypeLike = "float32", name: str | None = None) -> Array:
    """Makes an array of zeros."""
    return jnp.zeros(shape, kind(dtype))


def ones(shape: Sequence[int], dtype: DTypeLike = "float32", name: str | None = None) -> Array:
    """Makes an array of ones."""
    return jnp.ones(shape, kind(dtype))


def zeros_like(input: TensorLike, dtype: DTypeLike | None = None, name: str | None = None) -> Array:
    """Makes zeros of the shape of an array."""
    return jnp.zeros_like(to_array("zeros_like", input), None if dtype is None else kind(dtype))


def ones_like(input: TensorLike, dtype: DTypeLike | None = None, name: str | None = None) -> Array:
    """Makes ones of the shape of an array."""
    return jnp.ones_like(to_array("ones_like", input), None if dtype is None else kind(dtype))


def fill(dims: Sequence[int], value: TensorLike, name: str | None = None) -> Array:
    """Makes an array full of one number."""
    return jnp.full(tuple(dims), to_array("fill", value))


def eye(
    num_rows: int,
    num_columns: int | None = None,
    batch_shape: Sequence[int] | None = None,
    dtype: DTypeLike = "float32",
    name: str | None = None,
) -> Array:
    """Makes an identity matrix, or a batch of them."""
    one = jnp.eye(num_rows, num_columns, dtype=kind(dtype))
    return jnp.broadcast_to(one, (*(batch_shape or ()), *one.shape))


def range(
    start: TensorLike,
    limit: TensorLike | None = None,
    delta: TensorLike = 1,
    dtype: DTypeLike | None = None,
    name: str = "range",
) -> Array:
    """Counts from a start up to a limit, which is left out.

    Example:
        >>> range(3, 9, 2).tolist(), range(2).tolist()
        ([3, 5, 7], [0, 1])
    """
    first, last = (0, start) if limit is None else (start, limit)
    count_up: Any = jnp.arange
    counted: Array = count_up(first, last, delta, dtype=None if dtype is None else kind(dtype))
    return counted


def one_hot(
    indices: TensorLike,
    depth: int,
    on_value: float | None = None,
    off_value: float | None = None,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    name: str | None = None,
) -> Array:
    """Turns class numbers into one-hot vectors, all off for numbers outside of the classes.

    Raises:
        ValueError: ``depth`` is not a whole number.

    Example:
        >>> one_hot([1, -1], 3).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    classes = count("one_hot", "depth", depth, least=0)
    where = -1 if axis is None else axis
    hot = jax.nn.one_hot(to_array("one_hot", indices), classes, dtype=jnp.bool_, axis=where)
    on, off = (1 if on_value is None else on_value), (0 if off_value is None else off_value)
    given = next((value for value in (on_value, off_value) if value is not None), 1.0)
    chosen = to_array("one_hot", given).dtype if dtype is None else kind(dtype)
    return jnp.where(hot, on, off).astype(chosen)


def identity(input: TensorLike, name: str | None = None) -> Array:
    """Returns an array as it is."""
    return to_array("identity", input)


def stop_gradient(input: TensorLike, name: str | None = None) -> Array:
    """Returns an array through which no gradient flows.

    Example:
        >>> float(jax.grad(lambda x: x * stop_gradient(x))(3.0))
        3.0
    """
    return jax.lax.stop_gradient(to_array("stop_gradient", input))
