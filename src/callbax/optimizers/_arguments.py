"""Checks of the arguments that optimizers take."""

import math
from collections.abc import Iterable
from typing import Any

from callbax._core import _arguments
from callbax._core._arguments import is_number
from callbax._core._config import parameters
from callbax._core._errors import closest, describe, explain

FORMER = {
    "decay": "Pass learning_rate=schedules.InverseTimeDecay(rate, 1, decay), which is what "
    "decay meant, or weight_decay for decaying weights. ",
}
"""Arguments of older Keras versions -> what to write in their place."""


def number(owner: str, argument: str, value: object, *, most: float = math.inf) -> float:
    """Returns an argument that must be a number of at least 0.

    Args:
        owner: The class at fault, as messages say it.
        argument: The argument's name.
        value: What was passed.
        most: The largest that it may be.

    Raises:
        TypeError: It is not a number.
        ValueError: It is out of bounds.
    """
    return _arguments.number(owner, argument, value, least=0, most=most, wrong_kind=TypeError)


def fraction(owner: str, argument: str, value: object) -> float:
    """Returns an argument that must be a number from 0 to 1."""
    return number(owner, argument, value, most=1)


def positive_fraction(owner: str, argument: str, value: object) -> float:
    """Returns an argument that must be a number above 0, at most 1."""
    checked = fraction(owner, argument, value)
    if checked == 0:
        raise ValueError(
            explain(
                f"{owner}({argument}=0)",
                expected="a number above 0, at most 1",
                received="0",
                action=f"Pass a small `{argument}`.",
            )
        )
    return checked


def optional_number(owner: str, argument: str, value: object) -> float | None:
    """Returns an argument that must be ``None`` or a number of at least 0."""
    return None if value is None else number(owner, argument, value)


def optional_count(owner: str, argument: str, value: object, *, least: int) -> int | None:
    """Returns an argument that must be ``None`` or a whole number.

    Args:
        owner: The class at fault, as messages say it.
        argument: The argument's name.
        value: What was passed.
        least: The smallest that it may be.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is too small.
    """
    if value is None:
        return None
    if is_number(value) and float(value).is_integer():
        if value >= least:
            return int(value)
        wrong: type[Exception] = ValueError
    else:
        wrong = TypeError
    raise wrong(
        explain(
            f"{owner}({argument}=...)",
            expected=f"None or a whole number of at least {least}",
            received=describe(value),
            action=f"Leave {argument} out to do without it.",
        )
    )


def need_one(owner: str, **options: Any) -> None:
    """Requires that at most one of several options is given.

    Raises:
        ValueError: There are more.
    """
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise ValueError(
            explain(
                f"{owner}({', '.join(f'{name}=...' for name in given)})",
                expected=f"at most one of {', '.join(options)}",
                received=" and ".join(given),
                action="Keep one of them.",
            )
        )


def reject_unknown(owner: type, unknown: Iterable[str]) -> None:
    """Requires that no argument is left over.

    Args:
        owner: The class that was called.
        unknown: Names of arguments that nothing took.

    Raises:
        TypeError: There are such names; the message lists the closest legal ones.
    """
    for name in unknown:
        raise TypeError(
            explain(
                f"{owner.__name__}({name}=...)",
                expected="arguments that this optimizer takes",
                received=f'"{name}"',
                action=f"{FORMER.get(name, '')}{closest(name, parameters(owner))}",
            )
        )


class Default(float):
    """The learning rate of an optimizer that was given none: its default, and known to be that."""


def merge_rates(owner: type, learning_rate: object, lr: object) -> Any:
    """Returns the learning rate from its two spellings.

    Args:
        owner: The class that was called.
        learning_rate: What came under Keras 3's name, or a `Default`.
        lr: What came under the older name; ``None`` for nothing.

    Raises:
        TypeError: Both were given.
    """
    if lr is None:
        return learning_rate
    default = parameters(owner)["learning_rate"].default
    # A subclass of the user's own has a plain number for its default.
    if not isinstance(learning_rate, Default) and (
        isinstance(default, Default) or learning_rate != default
    ):
        raise TypeError(
            explain(
                f"{owner.__name__}(learning_rate=..., lr=...)",
                expected="one learning rate",
                received="both learning_rate and lr, the older name of the same",
                action="Keep learning_rate.",
            )
        )
    return lr
