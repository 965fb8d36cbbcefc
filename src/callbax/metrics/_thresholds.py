"""Where predictions are cut into positive and negative."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from callbax._core._arguments import is_number
from callbax._core._budget import spend
from callbax._core._errors import describe, explain

EPSILON = 1e-7
"""Keras's, by which the outer thresholds of curves lie outside of [0, 1]."""

ThresholdsLike = float | Sequence[float]
"""A number from 0 to 1, or several."""


@dataclass(frozen=True)
class Thresholds:
    """Predictions above a threshold are positive at it.

    Attributes:
        values: The thresholds.
        evenly: Whether they divide [0, 1] evenly: then predictions are sorted into buckets, which
            costs the same however many thresholds there are.
        outside: Whether the first is below 0, so that all predictions are above it.
    """

    values: tuple[float, ...]
    evenly: bool
    outside: bool = False

    @classmethod
    def chosen(cls, values: tuple[float, ...]) -> "Thresholds":
        """Returns thresholds that a user named."""
        return cls(values, divides_evenly(values))

    @classmethod
    def spread(cls, count: int, *, between: tuple[float, ...] | None = None) -> "Thresholds":
        """Returns thresholds for a curve, of which the two ends are just outside of [0, 1].

        Args:
            count: How many there are with the ends.
            between: Those between the ends; None divides evenly.
        """
        evenly = between is None or divides_evenly((0.0, *between, 1.0))
        inner = even(count)[1:-1] if between is None else between
        return cls((-EPSILON, *inner, 1.0 + EPSILON), evenly, outside=True)


def even(count: int) -> tuple[float, ...]:
    """Returns numbers that divide [0, 1] evenly, both ends among them."""
    spend((4 * count,), np.float64)  # what numbers in a tuple take
    return (0.0, *((i + 1) / (count - 1) for i in range(count - 2)), 1.0)


def divides_evenly(values: Sequence[float]) -> bool:
    """Returns whether sorted numbers divide [0, 1] evenly, up to rounding.

    Source: ``is_evenly_distributed_thresholds`` in Keras.
    """
    if len(values) < 3:
        return False
    steps = np.arange(len(values), dtype=np.float32) / (len(values) - 1)
    return bool(np.allclose(values, steps, atol=EPSILON))


def parse(where: str, thresholds: ThresholdsLike) -> tuple[float, ...]:
    """Returns thresholds that a user passed, one or several.

    Args:
        where: The public class, without its arguments.
        thresholds: A number, or a sequence of numbers.

    Raises:
        ValueError: One is not a number from 0 to 1, or there is none.
    """
    values: list[Any] = [thresholds]
    if np.ndim(thresholds) == 1:
        values = list(thresholds)  # type: ignore[arg-type]
    wrong = [value for value in values if not is_number(value) or not 0 <= float(value) <= 1]
    if values and not wrong:
        return tuple(float(value) for value in values)
    raise ValueError(
        explain(
            f"{where}(thresholds={thresholds!r})",
            expected="a number from 0 to 1, or a list of such numbers",
            received=describe(wrong[0]) if wrong else "an empty list",
            action="Predictions are probabilities; after a linear last layer apply a sigmoid.",
        )
    )
