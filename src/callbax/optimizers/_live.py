"""An optimizer's numbers: its own before training, those of each model's run from then on."""

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax.optimizers._rate import Schedule, as_rate, as_schedule


class Source(Protocol):
    """The place of the live numbers and of the step, as of the current batch."""

    learning_rate: float

    @property
    def step(self) -> int:
        """How many training steps came before."""

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """The numbers that were assigned in training, by name."""

    def set_hyperparameter(self, name: str, value: float) -> None:
        """Sets a number from the next step on."""

    def restart(self) -> bool:
        """Lets training start with the optimizer as it is now; returns False if it has begun."""


@dataclass(frozen=True)
class _Traced:
    """The numbers of the step that is being traced."""

    live: "Live"
    learning_rate: Array
    step: Array
    hyperparameters: Mapping[str, Array]


_TRACED: ContextVar[_Traced | None] = ContextVar("traced", default=None)
"""What optimizers read in a trace; other threads see their numbers as ever."""


class Live:
    """The numbers of an optimizer, a schedule among them, and where the current ones are kept.

    Those that the user made have no source: they are the ones that training starts with. Every
    model compiled with the optimizer gets numbers of its own, bound to that model's run. What the
    user sets on the first is passed on to all of these; what they set on one of these stays there.

    A number that nobody assigns in training is a constant of the compiled step. The first
    assignment makes it part of the state of the run, and the step is compiled once more.

    Args:
        owner: The optimizer's class name, as messages say it.
        rate: A learning rate or a schedule.
        hidden: Whether there is no rate to be seen, whatever is given.
    """

    def __init__(self, owner: str, rate: object, *, hidden: bool = False) -> None:
        where = f"{owner}(learning_rate=...)"
        self.owner = owner
        self.schedule: Schedule | None = None
        self.source: Source | None = None
        self.constants: dict[str, Any] = {}
        self._number: float | None = None
        self._runs: weakref.WeakSet[Live] = weakref.WeakSet()
        if hidden:
            return
        if callable(rate):
            self.schedule = as_schedule(rate, where=where)
        else:
            self._number = as_rate(rate, where=where)

    def bound_to(self, source: Source) -> "Live":
        """Returns the numbers of a model's run; these are left as they are."""
        bound = Live(self.owner, None, hidden=True)
        bound.schedule, bound.source = self.schedule, source
        bound._number = self._number if self.source is None else self.read()
        bound.constants = {name: self.number(name) for name in self.constants}
        self._runs.add(bound)
        return bound

    @contextmanager
    def traced(
        self, learning_rate: Array, step: Array, hyperparameters: Mapping[str, Array]
    ) -> Iterator[None]:
        """Lets whoever reads the optimizer read the numbers of the step that is being traced."""
        token = _TRACED.set(_Traced(self, learning_rate, step, hyperparameters))
        try:
            yield
        finally:
            _TRACED.reset(token)

    @property
    def is_hidden(self) -> bool:
        """Whether there is no learning rate to be seen."""
        return self.schedule is None and self._number is None

    @property
    def initial(self) -> float | None:
        """The rate with which training starts."""
        return self._number if self.schedule is None else self._scheduled(0)

    @property
    def step(self) -> Any:
        """How many training steps came before; 0 while no model uses the optimizer."""
        if (traced := self._traced) is not None:
            return traced.step
        if self.source is not None:
            return int(self.source.step)
        steps = {run.step for run in self._runs}
        return self._only(steps, "iterations") if steps else 0

    def at(self, number: Array, step: Array) -> Array:
        """Returns the rate of a step: the number, or the schedule's if there is one."""
        return number if self.schedule is None else jnp.asarray(self.schedule(step), jnp.float32)

    def read(self) -> Any:
        """Returns the current rate, rounded to float32; in a trace, the traced one."""
        if (traced := self._traced) is not None:
            return self.at(traced.learning_rate, traced.step)
        if self.schedule is not None:
            return self._scheduled(self.step)
        if self._number is None:
            raise self._nothing("learning_rate")
        if self.source is not None:
            return float(np.float32(self.source.learning_rate))
        rates = {run.read() for run in self._runs}
        return float(self._only(rates, "learning_rate") if rates else self._number)

    def number(self, name: str) -> Any:
        """Returns a hyperparameter; in a trace, the traced one if it is part of the state."""
        if (traced := self._traced) is not None:
            return traced.hyperparameters.get(name, self.constants[name])
        if self.source is not None:
            number = self.source.hyperparameters.get(name)
            return self.constants[name] if number is None else float(number)
        found = {run.number(name) for run in self._runs}
        return self._only(found, name) if found else self.constants[name]

    def assign(self, name: str, value: Any, *, compiled: bool) -> None:
        """Sets a hyperparameter, here and in the runs of all models that use it.

        Args:
            name: Its name.
            value: The value, checked.
            compiled: Whether it is compiled into every step, and never part of the state.

        Raises:
            ValueError: It cannot be changed any more.
        """
        for run in self._runs:
            run.assign(name, value, compiled=compiled)
        if self.source is None:
            self.constants[name] = value
            return
        before, self.constants[name] = self.constants.get(name), value
        if self.source.restart():
            return
        self.constants[name] = before
        if value == self.number(name):
            return
        if compiled or value is None:
            raise ValueError(
                explain(
                    f"{self.owner}.{name} = {value!r}",
                    expected="no change of what is compiled into every step once training has "
                    "begun",
                    received=f"{value!r}, and {before!r} before",
                    action=f"Compile again with {self.owner}({name}={value!r}).",
                )
            )
        self.source.set_hyperparameter(name, value)

    def write(self, value: object) -> None:
        """Sets the current rate, here and in the runs of all models that use it."""
        where = f"{self.owner}.learning_rate = ..."
        if self.is_hidden:
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
                    expected="no assignment, as a schedule sets the learning rate",
                    received=describe(value),
                    action="This optimizer was created with a `LearningRateSchedule`; to set the "
                    "learning rate yourself, make the optimizer with a float.",
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
        # A copy has numbers of its own: it starts at the current ones and belongs to no model.
        state = vars(self) | {"source": None, "_runs": ()}
        state["constants"] = {name: self.number(name) for name in self.constants}
        if self._number is not None:
            state["_number"] = self.read()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _runs=weakref.WeakSet())

    @property
    def _traced(self) -> _Traced | None:
        """The numbers of the step that is being traced, if it is one of this optimizer."""
        traced = _TRACED.get()
        if traced is None or not (traced.live is self or traced.live in self._runs):
            return None
        return traced

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
