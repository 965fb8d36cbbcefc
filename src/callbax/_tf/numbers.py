"""Functions of each number of one array, or of two that broadcast to one shape."""

from collections.abc import Callable, Sequence
from typing import Protocol

import jax
import jax.numpy as jnp

from callbax._core._errors import explain
from callbax._core._types import Array
from callbax._tf._convert import TensorLike, entitle, to_array

__all__ = ["abs", "cos", "exp", "floor", "round", "sigmoid", "sign", "sin", "sqrt", "square"]
__all__ += ["add", "divide", "maximum", "minimum", "multiply", "pow", "subtract", "tanh"]
__all__ += ["equal", "greater", "greater_equal", "less", "less_equal", "not_equal"]
__all__ += ["clip_by_value", "logical_and", "logical_not", "logical_or", "where"]
__all__ += ["matmul", "tensordot"]


class OfOne(Protocol):
    """A function of one array of any shape, which gives another of that shape."""

    def __call__(self, x: TensorLike, name: str | None = None) -> Array: ...


class OfTwo(Protocol):
    """A function of two arrays, which gives one of the shape that they broadcast to."""

    def __call__(self, x: TensorLike, y: TensorLike, name: str | None = None) -> Array: ...


def of_one(title: str, function: Callable[[Array], Array], doc: str, at: str, is_: str) -> OfOne:
    """Makes a function of one array of one of JAX's; `at` and `is_` are its example."""

    def made(x: TensorLike, name: str | None = None) -> Array:
        return function(to_array(title, x))

    entitle(made, title, f"Returns {doc}.", at, is_)
    return made


def of_two(title: str, function: Callable[[Array, Array], Array], doc: str, is_: str) -> OfTwo:
    """Makes a function of two arrays of one of JAX's; `is_` is what it gives in its example."""

    def made(x: TensorLike, y: TensorLike, name: str | None = None) -> Array:
        return function(to_array(title, x), to_array(title, y))

    entitle(made, title, f"Returns {doc}.", "[3, 2], [2, 2]", is_)
    return made


abs: OfOne = of_one("abs", jnp.abs, "absolute values", "[-2, 3]", "[2, 3]")
ceil: OfOne = of_one("ceil", jnp.ceil, "numbers rounded up", "[0.5, 2.0]", "[1.0, 2.0]")
cos: OfOne = of_one("cos", jnp.cos, "cosines", "[0.0]", "[1.0]")
exp: OfOne = of_one("exp", jnp.exp, "powers of e", "[0.0]", "[1.0]")
floor: OfOne = of_one("floor", jnp.floor, "numbers rounded down", "[-0.5, 1.5]", "[-1.0, 1.0]")
is_finite: OfOne = of_one("is_finite", jnp.isfinite, "whether they are finite", "[0]", "[True]")
is_nan: OfOne = of_one("is_nan", jnp.isnan, "whether numbers are NaN", "[0.0]", "[False]")
log: OfOne = of_one("log", jnp.log, "natural logarithms", "[1.0]", "[0.0]")
log1p: OfOne = of_one("log1p", jnp.log1p, "natural logarithms of 1 + x", "[0.0]", "[0.0]")
logical_not: OfOne = of_one("logical_not", jnp.logical_not, "whether x is false", "[0]", "[True]")
round: OfOne = of_one("round", jnp.round, "numbers rounded, halves to even", "[1.5]", "[2.0]")
sigmoid: OfOne = of_one("sigmoid", jax.nn.sigmoid, "1 / (1 + exp(-x))", "[0.0]", "[0.5]")
sign: OfOne = of_one("sign", jnp.sign, "-1, 0 or 1 by the sign", "[-2.0, 0.0]", "[-1.0, 0.0]")
sin: OfOne = of_one("sin", jnp.sin, "sines", "[0.0]", "[0.0]")
sqrt: OfOne = of_one("sqrt", jnp.sqrt, "square roots", "[4.0, 9.0]", "[2.0, 3.0]")
square: OfOne = of_one("square", jnp.square, "squares", "[-2, 3]", "[4, 9]")
tanh: OfOne = of_one("tanh", jnp.tanh, "hyperbolic tangents", "[0.0]", "[0.0]")

