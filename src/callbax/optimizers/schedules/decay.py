"""Schedules that decay by a formula of the step."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from callbax._core._arguments import number
from callbax._core._types import Array
from callbax.optimizers.schedules._schedule import (
    SCHEDULES,
    LearningRateSchedule,
    as_float,
    need_steps,
)


@SCHEDULES.register()
class ExponentialDecay(LearningRateSchedule):
    """Multiplies the learning rate by a factor every n steps.

    The rate is ``initial_learning_rate * decay_rate ** (step / decay_steps)``.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps in which the rate is multiplied once by ``decay_rate``.
        decay_rate: The factor.
        staircase: Whether the rate falls at once, every ``decay_steps``, rather than gradually.
        name: Name, kept for saved files.

    Raises:
        ValueError: ``decay_steps`` is 0 or less, or a number is not one.

    Example:
        >>> schedule = ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
        >>> round(float(schedule(0)), 3), round(float(schedule(20)), 3)
        (0.1, 0.025)

    Source: ``keras.optimizers.schedules.ExponentialDecay``.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        need_steps(self, "decay_steps", decay_steps)
        self.initial_learning_rate: float = number(
            "ExponentialDecay", "initial_learning_rate", initial_learning_rate
        )
        self.decay_steps = decay_steps
        self.decay_rate: float = number("ExponentialDecay", "decay_rate", decay_rate)
        self.staircase = staircase
        self.name = name

    def __call__(self, step: ArrayLike) -> Array:
        """Returns the rate of a step."""
        decays = periods(step, self.decay_steps, staircase=self.staircase)
        return as_float(self.initial_learning_rate) * as_float(self.decay_rate) ** decays


@SCHEDULES.register()
class InverseTimeDecay(LearningRateSchedule):
    """Divides the learning rate by a number that grows with the steps.

    The rate is ``initial_learning_rate / (1 + decay_rate * step / decay_steps)``. With
    ``decay_steps=1`` this is what ``decay=decay_rate`` meant to Keras 2's optimizers.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps in which the divisor grows by ``decay_rate``.
        decay_rate: By how much it grows.
        staircase: Whether the rate falls at once, every ``decay_steps``, rather than gradually.
        name: Name, kept for saved files.

    Raises:
        ValueError: ``decay_steps`` is 0 or less, or a number is not one.

    Example:
        >>> schedule = InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)
        >>> round(float(schedule(10)), 3), round(float(schedule(30)), 3)
        (0.05, 0.025)

    Source: ``keras.optimizers.schedules.InverseTimeDecay``.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        need_steps(self, "decay_steps", decay_steps)
        self.initial_learning_rate: float = number(
            "InverseTimeDecay", "initial_learning_rate", initial_learning_rate
        )
        self.decay_steps = decay_steps
        self.decay_rate: float = number("InverseTimeDecay", "decay_rate", decay_rate)
        self.staircase = staircase
        self.name = name

    def __call__(self, step: ArrayLike) -> Array:
        """Returns the rate of a step."""
        decays = periods(step, self.decay_steps, staircase=self.staircase)
        return as_float(self.initial_learning_rate) / (1 + as_float(self.decay_rate) * decays)


@SCHEDULES.register()
class PolynomialDecay(LearningRateSchedule):
    """Brings the learning rate down to an end value along a power of the step.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps until the end value is reached.
        end_learning_rate: Rate from then on.
        power: Power of the remaining fraction of steps; 1 is a straight line.
        cycle: Whether the rate goes up again at the end, along a longer curve each time, rather
            than stay.
        name: Name, kept for saved files.

    Raises:
        ValueError: ``decay_steps`` is 0 or less, or a number is not one.

    Example:
        >>> schedule = PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)
        >>> round(float(schedule(5)), 3), round(float(schedule(99)), 3)
        (0.05, 0.0)

    Differs from Keras: compiled, Keras's is NaN after the end for some powers and steps, such as
    ``PolynomialDecay(0.1, 20, power=0.5)``; this stays at the end value.

    Source: ``keras.optimizers.schedules.PolynomialDecay``.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        need_steps(self, "decay_steps", decay_steps)
        self.initial_learning_rate: float = number(
            "PolynomialDecay", "initial_learning_rate", initial_learning_rate
        )
        self.decay_steps = decay_steps
        self.end_learning_rate: float = number(
            "PolynomialDecay", "end_learning_rate", end_learning_rate
        )
        self.power: float = number("PolynomialDecay", "power", power)
        self.cycle = cycle
        self.name = name

    def __call__(self, step: ArrayLike) -> Array:
        """Returns the rate of a step."""
        done, length = as_float(step), as_float(self.decay_steps)
        if self.cycle:
            length = length * jnp.maximum(1.0, jnp.ceil(done / length))
        else:
            done = jnp.minimum(done, length)
        start, end = as_float(self.initial_learning_rate), as_float(self.end_learning_rate)
        # Compiled, done / length may exceed 1 by a rounding error; roots below 0 are NaN.
        left = jnp.maximum(1 - done / length, 0.0)
        return (start - end) * left ** as_float(self.power) + end


def periods(step: ArrayLike, length: float, *, staircase: bool) -> Array:
    """Returns how many periods have passed at a step, whole ones only on a staircase."""
    passed = as_float(step) / as_float(length)
    return jnp.floor(passed) if staircase else passed
