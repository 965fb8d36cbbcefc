"""What counts as a number in logs and learning rates."""

from typing import SupportsFloat, cast


def as_number(value: object) -> float | None:
    """Returns a value as a Python float, or None if it is not one number.

    Args:
        value: An int, a float, or a NumPy or JAX scalar. Bools, strings and arrays with an axis
            are not numbers.

    Example:
        >>> import numpy as np
        >>> as_number(np.float32(0.5)), as_number("0.5"), as_number(True), as_number([1.0])
        (0.5, None, None, None)
    """
    if isinstance(value, bool | str | bytes) or getattr(value, "ndim", 0) != 0:
        return None
    try:
        return float(cast(SupportsFloat, value))
    except (TypeError, ValueError):
        return None
