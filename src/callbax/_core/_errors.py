"""Error messages in four beats: where, what was expected, what arrived, what to do."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


def explain(where: str, *, expected: str, received: str, action: str) -> str:
    """Builds an error message in the house's four beats.

    Args:
        where: The public call at fault, without backticks: ``fit(batch_size=0)``.
        expected: What that call takes, starting in lower case, without a full stop.
        received: What arrived: types, shapes and dtypes, never array contents.
        action: What to do about it: whole sentences.

    Returns:
        The message, two lines long.

    Example:
        >>> print(explain("fit(batch_size=0)", expected="a positive integer",
        ...               received="0", action="Pass at least 1."))
        `fit(batch_size=0)`: expected a positive integer, received 0.
        Pass at least 1.
    """
    expected, received = shortened(expected), shortened(received)
    return f"`{where}`: expected {expected}, received {received}.\n{action}"


def shortened(text: str, length: int = 600) -> str:
    """Returns a text of at most about a length: the beginning of a longer one, and its end.

    Example:
        >>> shortened("one, two, three, four, five", 16)
        'one, two... five'
    """
    if len(text) <= length:
        return text
    return f"{text[: length // 2]}...{text[len(text) - length // 2 + 3 :]}"


def closest(name: object, names: Iterable[str], *, count: int = 3) -> str:
    """Names the legal names nearest to a wrong one, quoted, nearest first.

    Args:
        name: What the user wrote.
        names: The legal names.
        count: How many to name at most.

    Returns:
        ``'Closest: "a", "b".'``, or all names if none is near.

    Example:
        >>> closest("rmspop", ["adam", "rmsprop", "sgd"])
        'Closest: "rmsprop".'
    """
    legal = sorted(set(names))
    near = difflib.get_close_matches(str(name).lower(), legal, n=count, cutoff=0.6)
    label = "Closest" if near else "Known names"
    quoted = ", ".join(f'"{legal_name}"' for legal_name in near or legal)
    return f"{label}: {shortened(quoted)}."


def describe(value: Any) -> str:
    """Says what a value is without showing its contents: type, shape and dtype.

    Example:
        >>> import numpy as np
        >>> describe(np.zeros((3, 2), "float32"))
        'ndarray of shape (3, 2) and dtype float32'
        >>> describe([1, 2])
        'list of length 2'
        >>> describe(0.5)
        '0.5 (float)'
    """
    kind = type(value).__name__
    if kind.endswith("Tracer") or kind == "ShapeDtypeStruct":  # what stands for arrays in JAX
        kind = "array"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{kind} of shape {tuple(value.shape)} and dtype {value.dtype}"
    if isinstance(value, Mapping):
        return shortened(f"{kind} with keys {list(value)}")
    if isinstance(value, list | tuple | set):
        return f"{kind} of length {len(value)}"
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int | float | str):
        return f"{shortened(repr(value))} ({kind})"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"an object of type {kind}"
