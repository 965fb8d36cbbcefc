"""The state of a training run: a value, never changed in place."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jax

from callbax._core._errors import explain
from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Arrays, Functional, Variables


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """Everything that a run's future depends on, apart from its data.

    A step maps one of these to the next; hooks swap one for another. Nothing else holds numbers.

    Attributes:
        params: Trainable arrays of the module, by path.
        stats: The module's other arrays, by path.
        random: Keys of the module's random streams; steps read and never change them.
        optimizer: State of the optimizer.
        metrics: Running sums of the loss and metrics over the current epoch.
        step: Training steps taken, int32 scalar.
        learning_rate: float32 scalar; steps read it and never change it.
        hyperparameters: Other numbers of the optimizer that were assigned in training, by name;
            steps read and never change them. The others are constants of the compiled step.
        captured: Arrays of the variables that losses and metrics hold from outside, likewise.
    """

    params: Arrays
    stats: Arrays
    random: Arrays
    optimizer: PyTree
    metrics: PyTree
    step: Array
    learning_rate: Array
    hyperparameters: Arrays
    captured: Arrays

    @property
    def variables(self) -> Variables:
        """The arrays of the module."""
        return Variables(self.params, self.stats, self.random)

    def replace(self, **changes: Any) -> "TrainState":
        """Returns a state that differs in the fields given."""
        # Not dataclasses.replace, which looks the fields up again at every step.
        return TrainState(**(vars(self) | changes))


def check_same_form(old: TrainState, new: TrainState) -> None:
    """Raises a ValueError unless two states have the same arrays by shape and dtype."""
    # A hyperparameter that is assigned for the first time joins the state.
    old, new = (state.replace(hyperparameters={}) for state in (old, new))
    structures: list[Any] = [jax.tree.structure(state) for state in (old, new)]
    if structures[0] != structures[1]:
        raise ValueError(
            explain(
                "model.set_weights",
                expected="a state of the same structure as before",
                received="other arrays",
                action="Compile again after a change of structure.",
            )
        )
    paths = jax.tree_util.tree_leaves_with_path(old)
    for (path, before), after in zip(paths, jax.tree.leaves(new), strict=True):
        if before.shape != after.shape or before.dtype != after.dtype:
            raise ValueError(
                explain(
                    "model.set_weights",
                    expected=f"{jax.tree_util.keystr(path)} of shape {before.shape} and dtype "
                    f"{before.dtype}",
                    received=f"shape {after.shape} and dtype {after.dtype}",
                    action="Keep the shapes and dtypes of the compiled model.",
                )
            )


class Packed:
    """A state in the form that compiled programs take: lists, which dispatch faster than trees.

    Invariant: `moving` and `rest`, unflattened by `structure`, are the fields that the step moves
    and reads; every other field is that of `others`. The fields that move are None in `others`, so
    that no state before this one is kept alive by it.

    Args:
        moving: Leaves of the fields that steps move.
        rest: Leaves of the fields that steps read and leave as they are.
        structure: How the leaves make up these fields.
        others: A state whose other fields count.
    """

    def __init__(
        self, moving: list[Array], rest: list[Array], structure: Any, others: TrainState
    ) -> None:
        self.moving, self.rest, self.structure, self._others = moving, rest, structure, others

    @classmethod
    def of(cls, state: TrainState, moves: tuple[str, ...], reads: tuple[str, ...]) -> "Packed":
        """Returns a state packed for a step that moves and reads certain fields."""
        fields = vars(state)
        moving = {name: fields[name] for name in moves}
        rest = {name: fields[name] for name in reads}
        leaves, structure = jax.tree.flatten((moving, rest))
        count = len(jax.tree.leaves(moving))
        # Without the moving fields, which would live on for as long as what comes of them.
        others = state.replace(**dict.fromkeys(moves))
        packed = cls(leaves[:count], leaves[count:], structure, others)
        vars(packed)["state"] = state
        return packed

    @functools.cached_property
    def state(self) -> TrainState:
        """The state, the same object at every call."""
        moving, _ = jax.tree.unflatten(self.structure, self.moving + self.rest)
        return self._others.replace(**moving)

    def moved(self, moving: list[Array]) -> "Packed":
        """Returns the state with other leaves in the fields that steps move."""
        return Packed(moving, self.rest, self.structure, self._others)


class StateSource(Protocol):
    """Where the state at the current batch is: in a run the timeline, between runs at rest."""

    def read(self) -> TrainState:
        """Returns the state at the current batch."""

    def write(self, state: TrainState) -> None:
        """Replaces it by another of the same shapes and dtypes."""

    @property
    def step(self) -> int:
        """Training steps taken, known without touching the device."""

    @property
    def learning_rate(self) -> Array:
        """The current learning rate, known without replaying anything."""

    @property
    def hyperparameters(self) -> Arrays:
        """The hyperparameters that were assigned in training, known likewise."""


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
    """

    def __init__(
        self,
        module: Functional,
        init_optimizer: Callable[[Arrays], PyTree],
        step: Array,
        learning_rate: Array,
    ) -> None:
        self._module, self._init_optimizer = module, init_optimizer
        self._optimizer: PyTree = None
        self._held: Variables | None = None
        self._lent: Variables | None = None
        self._form: dict[str, Any] | None = None
        self._step = step
        self.learning_rate = learning_rate
        self.hyperparameters: Arrays = {}

    def keep(self, state: TrainState) -> None:
        """Takes all of a state but the variables, which are in a copy of the module."""
        self._optimizer, self._form = state.optimizer, _form_of(state.params)
        self._step, self.learning_rate = state.step, state.learning_rate
        self.hyperparameters = state.hyperparameters

    def hold(self) -> None:
        """Keeps the variables here for as long as the user's module shows those of runs."""
        self._held = self._lent = self.read().variables

    def drop(self) -> None:
        """Lets go of the arrays, of which a run keeps the only copy until it writes them back."""
        self._held = self._lent = Variables({}, {}, {})
        self._optimizer, self._form = (), {}

    def release(self) -> None:
        """Gives the variables back to the user's module."""
        held, self._held = self._held, None
        if held is not None and held is not self._lent:
            self._module.write(held)
        self._lent = None

    def read(self) -> TrainState:
        variables = self._module.read() if self._held is None else self._held
        form = _form_of(variables.params)
        if form != self._form:
            self._optimizer = _carried_over(self._optimizer, self._init_optimizer(variables.params))
            self._form = form
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
        self._optimizer, self._form = state.optimizer, _form_of(state.params)
        self._step, self.learning_rate = state.step, state.learning_rate
        self.hyperparameters = state.hyperparameters

    @property
    def step(self) -> int:
        return int(self._step)

    def restart(self) -> None:
        """Makes the optimizer's state again, as of its first step."""
        self._form = self._optimizer = None


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
