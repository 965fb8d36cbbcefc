"""Random numbers under TensorFlow's names."""

import random as python_random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
from jax.typing import DTypeLike

from callbax._core._arguments import count, is_whole
from callbax._core._errors import describe, explain
from callbax._core._missing import missing_names
from callbax._core._rng import SeedSource, start_streams
from callbax._core._types import Array
from callbax._tf._convert import TensorLike, kind, to_array

__all__ = ["normal", "set_seed", "shuffle", "truncated_normal", "uniform"]

_SHARED = SeedSource(stream="random")
_sources: dict[int, SeedSource] = {}
"""Seed -> where its own sequence is."""


def set_seed(seed: int) -> None:
    """Starts all random numbers of callbax at a seed: initial weights, shuffling and this room's.

    For scripts that move over; `callbax.utils.set_random_seed` seeds NumPy too, and gives the
    initial weights that Keras gives after the same call.

    Differs from TensorFlow: the numbers are others, and Python's ``random``, from which initial
    weights are drawn, is seeded too.

    Args:
        seed: A whole number of 0 or more.

    Raises:
        ValueError: It is not one.

    Example:
        >>> set_seed(1)
        >>> first = float(normal([]))
        >>> set_seed(1)
        >>> float(normal([])) == first
        True

    Source: https://www.tensorflow.org/api_docs/python/tf/random/set_seed
    """
    chosen = count("random.set_seed", "seed", seed, least=0)
    start_streams(chosen)
    python_random.seed(chosen)
    _sources.clear()


def normal(
    shape: Sequence[int],
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: DTypeLike = "float32",
    seed: int | None = None,
    name: str | None = None,
) -> Array:
    """Draws from a normal distribution.

    Args:
        shape: Shape of the result.
        mean: Its mean.
        stddev: Its standard deviation.
        dtype: Dtype of the numbers.
        seed: Of a sequence of their own; ``None`` for that which `set_seed` starts.
        name: Not used.

    Raises:
        RuntimeError: It is called in a compiled function, where it would draw only once.

    Example:
        >>> normal([2, 3]).shape
        (2, 3)

    Source: https://www.tensorflow.org/api_docs/python/tf/random/normal
    """
    wanted = kind(dtype)
    drawn = jax.random.normal(_key("normal", seed), tuple(shape), wanted)
    scale, place = (to_array("random.normal", number, wanted) for number in (stddev, mean))
    return drawn * scale + place


def truncated_normal(
    shape: Sequence[int],
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: DTypeLike = "float32",
    seed: int | None = None,
    name: str | None = None,
) -> Array:
    """Draws from a normal distribution, never more than two deviations from its mean.

    Args:
        shape: Shape of the result.
        mean: Its mean.
        stddev: Its standard deviation, before it is cut.
        dtype: Dtype of the numbers.
        seed: Of a sequence of their own; ``None`` for that which `set_seed` starts.
        name: Not used.

    Raises:
        RuntimeError: It is called in a compiled function, where it would draw only once.

    Example:
        >>> bool(abs(truncated_normal([100])).max() <= 2)
        True

    Source: https://www.tensorflow.org/api_docs/python/tf/random/truncated_normal
    """
    wanted, where = kind(dtype), "random.truncated_normal"
    key = _key("truncated_normal", seed)
    drawn = jax.random.truncated_normal(key, -2.0, 2.0, tuple(shape), wanted)
    scale, place = (to_array(where, number, wanted) for number in (stddev, mean))
    return drawn * scale + place


def uniform(
    shape: Sequence[int],
    minval: TensorLike = 0,
    maxval: TensorLike | None = None,
    dtype: DTypeLike = "float32",
    seed: int | None = None,
    name: str | None = None,
) -> Array:
    """Draws evenly from a range, of which the end is left out.

    Args:
        shape: Shape of the result.
        minval: Where the range starts.
        maxval: Where it ends; ``None`` for 1, but whole numbers need it.
        dtype: Dtype of the numbers.
        seed: Of a sequence of their own; ``None`` for that which `set_seed` starts.
        name: Not used.

    Raises:
        ValueError: Whole numbers are asked for without an end.
        RuntimeError: It is called in a compiled function, where it would draw only once.

    Example:
        >>> drawn = uniform([100], 1, 3, dtype="int32")
        >>> sorted(set(drawn.tolist()))
        [1, 2]

    Source: https://www.tensorflow.org/api_docs/python/tf/random/uniform
    """
    wanted = kind(dtype)
    whole = wanted.kind in "iu"
    if whole and maxval is None:
        raise ValueError(
            explain(
                f"random.uniform(dtype={wanted})",
                expected="a `maxval` for whole numbers",
                received="None",
                action="Pass for example maxval=10.",
            )
        )
    start = to_array("random.uniform", minval, wanted)
    end = to_array("random.uniform", 1 if maxval is None else maxval, wanted)
    if whole:
        return jax.random.randint(_key("uniform", seed), tuple(shape), start, end, wanted)
    return jax.random.uniform(_key("uniform", seed), tuple(shape), wanted, start, end)


def shuffle(value: TensorLike, seed: int | None = None, name: str | None = None) -> Array:
    """Returns an array with its rows in a random order.

    Args:
        value: Numbers of any shape, at least one axis.
        seed: Of a sequence of its own; ``None`` for that which `set_seed` starts.
        name: Not used.

    Raises:
        RuntimeError: It is called in a compiled function, where it would draw only once.

    Example:
        >>> sorted(shuffle([3, 1, 2]).tolist())
        [1, 2, 3]

    Source: https://www.tensorflow.org/api_docs/python/tf/random/shuffle
    """
    return jax.random.permutation(_key("shuffle", seed), to_array("random.shuffle", value))


def _key(function: str, seed: int | None) -> Array:
    """Returns the next key of a sequence: the one that `set_seed` starts, or a seed's own."""
    if seed is not None and not is_whole(seed):
        raise ValueError(
            explain(
                f"random.{function}(seed={seed!r})",
                expected="a whole number or None",
                received=describe(seed),
                action="Leave `seed` out, and call `tf.random.set_seed` once.",
            )
        )
    own = None if seed is None else _sources.setdefault(int(seed), SeedSource(int(seed), "random"))
    key = jax.random.key((own or _SHARED).draw())
    if isinstance(key, jax.core.Tracer):
        raise RuntimeError(
            explain(
                f"random.{function}(...)",
                expected="a call outside of compiled functions",
                received="one inside, where the numbers would be drawn once and for all",
                action="In a model use `layers.Dropout` or `nnx.Rngs`; in a function of your own "
                "take a key of `jax.random`.",
            )
        )
    return key


if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(__name__, "Use `jax.random`, which takes a key.")
