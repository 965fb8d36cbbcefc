"""Nested values as JSON text and arrays, and back."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import describe, explain
from callbax.saving._dtypes import is_number


def encode(value: Any, arrays: list[Any], path: str) -> Any:
    """Returns what JSON can hold; arrays are moved to a list, other kinds are marked.

    What is returned shares nothing with the value that may still be changed in place.

    Args:
        value: Nested dicts, lists and tuples of numbers, strings, None and arrays.
        arrays: Where to put the arrays.
        path: What the value is, for messages.

    Raises:
        TypeError: It holds something else.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        items = [
            [encode(key, arrays, path), encode(item, arrays, f"{path}[{key!r}]")]
            for key, item in value.items()
        ]
        return {"dict": items}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode(v, arrays, f"{path}[{i}]") for i, v in enumerate(value)]}
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        # JAX's never change; NumPy's may, while a thread writes them.
        array = np.array(value) if isinstance(value, np.ndarray) else np.asarray(value)
        if is_number(array.dtype):
            arrays.append(array)
            return {"scalar" if isinstance(value, np.generic) else "array": len(arrays) - 1}
    raise TypeError(
        explain(
            path,
            expected="dicts, lists, tuples, numbers, strings, None and arrays of numbers",
            received=describe(value),
            action="Let `state_dict` of the callback return only these.",
        )
    )


def decode(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Returns what `encode` was given.

    Args:
        value: What it returned.
        arrays: Where it put the arrays.
    """
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ("array", "scalar"):
        return arrays[content][()] if kind == "scalar" else arrays[content]
    if kind == "dict":
        return {decode(key, arrays): decode(item, arrays) for key, item in content}
    items: Iterator[Any] = (decode(item, arrays) for item in content)
    return tuple(items) if kind == "tuple" else list(items)
