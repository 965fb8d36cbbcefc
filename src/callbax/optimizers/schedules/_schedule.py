"""The base class of learning-rate schedules, and the way to and from plain dicts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

import jax.numpy as jnp
from jax.typing import ArrayLike

from callbax._core._arguments import is_number
from callbax._core._config import config_of, unknown_arguments
from callbax._core._errors import describe, explain
from callbax._core._registry import Registry
from callbax._core._types import Array

SCHEDULES = Registry("schedule", alternatives="a `LearningRateSchedule`, or a function of (step,)")


class LearningRateSchedule(ABC):
    """A learning rate that depends on the step.

    Subclass it for a schedule of your own that can be saved: override `__call__` and
    `get_config`. A plain function of (step,), such as an optax schedule, will do if nothing is
    saved.

    Example:
        >>> class Warmup(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 * jnp.minimum(1.0, (step + 1) / 5)
        >>> round(float(Warmup()(0)), 3), round(float(Warmup()(9)), 3)
        (0.02, 0.1)

    Source: ``keras.optimizers.schedules.LearningRateSchedule``.
    """

    @abstractmethod
    def __call__(self, step: ArrayLike) -> Array:
        """Returns the rate of a step; it is traced, so it must be written in ``jax.numpy``.

        Args:
            step: How many steps came before, an int32 scalar.

        Returns:
            The learning rate, a scalar.
        """

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, as plain values.

        Raises:
            NotImplementedError: The subclass does not say what they are.
        """
        name = type(self).__name__
        config = config_of(self)
        if not config or unknown_arguments(self):
            raise NotImplementedError(
                explain(
                    f"{name}.get_config()",
                    expected="a schedule that keeps what it was made with as attributes",
                    received=f"{name}, which keeps none and does not override get_config",
                    action="Return the constructor's arguments as a dict from get_config.",
                )
            )
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes a schedule of what `get_config` returned."""
        return cls(**config)


def serialize(learning_rate_schedule: Callable[..., Any]) -> dict[str, Any]:
    """Turns a schedule into plain values, fit for JSON.

    Args:
        learning_rate_schedule: A schedule with a `get_config`.

    Returns:
        A dict of ``class_name`` and ``config``.

    Raises:
        TypeError: It is a plain function, which plain values cannot describe.

    Example:
        >>> from callbax.optimizers.schedules.piecewise import PiecewiseConstantDecay
        >>> serialize(PiecewiseConstantDecay([10], [0.1, 0.01]))["class_name"]
        'PiecewiseConstantDecay'

    Source: ``keras.optimizers.schedules.serialize``.
    """
    if not isinstance(learning_rate_schedule, LearningRateSchedule):
        raise TypeError(
            explain(
                "schedules.serialize(...)",
                expected="a `LearningRateSchedule`",
                received=describe(learning_rate_schedule),
                action="Put the function into a subclass of LearningRateSchedule with a "
                "get_config, and pass that as learning_rate.",
            )
        )
    return {
        "class_name": type(learning_rate_schedule).__name__,
        "config": learning_rate_schedule.get_config(),
    }


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> LearningRateSchedule:
    """Makes a schedule of what `serialize` returned, here or in Keras.

    Args:
        config: A dict of ``class_name`` and ``config``.
        custom_objects: Classes of your own, by name.

    Returns:
        The schedule.

    Raises:
        ValueError: No schedule has that name.

    Example:
        >>> config = {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}
        >>> schedule = deserialize({"class_name": "ExponentialDecay", "config": config})
        >>> round(float(schedule(10)), 3)
        0.05

    Source: ``keras.optimizers.schedules.deserialize``.
    """
    name = config.get("class_name")
    found: Any = (custom_objects or {}).get(str(name))
    if found is None:
        if not isinstance(name, str):
            raise SCHEDULES.reject(config, where="schedules.deserialize(...)")
        found = SCHEDULES.lookup(name, where=f"schedules.deserialize({name!r})")
    schedule: LearningRateSchedule = found.from_config(config.get("config") or {})
    return schedule


def as_float(value: ArrayLike) -> Array:
    """Returns a number as a float32 scalar.

    Keras computes in the dtype of ``initial_learning_rate``, so an int there rounds the whole
    schedule to whole numbers.
    """
    return jnp.asarray(value, jnp.float32)


def need_steps(schedule: LearningRateSchedule, argument: str, value: float) -> None:
    """Requires a number of steps above 0.

    Raises:
        ValueError: It is 0 or less.
    """
    if not is_number(value) or value <= 0:
        raise ValueError(
            explain(
                f"{type(schedule).__name__}({argument}={value!r})",
                expected="a number of steps above 0",
                received=describe(value),
                action="Pass over how many steps the learning rate decays.",
            )
        )
