"""The recipe of a module that trains itself: its own steps, followed by the timeline."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from callbax._core._hooks import Mode
from callbax._core._types import Array, PyTree
from callbax._data._feed import Targets
from callbax._data._placement import Placement
from callbax._modules._captured import Captured
from callbax._modules._own_training import (
    NumbersAccess,
    OwnState,
    OwnTraining,
    Seen,
    StepResult,
)
from callbax._modules._protocol import Arrays, Batch, Functional, Variables
from callbax._training._objective import Goals, Objective
from callbax._training._own_rest import OwnRest, OwnVariables
from callbax._training._pace import StepsPerExecution
from callbax._training._state import TrainState
from callbax._training._step import Fields, Outside, Step
from callbax.optimizers._live import Source

_FIELDS = ("params", "stats", "random", "optimizer", "learning_rate", "metrics")
"""Fields of a state, in the order of the leaves of an `OwnState`."""


@dataclass(frozen=True)
class Form:
    """What a step reports and changes.

    Attributes:
        keys: Keys of its logs, the loss first.
        moves: Fields of the state that it changes.
        computation: Its jaxpr.
    """

    keys: tuple[str, ...]
    moves: tuple[str, ...]
    computation: Any


@dataclass(frozen=True)
class OwnReport:
    """What the steps of a module report.

    Attributes:
        forms: Mode -> what its step reports and changes; those that have been asked for.
        first: The running sums with which an epoch starts; None for those that continue.
        known: Key -> "up" if more is better, "down" if less is, as far as the module says.
        classes: What knows the losses of class numbers; None if there are none.
    """

    forms: dict[Mode, Form]
    first: list[Array | None]
    known: dict[str, str]
    classes: Objective | None

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the training step's logs; before it was asked for, those of the other."""
        return (self.forms.get("train") or self.forms["test"]).keys

    @property
    def test_keys(self) -> tuple[str, ...]:
        """Keys of the evaluating step's logs, likewise."""
        return (self.forms.get("test") or self.forms["train"]).keys

    @property
    def directions(self) -> dict[str, str | None]:
        return {key: self.known.get(key, "down" if key == "loss" else None) for key in self.keys}

    def reset(self, metrics: PyTree) -> PyTree:
        """Returns running sums that start again, as far as the module has them start again."""
        pairs = zip(self.first, metrics, strict=True)
        return [so_far if first is None else first for first, so_far in pairs]

    def check(self, targets: Targets) -> None:
        """Looks at class numbers before the first step.

        Raises:
            ValueError: A label is outside the classes.
        """
        if self.classes is not None:
            self.classes.check(targets)


