"""Reads and writes what holds a value, as scripts written for TensorFlow 2 do."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import describe, explain


def get_value(x: object) -> float | NDArray[Any]:
    """Returns the value of a hyperparameter, a variable or an array.

    For scripts that move over from TensorFlow 2; new code writes
    ``float(model.optimizer.learning_rate)``.

    Args:
        x: A number, an array, or anything with ``.numpy()``.

    Returns:
        A plain float for a number (a learning rate is one), else a NumPy array.

    Raises:
        TypeError: ``x`` holds no numbers.

    Example:
        >>> get_value(0.5)
        0.5
        >>> get_value(np.zeros(2))
        array([0., 0.])

    Source: ``tf.keras.backend.get_value`` of TensorFlow 2.
    """
    if isinstance(x, int | float):
        return float(x)
    array = np.asarray(x.numpy() if hasattr(x, "numpy") else x)
    if array.dtype.kind not in "biufcV":  # V: bfloat16 and its like, which NumPy does not know
        raise TypeError(
            explain(
                "backend.get_value(x)",
                expected="a number, an array, or something with .numpy()",
                received=describe(x),
                action="Pass the variable itself, e.g. model.optimizer.learning_rate.",
            )
        )
    return array


def set_value(x: object, value: object) -> None:
    """Assigns a value to a hyperparameter or a variable.

    For scripts that move over from TensorFlow 2; new code writes
    ``model.optimizer.learning_rate = value``.

    Args:
        x: Anything with ``.assign(value)``, such as ``model.optimizer.learning_rate``.
        value: A number or an array of the shape of ``x``.

    Raises:
        TypeError: ``x`` cannot be assigned to.

    Example:
        >>> class Rate(float):
        ...     def assign(self, value): print("now", value)
        >>> set_value(Rate(0.1), 0.05)
        now 0.05

    Source: ``tf.keras.backend.set_value`` of TensorFlow 2.
    """
    assign = getattr(x, "assign", None)
    if not callable(assign):
        raise TypeError(
            explain(
                "backend.set_value(x, value)",
                expected="something with .assign(value)",
                received=describe(x),
                action="Pass the variable itself, e.g. model.optimizer.learning_rate, not a "
                "number read from it.",
            )
        )
    assign(value)
