"""The recipe of callbax's own: a module's outputs, losses and metrics of them, an optimizer."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

import jax
import numpy as np

from callbax._core._errors import explain
from callbax._core._hooks import Mode
from callbax._core._types import PyTree
from callbax._data._mesh_placement import followed
from callbax._data._placement import Placement
from callbax._modules._captured import Captured
from callbax._modules._own_training import NumbersAccess
from callbax._modules._protocol import Arrays, Functional, Variables
from callbax._modules._trace import trace
from callbax._training._computed import Computed
from callbax._training._objective import Goals, Objective
from callbax._training._pace import StepsPerExecution
from callbax._training._pool import computed
from callbax._training._rest import Resting
from callbax._training._state import TrainState
from callbax._training._step import Fields, Outside, Step, predict_step, test_step, train_step
from callbax.optimizers import Optimizer, ema_of, with_ema
from callbax.optimizers._live import Source
from callbax.optimizers._variables import OptimizerVariables


class NativeRecipe:
    """Gradients of a loss of the module's outputs, for an optimizer of callbax or optax.

    Args:
        functional: The module.
        optimizer: The optimizer, bound to the model's run; None if the model is not compiled.
        goals: Losses and metrics.
        given: The optimizer that the user gave, of which the other one is bound.
        steps_per_execution: Steps in one dispatch.
        run_eagerly: Whether every step runs in Python.
    """

    report: Objective | Computed | None

    def __init__(
        self,
        functional: Functional,
        optimizer: Optimizer | None = None,
        goals: Goals | None = None,
        given: Optimizer | None = None,
        *,
        steps_per_execution: StepsPerExecution = "auto",
        run_eagerly: bool = False,
    ) -> None:
        self._functional = functional
        self.optimizer, self.given = optimizer, given
        self.goals = goals or Goals()
        self.steps_per_execution, self.run_eagerly = steps_per_execution, run_eagerly
        self.forget()

    @classmethod
    def compiled(
        cls,
        functional: Functional,
        optimizer: Optimizer,
        goals: Goals,
        *,
        before: object,
        source: Source,
        steps_per_execution: StepsPerExecution,
        run_eagerly: bool,
    ) -> Self:
        """Returns the recipe for what ``compile`` was given.

        Args:
            functional: The module.
            optimizer: The user's optimizer, or the one of the recipe before, which continues then.
            goals: Losses and metrics.
            before: The recipe before.
            source: The model's run, which the optimizer's numbers are those of.
            steps_per_execution: Steps in one dispatch.
            run_eagerly: Whether every step runs in Python.
        """
        bound, given = None, optimizer
        if isinstance(before, NativeRecipe) and (
            optimizer is before.optimizer or optimizer is before.given
        ):
            bound, given = before.optimizer, before.given or optimizer
        return cls(
            functional,
            bound or optimizer.bind(source),
            goals,
            given,
            steps_per_execution=steps_per_execution,
            run_eagerly=run_eagerly,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy needs: nothing that was bound."""
        names = ("optimizer", "goals", "steps_per_execution", "run_eagerly")
        return {name: getattr(self, name) for name in names} | {"functional": self._functional}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def descends(self) -> bool:
        return self.goals.loss is not None or self.goals.compute_loss is not None

    @property
    def needs_targets(self) -> bool:
        return self.goals.loss is not None and self.goals.compute_loss is None

    @property
    def use_ema(self) -> bool:
        return self.optimizer is not None and self.optimizer.use_ema

    def follow(self, source: Source) -> None:
        if self.optimizer is not None:
            self.optimizer.live.source = source

    def bind(self, mode: Mode, batch: PyTree, variables: Variables) -> Objective | Computed:
        if mode == "train":
            _need_trainable(self._functional)
        if self.report is None:
            _, y_pred = trace(self._functional, variables, batch[0])
            if self.goals.compute_loss is None:
                self.report = Objective(self.goals, batch[1], y_pred)
            else:
                self.report = Computed(self.goals.compute_loss, self.goals, y_pred, batch)
            self.captured = Captured(self.goals.functions(), self._functional.module)
        return self.report

    def forget(self) -> None:
        self.report = None
        self.captured = Captured((), None)

    def rest(self, placement: Placement) -> Resting:
        rate = 0.0 if self.optimizer is None else self.optimizer.initial_learning_rate or 0.0
        numbers = placement.place_state(np.int32(0)), placement.place_state(np.float32(rate))
        return Resting(self._functional, self._init, *numbers, placement)

    def step(self, mode: Mode, outside: Outside, batch: PyTree) -> Step:
        if mode == "predict" or self.report is None:
            return predict_step(self._functional)
        if mode == "test":
            return test_step(self._functional, self.report, outside)
        return train_step(self._functional, self.report, self._compiled(), outside)

    @contextmanager
    def shown(self, state: Fields) -> Iterator[None]:
        numbers = state["learning_rate"], state["step"], state["hyperparameters"]
        with self._compiled().traced(*numbers), self.captured.shown(state["captured"]):
            yield

    def live(self, state: NumbersAccess) -> AbstractContextManager[None]:
        return nullcontext()  # the optimizer asks its source, and metrics hold nothing

    def check_form(self, name: str, value: float, state: TrainState) -> None:
        optimizer = self._compiled()
        with optimizer.traced(state.learning_rate, state.step, state.hyperparameters):
            form = jax.eval_shape(optimizer.init, state.params)
        structures: list[Any] = [jax.tree.structure(tree) for tree in (form, state.optimizer)]
        if structures[0] != structures[1]:
            raise ValueError(
                explain(
                    f"{type(optimizer).__name__}.{name} = {value!r}",
                    expected="a number that the optimizer has kept state for from its first step",
                    received=f"an optimizer that was made without `{name}`",
                    action=f"Make it with {name}={value!r} and compile again.",
                )
            )

    def averages(self, state: TrainState) -> Arrays | None:
        return ema_of(state.optimizer)

    def with_averages(self, state: TrainState, averages: Arrays) -> TrainState:
        return state.replace(optimizer=with_ema(state.optimizer, averages))

    def filed(self, paths: Sequence[str]) -> OptimizerVariables | None:
        return None if self.optimizer is None else OptimizerVariables(self.optimizer, paths)

    def _compiled(self) -> Optimizer:
        """Returns the optimizer of a model that was compiled."""
        if self.optimizer is None:
            raise RuntimeError("The model was not compiled.")
        return self.optimizer

    def _init(self, params: Arrays) -> PyTree:
        # In one program: array by array costs a compilation each, and leaves weak dtypes.
        if self.optimizer is None:
            return ()
        divided = followed(jax.eval_shape(self.optimizer.init, params), params)
        if divided is None:
            return computed(self.optimizer.init, params)
        return jax.jit(self.optimizer.init, out_shardings=divided)(params)


def _need_trainable(functional: Functional) -> None:
    if not functional.trains():
        raise ValueError(
            explain(
                "fit",
                expected="a module with weights that training can change",
                received=f"a {type(functional.module).__name__} with none",
                action="`model.weights` lists the paths of those that it has: make them before "
                "`fit`, and look at what Model(trainable=...) returns for them.",
            )
        )
