"""What a value is, as a short text that is the same in every process."""

import inspect
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from callbax._core._config import config_of

DEPTH = 4
"""Objects within objects are told by their classes alone from here on: they may hold each other."""


def fingerprint(value: object, depth: int = 0) -> str:
    """Returns a text that tells a setting from others.

    Functions are told by their names, objects by their class and configuration, arrays by a
    checksum. Anything else is told by its class alone.

    Args:
        value: The setting.
        depth: Within how many objects it lies.

    Example:
        >>> fingerprint([0.5, "relu", None]), fingerprint(fingerprint)
        ("[0.5, 'relu', None]", 'callbax._core._fingerprint.fingerprint')
    """
    if value is None or isinstance(value, str | bool | int | float | np.generic):
        plain = value.item() if isinstance(value, np.generic) else value
        return repr(plain + 0.0 if isinstance(plain, float) else plain)  # -0.0 is no other setting
    if isinstance(value, Mapping):
        items = (f"{key!r}: {fingerprint(value[key], depth)}" for key in sorted(value, key=repr))
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple | set | frozenset):
        texts = [fingerprint(item, depth) for item in value]
        return f"[{', '.join(sorted(texts) if isinstance(value, set | frozenset) else texts)}]"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return array_fingerprint(np.asarray(value))
    if inspect.isroutine(value) or inspect.isclass(value):
        module = getattr(value, "__module__", "")
        return f"{module}.{getattr(value, '__qualname__', '')}"
    if depth == DEPTH:
        return type(value).__name__
    return f"{type(value).__name__}({fingerprint(configuration(value), depth + 1)})"


def configuration(made: object) -> dict[str, Any]:
    """Returns what an object was made with, as far as it tells.

    That is its `get_config`, or else those of its constructor's arguments that it keeps. The number
    in a name, which counts the objects of a process, is left out.
    """
    get_config = getattr(made, "get_config", None)
    try:
        config = dict(get_config()) if callable(get_config) else config_of(made)
    except (TypeError, ValueError, NotImplementedError):  # as of a schedule that is a function
        return {}
    if isinstance(name := config.get("name"), str):
        config["name"] = without_number(name)
    return config


def without_number(name: str) -> str:
    """Returns a name without the number that tells objects of one class apart.

    Example:
        >>> without_number("adam_2")
        'adam'
    """
    return re.sub(r"_\d+$", "", name)


def array_fingerprint(array: Any) -> str:
    """Returns the shape, dtype and checksum of an array."""
    checksum = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return f"{array.dtype} {tuple(array.shape)} {checksum:08x}"
