"""Checks of the arguments that users pass: one place for each kind of value."""

import math
import numbers
import os
from collections.abc import Sequence
from typing import Any, TypeGuard

from callbax._core._errors import closest, describe, explain


def is_number(value: Any) -> TypeGuard[float]:
    """Returns whether a value is a real number or an array without dimensions; no bool is."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        # By name too: NumPy does not count bfloat16 and its like among its own kinds.
        real = value.dtype.kind in "iuf" or "float" in value.dtype.name
        return bool(value.shape == () and real)
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_whole(value: Any) -> TypeGuard[int]:
    """Returns whether a value is an integer of Python, NumPy or JAX; no bool and no float is."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return bool(value.shape == () and value.dtype.kind in "iu")
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def count(
    where: str,
    name: str,
    value: Any,
    *,
    least: int = 1,
    expected: str | None = None,
    action: str | None = None,
) -> int:
    """Returns an argument that must be a whole number.

    Args:
        where: The public call, without its arguments: ``"fit"``.
        name: The argument's name.
        value: What was passed.
        least: The smallest that it may be.
        expected: What the call takes, if there is more to say.
        action: What to do about it, likewise.

    Raises:
        ValueError: It is too small, or not a whole number.
    """
    if is_whole(value) and value >= least:
        return int(value)
    raise ValueError(
        explain(
            f"{where}({name}={_shown(value)})",
            expected=expected or _whole(least),
            received=describe(value),
            action=action or f"Pass `{name}` of at least {least}.",
        )
    )


def optional_count(
    where: str,
    name: str,
    value: Any,
    *,
    least: int = 1,
    expected: str | None = None,
    action: str | None = None,
) -> int | None:
    """Returns an argument that must be None or a whole number; see `count`."""
    if value is None:
        return None
    return count(
        where,
        name,
        value,
        least=least,
        expected=expected or f"{_whole(least)} or None",
        action=action or f"Pass `{name}` of at least {least}, or leave it out.",
    )


def number(
    where: str,
    name: str,
    value: Any,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    wrong_kind: type[Exception] = ValueError,
) -> float:
    """Returns an argument that must be a real number.

    Args:
        where: The public call, without its arguments: ``"EarlyStopping"``.
        name: The argument's name.
        value: What was passed.
        least: The smallest that it may be.
        most: The largest that it may be.
        wrong_kind: What to raise if it is not a number.

    Raises:
        ValueError: It is out of bounds, NaN, or not a number.
    """
    if is_number(value) and least <= float(value) <= most:
        return float(value)
    bounds = {
        (False, False): "",
        (True, False): f" of at least {least:g}",
        (False, True): f" of at most {most:g}",
        (True, True): f" between {least:g} and {most:g}",
    }[math.isfinite(least), math.isfinite(most)]
    raise (ValueError if is_number(value) else wrong_kind)(
        explain(
            f"{where}({name}={_shown(value)})",
            expected=f"a number{bounds}",
            received=describe(value),
            action=f"Pass `{name}` within these bounds." if bounds else "Pass a float.",
        )
    )


def share(where: str, name: str, value: Any, *, whole: bool = True, action: str) -> float:
    """Returns an argument that must be a share of a whole.

    Args:
        where: The public call, without its arguments.
        name: The argument's name.
        value: What was passed.
        whole: Whether 1 is legal.
        action: What to pass instead.

    Raises:
        ValueError: It is not a number from 0 to 1.
    """
    legal = is_number(value) and 0 <= float(value) <= 1
    if legal and (whole or float(value) < 1):
        return float(value)
    raise ValueError(
        explain(
            f"{where}({name}={_shown(value)})",
            expected="a share from 0 to 1" if whole else "a share of the samples in [0, 1)",
            received=describe(value),
            action=action,
        )
    )


def one_of(where: str, name: str, value: Any, legal: Sequence[str]) -> str:
    """Returns an argument that must be one of a few names.

    Raises:
        ValueError: It is another one.
    """
    if isinstance(value, str) and value in legal:
        return value
    raise ValueError(
        explain(
            f"{where}({name}={_shown(value)})",
            expected=" or ".join(f'"{choice}"' for choice in legal),
            received=describe(value),
            action=closest(value, legal),
        )
    )


def path(where: str, name: str, value: Any) -> str:
    """Returns an argument that must be a path, as text.

    Raises:
        TypeError: It is not a path.
    """
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    raise TypeError(
        explain(
            f"{where}({name}={_shown(value)})",
            expected="a path: text, or a `pathlib.Path`",
            received=describe(value),
            action="Pass the path of a file or directory.",
        )
    )


def shape(where: str, name: str, value: Any, *, least: int = 0) -> tuple[int | None, ...]:
    """Returns an argument that must be a shape: lengths, None for one that is open.

    Args:
        where: The public call, without its arguments.
        name: The argument's name.
        value: What was passed; a single whole number is the shape of a vector.
        least: The smallest that a length may be.

    Raises:
        ValueError: It is not a sequence of None and lengths of at least that.
    """
    lengths = (value,) if is_whole(value) else value
    legal = isinstance(lengths, Sequence) and not isinstance(lengths, str)
    if legal and all(
        length is None or (is_whole(length) and length >= least) for length in lengths
    ):
        return tuple(None if length is None else int(length) for length in lengths)
    raise ValueError(
        explain(
            f"{where}({name}={_shown(value)})",
            expected=f"a shape: a tuple of integers of at least {least}, None for an open length",
            received=repr(value) if isinstance(value, tuple | list) else describe(value),
            action=f"Pass for example {name}=(28, 28).",
        )
    )


def _whole(least: int) -> str:
    kinds = {0: "an integer, 0 or more", 1: "a positive integer"}
    return kinds.get(least, f"an integer of at least {least}")


def place(where: str, name: str, value: Any) -> str:
    """Returns an argument as errors name it: ``Dense(activation='relu')``."""
    return f"{where}({name}={_shown(value)})"


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float | None) else "..."
