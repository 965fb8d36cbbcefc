"""Learning rates: what may be given for one."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from callbax._core._arguments import is_number
from callbax._core._calls import UNTRACEABLE
from callbax._core._errors import describe, explain
from callbax._core._types import Array

Schedule = Callable[[Array], ArrayLike]
"""Step -> learning rate, traceable."""


def as_rate(value: object, *, where: str) -> float:
    """Returns a learning rate as it will be in training, rounded to float32.

    Args:
        value: A number or an array without dimensions.
        where: The public call to name in an error, without backticks.

    Raises:
        TypeError: It is not a number.
        ValueError: It is negative or not finite.
    """
    if not is_number(value):
        raise TypeError(
            explain(
                where,
                expected="a number, a `LearningRateSchedule` or a function of (step,)",
                received=describe(value),
                action="Pass a float, such as 0.001.",
            )
        )
    with np.errstate(over="ignore"):
        rate = float(np.float32(value))
    if not math.isfinite(rate) or rate < 0:
        raise ValueError(
            explain(
                where,
                expected="a finite learning rate of at least 0",
                received=f"{float(value)!r}",
                action="Pass 0 to hold the weights still. To climb instead of descend, negate "
                "the loss.",
            )
        )
    return rate


def as_schedule(schedule: Callable[..., Any], *, where: str) -> Schedule:
    """Returns a schedule, once it is clear that it can be part of a compiled step.

    Args:
        schedule: A function of (step,).
        where: The public call to name in an error, without backticks.

    Raises:
        TypeError: It does not take one argument, or cannot be traced.
        ValueError: It does not return a scalar.
    """
    received = getattr(schedule, "__name__", None) or describe(schedule)
    if not takes_one_argument(schedule):
        raise TypeError(
            explain(
                where,
                expected="a learning-rate schedule that takes the step as its one argument",
                received=f"{received}{inspect.signature(schedule)}",
                action="Write it as a function of (step,); for a constant rate pass the number.",
            )
        )
    try:
        rate = jax.eval_shape(lambda step: jnp.asarray(schedule(step)), jnp.int32(0))
    except UNTRACEABLE as error:
        raise TypeError(
            explain(
                where,
                expected="a learning-rate schedule that can be compiled",
                received=f"{received}, which needs the step as a Python number",
                action="Use jax.numpy in it, and jnp.where(step < n, a, b) in place of if. For "
                "a rate chosen by Python at each epoch, use `LearningRateScheduler`.",
            )
        ) from error
    if rate.shape != ():
        raise ValueError(
            explain(
                where,
                expected="a learning-rate schedule that returns one number",
                received=f"{received}, which returns an array of shape {rate.shape}",
                action="Return a scalar.",
            )
        )
    return schedule


def takes_one_argument(function: Callable[..., Any]) -> bool:
    """Returns whether a callable can be called with one argument, as far as Python can tell."""
    try:
        inspect.signature(function).bind(0)
    except TypeError:
        return False
    except ValueError:
        return True
    return True
