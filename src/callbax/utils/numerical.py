"""Labels as vectors, and vectors of length 1."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from callbax._core._arguments import count, optional_count
from callbax._core._errors import describe, explain
from callbax._core._types import Array

_EPSILON = 1e-7


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """Turns class numbers into one-hot rows.

    Use it for ``categorical_crossentropy``, or when a loss such as the mean squared error is to see
    classes as vectors.

    Differs from Keras: a NumPy array comes back whatever array goes in; class numbers that are
    negative, too large or not whole are refused by name instead of wrapping, failing or being cut.

    Args:
        x: Class numbers, 0 to ``num_classes - 1``, of any shape; a last axis of length 1 is
            dropped.
        num_classes: Length of a row; ``None`` or 0 takes the largest class number plus one.

    Returns:
        Zeros and ones in float64, shape (*samples, classes): the shape of ``x`` with the class axis
        added last.

    Raises:
        ValueError: ``x`` is empty while ``num_classes`` is not given, or holds something that
            is not a class number.

    Example:
        >>> to_categorical([0, 2, 1])
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]])

    Source: https://keras.io/api/utils/python_utils/#tocategorical-function
    """
    num_classes = optional_count("to_categorical", "num_classes", num_classes, least=0)
    given = np.asarray(x)
    if given.ndim > 1 and given.shape[-1] == 1:
        given = given[..., 0]
    if given.size == 0 and not num_classes:
        raise _refusal("at least one class number", given, "Pass num_classes.")
    classes = given.astype(np.int64)
    if not np.array_equal(classes, given):
        raise _refusal("whole numbers", given, "Round them, or look up their class numbers.")
    length = num_classes or int(classes.max()) + 1
    if classes.size and not 0 <= classes.min() <= classes.max() < length:
        raise _refusal(
            f"class numbers from 0 to {length - 1}",
            f"numbers from {classes.min()} to {classes.max()}",
            "Pass a larger num_classes, or number the classes from 0.",
        )
    return np.eye(length)[classes]


def normalize(x: ArrayLike | jax.Array, axis: int = -1, order: int = 2) -> NDArray[Any] | jax.Array:
    """Scales vectors to length 1.

    For embeddings, of which only the direction counts.

    Differs from Keras: ``axis=0`` works for NumPy's arrays (Keras takes it for -1), and lists
    become arrays of NumPy too.

    Args:
        x: Numbers of any shape.
        axis: The axis of the vectors.
        order: Of the norm: 2 for the Euclidean length, 1 for the sum of absolute values.

    Returns:
        A copy of its shape; vectors of zeros stay what they are. JAX's arrays give JAX's, where
        lengths below 1e-7 count as 1e-7.

    Raises:
        ValueError: ``order`` is not a positive whole number.

    Example:
        >>> normalize(np.array([[3.0, 4.0]]))
        array([[0.6, 0.8]])

    Source: https://keras.io/api/utils/python_utils/#normalize-function
    """
    order = count("normalize", "order", order)
    if isinstance(x, jax.Array):
        norm = jnp.linalg.norm(x, order, axis, keepdims=True)
        normed: Array = x / jnp.maximum(norm, _EPSILON)
        return normed
    given = np.atleast_1d(np.asarray(x))
    norm = np.linalg.norm(given, order, axis, keepdims=True)
    return np.asarray(given / np.where(norm == 0, 1, norm))


def _refusal(expected: str, received: object, action: str) -> ValueError:
    words = received if isinstance(received, str) else describe(received)
    return ValueError(
        explain("to_categorical(x)", expected=expected, received=words, action=action)
    )
