"""Where two values differ, to the bit."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from callbax._core._errors import describe


def first_difference(expected: Any, received: Any, path: str = "") -> str | None:
    """Returns where two values differ first and how; None if they are equal to the bit.

    A NaN equals a NaN with the same bits, an array one of the same shape and dtype, and a tuple is
    not a list.

    Args:
        expected: Nested dicts, lists and tuples of numbers, strings, None and arrays.
        received: Another one.
        path: What the values are, for the answer.
    """
    if _is_array(expected) and _is_array(received):
        return _of_arrays(np.asarray(expected), np.asarray(received), path)
    if type(expected) is not type(received):
        return _told(path, expected, received)
    if isinstance(expected, Mapping):
        if list(expected) != list(received):
            keys = ", ".join(map(repr, expected)), ", ".join(map(repr, received))
            return f"{path or 'the keys'}: {keys[1] or 'no keys'} for {keys[0] or 'no keys'}"
        pairs = [(f"{path}[{key!r}]", expected[key], received[key]) for key in expected]
    elif isinstance(expected, list | tuple):
        if len(expected) != len(received):
            return f"{path or 'the length'}: {len(received)} items for {len(expected)}"
        numbered = enumerate(zip(expected, received, strict=True))
        pairs = [(f"{path}[{index}]", *both) for index, both in numbered]
    elif isinstance(expected, float):
        same = np.float64(expected).tobytes() == np.float64(received).tobytes()
        return None if same else _told(path, expected, received)
    else:
        return None if expected == received else _told(path, expected, received)
    found = (first_difference(old, new, where) for where, old, new in pairs)
    return next((difference for difference in found if difference is not None), None)


def _of_arrays(expected: Any, received: Any, path: str) -> str | None:
    if (expected.shape, expected.dtype) != (received.shape, received.dtype):
        return _told(path, expected, received)
    if expected.tobytes() == received.tobytes():
        return None
    count = int(np.sum(expected != received))
    return f"{path or 'an array'}: {count} of {expected.size} numbers differ"


def _told(path: str, expected: Any, received: Any) -> str:
    return f"{path or 'the value'}: {describe(received)} for {describe(expected)}"


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")
