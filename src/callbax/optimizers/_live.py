"""An optimizer's learning rate: its own before training, the training state's from then on."""

from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax.optimizers._rate import Schedule, as_rate, as_schedule


class Source(Protocol):
    """The place of the live learning rate and step, as of the current batch."""

    learning_rate: float

    @property
    def step(self) -> int:
        """How many training steps came before."""


class LiveRate:
    """A number or a schedule, and where the number in force is kept.

    Args:
        owner: The optimizer's class name, as messages say it.
        given: A number or a schedule.
        hidden: Whether there is no rate to be seen, whatever is given.
    """

    def __init__(self, owner: str, given: Any, *, hidden: bool = False) -> None:
        where = f"{owner}(learning_rate=...)"
        self.owner = owner
        self.schedule: Schedule | None = None
        self.source: Source | None = None
        self._number: float | None = None
        if hidden:
            return
        if callable(given):
            self.schedule = as_schedule(given, where=where)
        else:
            self._number = as_rate(given, where=where)

    @property
    def initial(self) -> float | None:
        """The rate with which training starts."""
        return self._number if self.schedule is None else self._scheduled(0)

    @property
    def step(self) -> int:
        """How many training steps came before."""
        return 0 if self.source is None else int(self.source.step)

    def at(self, number: Array, step: Array) -> Array:
        """Returns the rate of a step: the number, or the schedule's if there is one."""
        return number if self.schedule is None else jnp.asarray(self.schedule(step), jnp.float32)

    def read(self) -> float:
        """Returns the rate in force, rounded to float32."""
        if self.schedule is not None:
            return self._scheduled(self.step)
        if self._number is None:
            raise self._nothing("learning_rate")
        return self._number if self.source is None else float(np.float32(self.source.learning_rate))

    def write(self, value: Any) -> None:
        """Sets the rate in force."""
        where = f"{self.owner}.learning_rate = ..."
        if self.schedule is None and self._number is None:
            raise self._nothing("learning_rate = ...")
        if callable(value):
            if self.source is not None:
                raise TypeError(
                    explain(
                        where,
                        expected="a number while a model uses the optimizer",
                        received="a learning-rate schedule, which is compiled into the step",
                        action="Compile the model again with an optimizer made with the schedule.",
                    )
                )
            self.schedule = as_schedule(value, where=where)
            return
        if self.schedule is not None:
            raise TypeError(
                explain(
                    where,
                    expected="no assignment, because this optimizer was created with a "
                    "`LearningRateSchedule`, which sets the learning rate",
                    received=describe(value),
                    action="To set the learning rate yourself, make the optimizer with a float.",
                )
            )
        number = as_rate(value, where=where)
        if self.source is None:
            self._number = number
        else:
            self.source.learning_rate = number

    def unbind(self) -> None:
        """Takes the source's rate over and forgets the source."""
        if self.source is not None and self._number is not None:
            self._number = float(np.float32(self.source.learning_rate))
        self.source = None

    def _scheduled(self, step: int) -> float:
        return float(self.at(jnp.float32(0), jnp.int32(step)))

    def _nothing(self, attribute: str) -> AttributeError:
        return AttributeError(
            explain(
                f"{self.owner}.{attribute}",
                expected="an optimizer whose learning rate can be seen",
                received="an optax transformation that keeps its learning rate to itself",
                action="Make it with optax.inject_hyperparams, as in "
                "optax.inject_hyperparams(optax.adam)(learning_rate=0.001), or use an optimizer "
                "of callbax, such as Adam.",
            )
        )
