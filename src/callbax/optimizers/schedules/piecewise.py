"""A schedule that goes in steps."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from callbax._core._arguments import is_number
from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax.optimizers.schedules._schedule import SCHEDULES, LearningRateSchedule


@SCHEDULES.register()
class PiecewiseConstantDecay(LearningRateSchedule):
    """Holds the learning rate constant between given steps.

    Args:
        boundaries: Last step of each value but the last, rising.
        values: The rates, one more than boundaries.
        name: Name, kept for saved files.

    Raises:
        ValueError: The lengths do not fit together, the boundaries do not rise, or something is
            not a number.

    Example:
        >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
        >>> [round(float(schedule(step)), 3) for step in (100, 101, 201)]
        [0.1, 0.01, 0.001]

    Differs from Keras: boundaries that do not rise are refused rather than summed up.

    Source: ``keras.optimizers.schedules.PiecewiseConstantDecay``.
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        boundaries = _numbers("boundaries", boundaries)
        values = _numbers("values", values)
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                explain(
                    "PiecewiseConstantDecay(boundaries, values)",
                    expected="one boundary less than values",
                    received=f"{len(boundaries)} boundaries and {len(values)} values",
                    action="Give the rate before the first boundary, between each two, and after "
                    "the last.",
                )
            )
        if boundaries != sorted(boundaries):
            raise ValueError(
                explain(
                    "PiecewiseConstantDecay(boundaries, values)",
                    expected="boundaries in rising order",
                    received=f"boundaries={boundaries}",
                    action="Sort the boundaries, and the values with them.",
                )
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: ArrayLike) -> Array:
        """Returns the rate of a step."""
        # Compared as floats, so that a boundary at 2.5 lies between steps 2 and 3.
        passed = jnp.asarray(step) > jnp.asarray(self.boundaries, jnp.float32)
        return jnp.asarray(self.values, jnp.float32)[jnp.sum(passed)]


def _numbers(argument: str, values: Sequence[float]) -> list[float]:
    """Returns numbers as plain ones, whole numbers as they are."""
    if isinstance(values, Sequence | np.ndarray | jax.Array) and all(map(is_number, values)):
        plain: list[float] = np.asarray(values).tolist()
        return plain
    raise ValueError(
        explain(
            f"PiecewiseConstantDecay({argument}=...)",
            expected="a sequence of numbers",
            received=describe(values),
            action="Pass for example boundaries=[100, 200] and values=[0.1, 0.01, 0.001].",
        )
    )
