"""The state between runs."""

from collections.abc import Callable
from typing import Any, Protocol

import jax

from callbax._core._types import Array, PyTree
from callbax._data._placement import Placement
from callbax._modules._protocol import Arrays, Functional, Variables
from callbax._training._state import TrainState


class StateSource(Protocol):
    """Where the state at the current batch is: in a run the timeline, between runs at rest."""

    def read(self) -> TrainState:
        """Returns the state at the current batch."""

    def write(self, state: TrainState) -> None:
        """Replaces it by another of the same shapes and dtypes."""


class Rest(StateSource, Protocol):
    """The place of the state between runs.

    Attributes:
        learning_rate: The current learning rate, a float32 scalar.
        metrics: The running sums that the last run ended with.
    """

    learning_rate: Array
    metrics: PyTree

    @property
    def step(self) -> int:
        """Training steps taken."""

    @property
    def hyperparameters(self) -> Arrays:
        """The hyperparameters that were assigned in training."""

    def keep(self, state: TrainState) -> None:
        """Takes all of a state but the variables, which are in a copy of the module."""

    def hold(self) -> None:
        """Keeps the arrays here for as long as the user's objects show those of runs."""

    def drop(self) -> None:
        """Lets go of the arrays, of which a run keeps the only copy until it writes them back."""

    def release(self) -> None:
        """Gives the arrays back to the user's objects."""

    def restart(self) -> None:
        """Makes the optimizer's state again, as of its first step."""


class Resting:
    """The state between runs: the variables are in the user's module, the rest is here.

    Invariant: the optimizer's state is that of the parameters of form `_form`. If the user has
    frozen or replaced parts of the module, it is made again, and what it knew of the parameters
    that are as they were is kept.

    Args:
        module: The module.
        init_optimizer: Parameters -> state of the optimizer before its first step; called when the
            state is first read, as the module may not be built before.
        step: Training steps taken, an int32 scalar.
        learning_rate: A float32 scalar.
        placement: Where arrays live.
    """

    def __init__(
        self,
        module: Functional,
        init_optimizer: Callable[[Arrays], PyTree],
        step: Array,
        learning_rate: Array,
        placement: Placement,
    ) -> None:
        self._module, self._init_optimizer = module, init_optimizer
        self._placement = placement
        self._optimizer: PyTree = None
        self._held: Variables | None = None
        self._lent: Variables | None = None
        self._form: dict[str, Any] | None = None
        self._fitting: Arrays | None = None
        """The parameters of which `_form` is known to be the form."""
        self._step = step
        self.learning_rate = learning_rate
        self.hyperparameters: Arrays = {}
        self.metrics: PyTree = ()

    def keep(self, state: TrainState) -> None:
        """Takes all of a state but the variables, which are in a copy of the module."""
        self._take(state)

    def hold(self) -> None:
        """Keeps the variables here for as long as the user's module shows those of runs."""
        self._held = self._lent = self.read().variables

    def drop(self) -> None:
        """Lets go of the arrays, of which a run keeps the only copy until it writes them back."""
        self._held = self._lent = Variables({}, {}, {})
        self._optimizer, self._form, self._fitting = (), {}, self._held.params

    def release(self) -> None:
        """Gives the variables back to the user's module."""
        held, self._held = self._held, None
        if held is not None and held is not self._lent:
            self._module.write(held)
        self._lent = None

    def read(self) -> TrainState:
        if self._held is None:
            variables = placed_variables(self._module, self._placement)
        else:
            variables = self._held
        if variables.params is not self._fitting:  # else every read would look at every array
            self._fit_optimizer_to(variables.params)
        return TrainState(
            *variables,
            optimizer=self._optimizer,
            metrics=(),
            step=self._step,
            learning_rate=self.learning_rate,
            hyperparameters=self.hyperparameters,
            captured={},
        )

    def write(self, state: TrainState) -> None:
        if self._held is None:
            self._module.write(state.variables)
        else:
            self._held = state.variables
        self._take(state)

    @property
    def step(self) -> int:
        return int(self._step)

    def restart(self) -> None:
        """Makes the optimizer's state again, as of its first step."""
        self._form = self._optimizer = self._fitting = None

    def _take(self, state: TrainState) -> None:
        self._optimizer, self._fitting = state.optimizer, state.params
        self._form = _form_of(state.params)
        self._step, self.learning_rate = state.step, state.learning_rate
        self.hyperparameters = state.hyperparameters

    def _fit_optimizer_to(self, params: Arrays) -> None:
        """Lets the optimizer's state be that of parameters that the user may have changed."""
        form = _form_of(params)
        if form != self._form:
            self._optimizer = _carried_over(self._optimizer, self._init_optimizer(params))
            self._form = form
        self._fitting = params


def placed_variables(module: Functional, placement: Placement) -> Variables:
    """Returns a module's variables where steps expect them; from then on the module's are there."""

    def names() -> dict[str, str]:
        return {weight.path: weight.name for weight in module.weights()}

    variables = module.read()
    placed = placement.place_variables(variables, names)
    if placed is not variables:
        module.write(placed)
    return placed


def _form_of(params: Arrays) -> dict[str, Any]:
    return {path: (array.shape, array.dtype) for path, array in params.items()}


def _carried_over(old: PyTree, fresh: PyTree) -> PyTree:
    """Returns an optimizer's state with what an older one holds in the same places."""
    known = {
        jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(old)
    }

    def carry(path: Any, leaf: Array) -> Array:
        before = known.get(jax.tree_util.keystr(path), leaf)
        return before if before.shape == leaf.shape and before.dtype == leaf.dtype else leaf

    carried: PyTree = jax.tree_util.tree_map_with_path(carry, fresh)
    return carried
