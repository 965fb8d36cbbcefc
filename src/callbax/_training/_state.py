"""The state of a training run: a value, never changed in place."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from callbax._core._errors import explain
from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Arrays, Variables


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


@dataclass(frozen=True, eq=False)
class Form:
    """What states have in common that the same programs take; programs make one for all of them.

    Attributes:
        structure: How the leaves make up the fields that a step moves and those that it reads.
        moving: Shapes and dtypes of the leaves that move.
        rest: Those of the others.
        places: Where the leaves are, those that move first.
    """

    structure: Any
    moving: list[jax.ShapeDtypeStruct]
    rest: list[jax.ShapeDtypeStruct]
    places: list[Any]


class Packed:
    """A state in the form that compiled programs take: lists, which dispatch faster than trees.

    Invariant: `moving` and `rest`, unflattened by the form's structure, are the fields that the
    step moves and reads; every other field is that of `others`. The fields that move are None in
    `others`, so that no state before this one is kept alive by it. No leaf has a weak type, with
    which a step would compute in other dtypes than with a recorded state of the same numbers.

    Args:
        moving: Leaves of the fields that steps move.
        rest: Leaves of the fields that steps read and leave as they are.
        form: How the leaves make up these fields, and where they are.
        others: A state whose other fields count.
    """

    def __init__(
        self, moving: list[Array], rest: list[Array], form: Form, others: TrainState
    ) -> None:
        self.moving, self.rest, self.form, self._others = moving, rest, form, others

    @functools.cached_property
    def state(self) -> TrainState:
        """The state, the same object at every call."""
        moving, _ = jax.tree.unflatten(self.form.structure, self.moving + self.rest)
        return self._others.replace(**moving)

    def moved(self, moving: list[Array]) -> "Packed":
        """Returns the state with other leaves in the fields that steps move."""
        return Packed(moving, self.rest, self.form, self._others)


class Packing:
    """Packs the states of one step.

    Args:
        moves: Fields that the step moves.
        reads: Fields that it reads and leaves as they are.
    """

    def __init__(self, moves: tuple[str, ...], reads: tuple[str, ...]) -> None:
        self._moves, self._reads = moves, reads
        self._forms: dict[Any, Form] = {}

    def pack(self, state: TrainState) -> Packed:
        """Returns a state packed; those of equal structure, shapes and dtypes share a form."""
        fields = vars(state)
        moving = {name: fields[name] for name in self._moves}
        rest = {name: fields[name] for name in self._reads}
        leaves, structure = jax.tree.flatten((moving, rest))
        if any(leaf.weak_type for leaf in leaves):
            return self.pack(jax.tree.map(_strong, state))
        count = len(jax.tree.leaves(moving))
        key = structure, *((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._forms:
            specs = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
            places = [leaf.sharding for leaf in leaves]
            self._forms[key] = Form(structure, specs[:count], specs[count:], places)
        # Without the moving fields, which would live on for as long as what comes of them.
        others = state.replace(**dict.fromkeys(self._moves))
        packed = Packed(leaves[:count], leaves[count:], self._forms[key], others)
        vars(packed)["state"] = state
        return packed


def _strong(array: Array) -> Array:
    return lax.convert_element_type(array, array.dtype) if array.weak_type else array


def own(arrays: list[Array]) -> None:
    """Copies arrays in place, one after the other, so that there is never a second copy of all.

    Whoever holds one of them, as who has read the weights before, keeps it.
    """
    for number, _ in enumerate(arrays):
        arrays[number] = jax.block_until_ready(jnp.copy(arrays[number]))