class OwnRecipe:
    """Training as the module does it.

    Args:
        functional: The module.
        own: Its steps.
    """

    _report: OwnReport | None
    _steps: dict[Mode, Callable[[OwnState, Batch], StepResult]]

    def __init__(self, functional: Functional, own: OwnTraining) -> None:
        self._functional, self._own = functional, own
        self.captured = Captured((), None)
        self.forget()

    def __getstate__(self) -> dict[str, Any]:
        return {"functional": self._functional, "own": self._own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def optimizer(self) -> Any:
        return self._own.optimizer

    @property
    def goals(self) -> Goals:
        return Goals(loss=self._own.loss)

    @property
    def steps_per_execution(self) -> StepsPerExecution:
        return self._own.steps_per_execution or "auto"

    @property
    def run_eagerly(self) -> bool:
        return self._own.run_eagerly

    @property
    def report(self) -> OwnReport | None:
        return self._report

    @property
    def descends(self) -> bool:
        return True  # a step of one's own need not have a loss

    @property
    def needs_targets(self) -> bool:
        return self._own.needs_targets

    @property
    def use_ema(self) -> bool:
        return self._own.use_ema

    def follow(self, source: Source) -> None:
        """Does nothing: the user's optimizer is shown the run while it lasts."""

    def bind(self, mode: Mode, batch: PyTree, variables: Variables) -> OwnReport:
        if self._report is None:
            self._own.bind(batch)
            first, known = self._own.reset(), self._own.directions()
            self._report = OwnReport({}, first, known, self._classes(batch))
        if mode not in self._report.forms:
            optimizer, rate = self._own.read()
            metrics = self._report.reset(self._own.metrics())
            state = OwnState(self._functional.read(), optimizer, rate, metrics)
            with self._own.sealed():
                self._report.forms[mode] = _form(self._steps[mode], state, batch)
        return self._report

    def forget(self) -> None:
        self._report = None

        # Functions of their own each time: JAX would find again what it traced of equal ones.
        def train(state: OwnState, batch: Batch) -> StepResult:
            return self._own.train(state, batch)

        def test(state: OwnState, batch: Batch) -> StepResult:
            return self._own.test(state, batch)

        # Traced once each, for the names of the logs and for the programs alike.
        self._steps = {
            "train": jax.jit(train, inline=True),
            "test": jax.jit(test, inline=True),
        }

    def rest(self, placement: Placement) -> OwnRest:
        return OwnRest(self._functional, self._own, placement)

    def step(self, mode: Mode, outside: Outside, batch: PyTree) -> Step:
        if mode == "predict" or self._report is None:
            return self._predict_step(batch)
        trains, step, form = mode == "train", self._steps[mode], self._report.forms[mode]
        moves = form.moves
        reads = tuple(field for field in _FIELDS if field not in moves)

        def run(state: Fields, batch: Batch) -> tuple[Fields, Float[Array, " keys"]]:
            result = step(_own_state(state), batch)
            after = _fields(result.state)
            moved = {field: after[field] for field in form.moves}
            if trains:
                moved["step"] = state["step"] + 1
            return moved, _row(result)

        if trains:
            moves = (*moves, "step")
        return Step(run, moves, reads, tuple(sorted(form.keys)), form.computation)

    def look(self, state: TrainState, batch: PyTree) -> Seen:
        """Computes what a training step computes on its way.

        Raises:
            TypeError: The step does not tell.
        """
        with jax.disable_jit(self.run_eagerly):
            seen: Seen = jax.jit(self._own.look)(_own_state(vars(state)), batch)
        return seen

    def shown(self, state: Fields) -> AbstractContextManager[None]:
        return nullcontext()

    def live(self, state: NumbersAccess) -> AbstractContextManager[None]:
        return self._own.live(state)

    def check_form(self, name: str, value: float, state: TrainState) -> None:
        """Does nothing: nobody but callbax's optimizers asks."""

    def averages(self, state: TrainState) -> Arrays | None:
        places = self._own.averaged()
        if places is None:
            return None
        return {
            path: state.optimizer[place]
            for path, place in zip(self._paths(state), places, strict=True)
        }

    def with_averages(self, state: TrainState, averages: Arrays) -> TrainState:
        optimizer = list(state.optimizer)
        for path, place in zip(self._paths(state), self._own.averaged() or (), strict=True):
            optimizer[place] = averages[path]
        return state.replace(optimizer=optimizer)

    def filed(self, paths: Sequence[str]) -> OwnVariables | None:
        return None if self.optimizer is None else OwnVariables()

    def _paths(self, state: TrainState) -> list[str]:
        return [path for path in self._functional.weight_paths() if path in state.params]

    def _classes(self, batch: PyTree) -> Objective | None:
        """Returns what knows the losses of class numbers, if they go by the outputs of callbax."""
        losses = self._own.class_losses()
        if losses is None:
            return None
        state = OwnState(self._functional.read(), [], jnp.zeros(()), [])
        y_pred, _ = jax.eval_shape(self._own.predict, state, batch[0])
        try:
            return Objective(Goals(loss=losses), batch[1], y_pred)
        except ValueError:  # Keras assigns losses to outputs in more ways
            return None

    def _predict_step(self, batch: PyTree) -> Step:
        state = OwnState(self._functional.read(), [], jnp.zeros(()), [])
        predict = jax.jit(self._own.predict, inline=True)
        jaxpr, form = jax.make_jaxpr(predict, return_shape=True)(state, batch[0])
        moves = _changed(jaxpr, form)
        reads = tuple(field for field in Variables._fields if field not in moves)

        def run(state: Fields, batch: Batch) -> tuple[Fields, PyTree]:
            variables = Variables(*(state[field] for field in Variables._fields))
            output, after = predict(OwnState(variables, [], jnp.zeros(()), []), batch[0])
            return {field: _fields(after)[field] for field in moves}, output

        return Step(run, moves, reads, None, jaxpr.jaxpr)


def _own_state(state: Fields) -> OwnState:
    variables = Variables(state["params"], state["stats"], state["random"])
    return OwnState(variables, state["optimizer"], state["learning_rate"], state["metrics"])


def _fields(state: OwnState) -> Fields:
    return state.variables._asdict() | {
        "optimizer": state.optimizer,
        "learning_rate": state.learning_rate,
        "metrics": state.metrics,
    }


def _form(step: Any, state: OwnState, batch: PyTree) -> Form:
    jaxpr, form = jax.make_jaxpr(step, return_shape=True)(state, batch)
    keys = sorted(form.logs, key=lambda key: key != "loss")
    return Form(tuple(keys), _changed(jaxpr, (form.logs, form.state)), jaxpr.jaxpr)


def _changed(jaxpr: Any, form: tuple[Any, OwnState]) -> tuple[str, ...]:
    """Returns the fields of a state that a computation changes.

    Args:
        jaxpr: One whose first input is the state, and whose last output is the state after it.
        form: Shapes and dtypes of its outputs.
    """
    state = form[-1]
    before = jaxpr.jaxpr.invars
    after = jaxpr.jaxpr.outvars[-len(jax.tree.leaves(state)) :]
    changed = []
    for field, arrays in _fields(state).items():
        count = len(jax.tree.leaves(arrays))
        if any(old is not new for old, new in zip(before[:count], after[:count], strict=True)):
            changed.append(field)
        before, after = before[count:], after[count:]
    return tuple(changed)


def _row(result: StepResult) -> Float[Array, " keys"]:
    logs = result.logs
    values = [jnp.asarray(logs[key], jnp.float32) for key in sorted(logs)]
    return jnp.stack([*values, result.loss])
