"""Schedules along a cosine."""

import math

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
class CosineDecay(LearningRateSchedule):
    """Brings the learning rate down along half a cosine, after an optional linear warm-up.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps of the decay.
        alpha: Lowest rate, as a fraction of the rate from which it decays.
        name: Name, kept for saved files.
        warmup_target: Rate to which it rises first; ``None`` for no warm-up.
        warmup_steps: Steps of that rise.

    Raises:
        ValueError: ``decay_steps`` is 0 or less, or a number is not one.

    Example:
        >>> schedule = CosineDecay(0.0, decay_steps=10, warmup_target=0.1, warmup_steps=5)
        >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 15)]
        [0.0, 0.1, 0.05, 0.0]

    Source: ``keras.optimizers.schedules.CosineDecay``, after Loshchilov & Hutter,
    https://arxiv.org/abs/1608.03983.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        need_steps(self, "decay_steps", decay_steps)
        self.initial_learning_rate: float = number(
            "CosineDecay", "initial_learning_rate", initial_learning_rate
        )
        self.decay_steps = decay_steps
        self.alpha: float = number("CosineDecay", "alpha", alpha)
        self.name = name
        self.warmup_target: float | None = (
            None if warmup_target is None else number("CosineDecay", "warmup_target", warmup_target)
        )
        self.warmup_steps: float = number("CosineDecay", "warmup_steps", warmup_steps, least=0)

    def __call__(self, step: ArrayLike) -> Array:
        """Returns the rate of a step."""
        start, done = as_float(self.initial_learning_rate), as_float(step)
        if self.warmup_target is None:
            return start * self._factor(done)
        target, warmup = as_float(self.warmup_target), as_float(self.warmup_steps)
        # Without warm-up steps the first branch is never taken, but it is computed.
        rising = start + (target - start) * done / jnp.maximum(warmup, 1e-7)
        return jnp.where(done < warmup, rising, target * self._factor(done - warmup))

    def _factor(self, done: Array) -> Array:
        fraction = jnp.minimum(done / as_float(self.decay_steps), 1.0)
        return (1 - self.alpha) * half_cosine(fraction) + self.alpha


@SCHEDULES.register()
class CosineDecayRestarts(LearningRateSchedule):
    """Brings the learning rate down along half a cosine, again and again.

    Args:
        initial_learning_rate: Rate at step 0.
        first_decay_steps: Steps of the first decay.
        t_mul: How much longer each decay is than the one before.
        m_mul: How much higher each decay starts than the one before.
        alpha: Lowest rate, as a fraction of ``initial_learning_rate``.
        name: Name, kept for saved files.

    Raises:
        ValueError: ``first_decay_steps`` is 0 or less, or a number is not one.

    Example:
        >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
        >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 20, 30)]
        [0.1, 0.05, 0.1, 0.05, 0.1]

    Differs from Keras: a restart that rounding would delay by a step comes when it should.

    Source: ``keras.optimizers.schedules.CosineDecayRestarts``, after Loshchilov & Hutter,
    https://arxiv.org/abs/1608.03983.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        need_steps(self, "first_decay_steps", first_decay_steps)
        self.initial_learning_rate: float = number(
            "CosineDecayRestarts", "initial_learning_rate", initial_learning_rate
        )
        self.first_decay_steps = first_decay_steps
        self.t_mul: float = number("CosineDecayRestarts", "t_mul", t_mul)
        self.m_mul: float = number("CosineDecayRestarts", "m_mul", m_mul)
        self.alpha: float = number("CosineDecayRestarts", "alpha", alpha)
        self.name = name

    def __call__(self, step: ArrayLike) -> Array:
        """Returns the rate of a step."""
        passed = as_float(step) / as_float(self.first_decay_steps)
        if self.t_mul == 1.0:
            restarts = jnp.floor(passed)
            fraction = passed - restarts
        else:
            growth = as_float(self.t_mul)
            restarts = jnp.floor(jnp.log(1.0 - passed * (1.0 - growth)) / jnp.log(growth))
            before = (1.0 - growth**restarts) / (1.0 - growth)
            fraction = (passed - before) / growth**restarts
            # The logarithm may miss a restart by a rounding error: log(8192) / log(2) < 13.
            missed = fraction >= 1
            restarts, fraction = restarts + missed, jnp.where(missed, 0.0, fraction)
        height = as_float(self.m_mul) ** restarts * half_cosine(fraction)
        return as_float(self.initial_learning_rate) * ((1 - self.alpha) * height + self.alpha)


def half_cosine(fraction: Array) -> Array:
    """Returns the curve that falls from 1 to 0 as the fraction rises from 0 to 1."""
    return 0.5 * (1.0 + jnp.cos(math.pi * fraction))