add: OfTwo = of_two("add", jnp.add, "sums", "[5, 4]")
divide: OfTwo = of_two("divide", jnp.divide, "quotients, as Python divides", "[1.5, 1.0]")
equal: OfTwo = of_two("equal", jnp.equal, "whether x == y", "[False, True]")
greater: OfTwo = of_two("greater", jnp.greater, "whether x > y", "[True, False]")
greater_equal: OfTwo = of_two("greater_equal", jnp.greater_equal, "whether x >= y", "[True, True]")
less: OfTwo = of_two("less", jnp.less, "whether x < y", "[False, False]")
less_equal: OfTwo = of_two("less_equal", jnp.less_equal, "whether x <= y", "[False, True]")
logical_and: OfTwo = of_two("logical_and", jnp.logical_and, "whether both hold", "[True, True]")
logical_or: OfTwo = of_two("logical_or", jnp.logical_or, "whether one holds", "[True, True]")
maximum: OfTwo = of_two("maximum", jnp.maximum, "the larger of two numbers", "[3, 2]")
minimum: OfTwo = of_two("minimum", jnp.minimum, "the smaller of two numbers", "[2, 2]")
multiply: OfTwo = of_two("multiply", jnp.multiply, "products, number by number", "[6, 4]")
not_equal: OfTwo = of_two("not_equal", jnp.not_equal, "whether x != y", "[True, False]")
pow: OfTwo = of_two("pow", jnp.power, "powers", "[9, 4]")
subtract: OfTwo = of_two("subtract", jnp.subtract, "differences", "[1, 0]")


def clip_by_value(
    t: TensorLike, clip_value_min: TensorLike, clip_value_max: TensorLike, name: str | None = None
) -> Array:
    """Returns numbers cut to a range."""
    least, most = (to_array("clip_by_value", limit) for limit in (clip_value_min, clip_value_max))
    return jnp.minimum(jnp.maximum(to_array("clip_by_value", t), least), most)


def where(
    condition: TensorLike,
    x: TensorLike | None = None,
    y: TensorLike | None = None,
    name: str | None = None,
) -> Array:
    """Takes numbers of ``x`` where a condition holds, else of ``y``.

    Without both it returns the places where the condition holds, of shape (places, axes).

    Raises:
        ValueError: Only one of ``x`` and ``y`` was passed.

    Example:
        >>> where([True, False], [1, 2], [3, 4]).tolist(), where([False, True]).tolist()
        ([1, 4], [[1]])
    """
    holds = to_array("where", condition).astype(bool)
    if x is None and y is None:
        return jnp.argwhere(holds)
    if x is None or y is None:
        raise ValueError(
            explain(
                "where(condition, x, y)",
                expected="both `x` and `y`, or neither",
                received="only one of them",
                action="Pass the other one too.",
            )
        )
    return jnp.where(holds, to_array("where", x), to_array("where", y))


def matmul(
    a: TensorLike,
    b: TensorLike,
    transpose_a: bool = False,
    transpose_b: bool = False,
    name: str | None = None,
) -> Array:
    """Returns products of matrices of shapes (..., n, m) and (..., m, k), if not transposed.

    Example:
        >>> matmul([[1, 2]], [[3], [4]]).tolist()
        [[11]]
    """
    first, second = to_array("matmul", a), to_array("matmul", b)
    first = jnp.swapaxes(first, -1, -2) if transpose_a else first
    second = jnp.swapaxes(second, -1, -2) if transpose_b else second
    return jnp.matmul(first, second)


def tensordot(
    a: TensorLike,
    b: TensorLike,
    axes: int | Sequence[int] | Sequence[Sequence[int]],
    name: str | None = None,
) -> Array:
    """Returns sums of products over axes: the last n of ``a`` and first n of ``b``, or lists."""
    return jnp.tensordot(to_array("tensordot", a), to_array("tensordot", b), axes)
