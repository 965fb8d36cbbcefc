"""An optimizer's learning rate: its own before training, that of each model's run from then on."""

import weakref
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
    """A number or a schedule, and where the current number is kept.

    A rate that the user made has no source: its number is the one that training starts with. Every
    model compiled with it gets a rate of its own, bound to that model's run. What the user sets on
    the first is passed on to all of these; what they set on one of these stays there.

    Args:
        owner: The optimizer's class name, as messages say it.
        given: A number or a schedule.
        hidden: Whether there is no rate to be seen, whatever is given.
    """

    def __init__(self, owner: str, given: object, *, hidden: bool = False) -> None:
        where = f"{owner}(learning_rate=...)"
        self.owner = owner
        self.schedule: Schedule | None = None
        self.source: Source | None = None
        self._number: float | None = None
        self._runs: weakref.WeakSet[LiveRate] = weakref.WeakSet()
        if hidden:
            return
        if callable(given):
            self.schedule = as_schedule(given, where=where)
        else:
            self._number = as_rate(given, where=where)

    def bound_to(self, source: Source) -> "LiveRate":
        """Returns the rate of a model's run; this one is left as it is."""
        bound = LiveRate(self.owner, None, hidden=True)
        bound.schedule, bound.source = self.schedule, source
        bound._number = self._number if self.source is None else self.read()
        self._runs.add(bound)
        return bound

    @property
    def initial(self) -> float | None:
        """The rate with which training starts."""
        return self._number if self.schedule is None else self._scheduled(0)

    @property
    def step(self) -> int:
        """How many training steps came before; 0 while no model uses the optimizer."""
        if self.source is not None:
            return int(self.source.step)
        steps = {run.step for run in self._runs}
        return self._only(steps, "iterations") if steps else 0

    def at(self, number: Array, step: Array) -> Array:
        """Returns the rate of a step: the number, or the schedule's if there is one."""
        return number if self.schedule is None else jnp.asarray(self.schedule(step), jnp.float32)

    def read(self) -> float:
        """Returns the current rate, rounded to float32."""
        if self.schedule is not None:
            return self._scheduled(self.step)
        if self._number is None:
            raise self._nothing("learning_rate")
        if self.source is not None:
            return float(np.float32(self.source.learning_rate))
        rates = {run.read() for run in self._runs}
        return float(self._only(rates, "learning_rate") if rates else self._number)

    def write(self, value: object) -> None:
        """Sets the current rate, here and in the runs of all models that use it."""
        where = f"{self.owner}.learning_rate = ..."
        if self.schedule is None and self._number is None:
            raise self._nothing("learning_rate = ...")
        if callable(value):
            if self.source is not None or self._runs:
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
        for run in self._runs:
            run.write(number)

    def __getstate__(self) -> dict[str, Any]:
        # A copy is a rate of its own: it starts at the current number and belongs to no model.
        state = vars(self) | {"source": None, "_runs": ()}
        if self._number is not None:
            state["_number"] = self.read()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _runs=weakref.WeakSet())

    def _only(self, values: set[Any], attribute: str) -> Any:
        """Returns what the runs of all models agree on.

        Raises:
            ValueError: They differ.
        """
        if len(values) == 1:
            return values.pop()
        raise ValueError(
            explain(
                f"{self.owner}.{attribute}",
                expected="an optimizer that is used by one model",
                received=f"one that {len(self._runs)} models were compiled with, each with its own",
                action=f"Ask the one that you mean: `model.optimizer.{attribute}`.",
            )
        )

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
