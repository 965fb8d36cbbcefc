"""Many numbers to few."""

from collections.abc import Callable
from typing import Protocol

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax._tf._convert import Axis, TensorLike, axes, entitle, kind, to_array

__all__ = ["argmax", "argmin", "cumsum", "norm", "reduce_all", "reduce_any", "reduce_max"]
__all__ += ["reduce_mean", "reduce_min", "reduce_prod", "reduce_sum"]


class Reduction(Protocol):
    """A function of numbers along axes, ``None`` for all; they stay, of length 1, if asked to."""

    def __call__(
        self,
        input_tensor: TensorLike,
        axis: Axis = None,
        keepdims: bool = False,
        name: str | None = None,
    ) -> Array: ...


def reduction(title: str, function: Callable[..., Array], doc: str, is_: str) -> Reduction:
    """Makes a reduction of one of JAX's; `is_` is what it gives in its example."""

    def made(
        input_tensor: TensorLike,
        axis: Axis = None,
        keepdims: bool = False,
        name: str | None = None,
    ) -> Array:
        return function(to_array(title, input_tensor), axes(axis), keepdims=keepdims)

    entitle(made, title, f"Returns {doc} along axes, ``None`` for all.", "[[1, 2], [3, 4]], 0", is_)
    return made


def mean(given: Array, over: int | tuple[int, ...] | None, *, keepdims: bool) -> Array:
    """Returns means in the dtype of the numbers: that of whole ones is cut behind the point."""
    if given.dtype == jnp.bool_:
        raise TypeError(
            explain(
                "reduce_mean(input_tensor)",
                expected="numbers",
                received=describe(given),
                action="Cast them: `tf.cast(x, tf.float32)`.",
            )
        )
    if given.dtype.kind not in "iu":
        return jnp.mean(given, over, keepdims=keepdims)
    total = jnp.sum(given, over, keepdims=keepdims)
    count = jnp.asarray(given.size // max(total.size, 1), total.dtype)
    return jax.lax.div(total, jnp.broadcast_to(count, total.shape)).astype(given.dtype)


reduce_all: Reduction = reduction("reduce_all", jnp.all, "whether all hold", "[True, True]")
reduce_any: Reduction = reduction("reduce_any", jnp.any, "whether one holds", "[True, True]")
reduce_max: Reduction = reduction("reduce_max", jnp.max, "the largest numbers", "[3, 4]")
reduce_mean: Reduction = reduction("reduce_mean", mean, "means, cut to the dtype,", "[2, 3]")
reduce_min: Reduction = reduction("reduce_min", jnp.min, "the smallest numbers", "[1, 2]")
reduce_prod: Reduction = reduction("reduce_prod", jnp.prod, "products", "[3, 8]")
reduce_std: Reduction = reduction("reduce_std", jnp.std, "standard deviations", "[1.0, 1.0]")
reduce_sum: Reduction = reduction("reduce_sum", jnp.sum, "sums", "[4, 6]")
reduce_variance: Reduction = reduction("reduce_variance", jnp.var, "variances", "[1.0, 1.0]")


def argmax(
    input: TensorLike,
    axis: int | None = None,
    output_type: DTypeLike = "int64",
    name: str | None = None,
) -> Array:
    """Returns where the largest number along an axis is, ``None`` for the first.

    Example:
        >>> argmax([[1, 5], [3, 4]]).tolist(), argmax([[1, 5], [3, 4]], axis=1).tolist()
        ([1, 0], [1, 1])
    """
    found = jnp.argmax(to_array("argmax", input), 0 if axis is None else axis)
    return found.astype(kind(output_type))


def argmin(
    input: TensorLike,
    axis: int | None = None,
    output_type: DTypeLike = "int64",
    name: str | None = None,
) -> Array:
    """Returns where the smallest number along an axis is, ``None`` for the first."""
    found = jnp.argmin(to_array("argmin", input), 0 if axis is None else axis)
    return found.astype(kind(output_type))


def cumsum(
    x: TensorLike,
    axis: int = 0,
    exclusive: bool = False,
    reverse: bool = False,
    name: str | None = None,
) -> Array:
    """Returns running sums: from the end if ``reverse``, without the number if ``exclusive``.

    Example:
        >>> cumsum([1, 2, 3]).tolist(), cumsum([1, 2, 3], exclusive=True).tolist()
        ([1, 3, 6], [0, 1, 3])
    """
    given = to_array("cumsum", x)
    ordered = jnp.flip(given, axis) if reverse else given
    sums = jnp.cumsum(ordered, axis)
    sums = sums - ordered if exclusive else sums
    return jnp.flip(sums, axis) if reverse else sums


def norm(
    tensor: TensorLike,
    ord: int | float | str = "euclidean",
    axis: Axis = None,
    keepdims: bool | None = None,
    name: str | None = None,
) -> Array:
    """Returns lengths of vectors along an axis, of matrices along two, ``None`` for one of all.

    Example:
        >>> float(norm([3.0, 4.0]))
        5.0
    """
    given, over = to_array("norm", tensor), axes(axis)
    flat = jnp.reshape(given, -1) if over is None else given
    order = None if ord == "euclidean" else ord
    made = jnp.linalg.norm(flat, order, over, keepdims=bool(keepdims) and over is not None)
    return jnp.reshape(made, (1,) * given.ndim) if keepdims and over is None else made
