"""An optimizer's state as the list of variables that Keras keeps."""

import math
from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeVar

import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from callbax._core._types import Array, PyTree
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers.adadelta import Adadelta
from callbax.optimizers.adagrad import Adagrad
from callbax.optimizers.adam import Adam
from callbax.optimizers.lion import Lion
from callbax.optimizers.nadam import Nadam
from callbax.optimizers.rmsprop import RMSprop
from callbax.optimizers.sgd import SGD

LAYOUTS: dict[type[Optimizer], tuple[tuple[str, ...], ...]] = {
    Adadelta: (("e_g", "e_x"),),
    Adagrad: (("sum_of_squares",),),
    Adam: (("momentum", "velocity"), ("largest",)),
    Lion: (("mu",),),
    Nadam: (("momentum", "velocity"), ("product",)),
    RMSprop: (("nu",), ("-trace",), ("mu",)),
    SGD: (("trace",),),
}
"""Optimizer -> its slots in Keras's order. Slots of one group alternate, weight by weight, or are
one number for all weights; a minus sign says that Keras keeps the slot with the other sign."""


class OptimizedState(Protocol):
    """A training state, as far as its optimizer goes."""

    @property
    def params(self) -> dict[str, Array]: ...
    @property
    def optimizer(self) -> PyTree: ...
    @property
    def step(self) -> Array: ...
    @property
    def learning_rate(self) -> Array: ...
    def replace(self, **changes: Any) -> Self: ...


_State = TypeVar("_State", bound=OptimizedState)


class OptimizerVariables:
    """Reads and replaces an optimizer's part of a training state.

    Variables are, in this order: the steps taken; the learning rate, unless a schedule sets it;
    averages of the weights; sums of gradients; the slots of `LAYOUTS` (source:
    ``keras.optimizers.Optimizer.variables``). The state of an optimizer that is not listed there
    follows leaf by leaf.

    Args:
        optimizer: The optimizer.
        paths: Paths of all weights in Keras's order.
    """

    def __init__(self, optimizer: Optimizer, paths: Sequence[str]) -> None:
        self._optimizer, self._paths = optimizer, paths
        self._layout = next(
            (LAYOUTS[base] for base in type(optimizer).__mro__ if base in LAYOUTS), None
        )
        self._has_rate = optimizer.initial_learning_rate is not None and math.isnan(
            # A schedule passes over the number it is given.
            float(optimizer.rate_at(jnp.float32(jnp.nan), jnp.int32(0)))
        )

    @property
    def fresh(self) -> int:
        """How many variables a Keras optimizer has before its first step."""
        return 2 if self._has_rate else 1

    def read(self, state: OptimizedState) -> list[Any]:
        """Returns the variables."""
        leaves = _named_leaves(state.optimizer)
        head = [state.step, state.learning_rate] if self._has_rate else [state.step]
        return head + [sign * leaves[key] for key, sign in self._order(state)]

    def write(self, state: _State, variables: Sequence[NDArray[Any]]) -> _State:
        """Returns the state with these variables in it.

        Args:
            state: The state to start from.
            variables: All that `read` returns, of equal shapes; or only the first `fresh` of
                them, and the optimizer starts as at its first step.
        """
        step = jnp.asarray(variables[0], jnp.int32)
        rate = state.learning_rate
        if self._has_rate:
            rate = jnp.asarray(variables[1], rate.dtype)
        slots = variables[self.fresh :]
        if len(slots) == 0:
            initial = self._optimizer.init(state.params)
            return state.replace(
                optimizer=jax.tree.map(_like, initial, state.optimizer),
                step=step,
                learning_rate=rate,
            )
        leaves = _named_leaves(state.optimizer)
        for (key, sign), value in zip(self._order(state), slots, strict=True):
            leaves[key] = jnp.array(sign * value, leaves[key].dtype)
        if self._layout is not None:
            # Keras counts in one place; optax's own count is that of updates.
            updates = step // (self._optimizer.gradient_accumulation_steps or 1)
            for key in leaves:
                if key[0].endswith(".count"):
                    leaves[key] = jnp.asarray(updates, leaves[key].dtype)
        structure = jax.tree.structure(state.optimizer)
        optimizer = jax.tree.unflatten(structure, list(leaves.values()))
        return state.replace(optimizer=optimizer, step=step, learning_rate=rate)

    def _order(self, state: OptimizedState) -> list[tuple[tuple[str, str], int]]:
        """Returns the leaves of the optimizer's state in Keras's order, with their signs."""
        leaves = _named_leaves(state.optimizer)
        if self._layout is None:
            return [(key, 1) for key in leaves]
        paths = [path for path in self._paths if path in state.params]
        slots = dict.fromkeys(slot for slot, path in leaves if path)
        single = [slot for slot, path in leaves if not path]
        ordered = []
        for group in ((".averages",), (".accumulated",), *self._layout):
            found = [
                (slot, -1 if name[0] == "-" else 1)
                for name in group
                for slot in slots
                if slot.endswith(f".{name.lstrip('-.')}")
            ]
            ordered += [((slot, path), sign) for path in paths for slot, sign in found]
            ordered += [((slot, ""), 1) for name in group for slot in single if slot.endswith(name)]
        return ordered


def _named_leaves(optimizer_state: Any) -> dict[tuple[str, str], Any]:
    """Returns (slot, path of the weight or "") -> array, in the order of the tree."""
    named = {}
    for keys, leaf in jax.tree_util.tree_leaves_with_path(optimizer_state):
        last = keys[-1] if keys else None
        of_weight = isinstance(last, jax.tree_util.DictKey)
        slot = keys[:-1] if of_weight else keys
        path = str(last.key) if isinstance(last, jax.tree_util.DictKey) else ""
        named[jax.tree_util.keystr(slot), path] = leaf
    return named


def _like(value: Any, old: Any) -> Any:
    return jnp.asarray(value, old.dtype)
