"""Modules that cannot be changed: their arrays are kept beside them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import jax
import jax.numpy as jnp

from callbax._core._errors import describe, explain
from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._paths import Paths, arrays_of
from callbax._modules._protocol import Applied, Arrays, StateAccess, Variables, Weight
from callbax._modules._traced import Traced

Trees = dict[str, PyTree]
"""What goes before the paths of a pytree of weights -> the pytree."""

_LOST = ("_paths", "_forward", "_structure", "_state", "_arrays", "_known", "_found")
"""Attributes that a copy makes for itself."""


class Held(Traced):
    """A module whose arrays the adapter keeps, and which is shown with those of the batch.

    A kind of module subclasses it and defines `takes`, `given`, `show` and `compute`; `initial`
    too, if its weights come to be at the first batch.

    Args:
        module: What the user gave.
    """

    _paths: Paths | None = None

    def __init__(self, module: Any) -> None:
        self._state: StateAccess | None = None
        self._random: Arrays = {}
        self._trains: Callable[[str], bool] | None = None
        self._frozen = self._frozen_when_read = False
        self._arrays: Mapping[str, Array] = {}
        self._take(self.given(module))

    @classmethod
    def adapt(cls, module: Any) -> Self | None:
        """Returns a module of this kind as pure functions; None for anything else."""
        return cls(module) if cls.takes(module) else None

    # What a kind of module defines

    @staticmethod
    def takes(module: Any) -> bool:
        """Returns whether something is a module of this kind."""
        raise NotImplementedError

    def given(self, module: Any) -> Trees | None:
        """Returns the weights of what the user gave, and keeps all else; None if it has none."""
        raise NotImplementedError

    def show(self, trees: Trees | None) -> Any:
        """Returns the module with weights, as the user is to see it."""
        raise NotImplementedError

    def compute(
        self, trees: Trees, x: PyTree, key: Array, training: bool
    ) -> tuple[PyTree, Trees, Array | None]:
        """Returns the output, the trees that the call changed and the loss that it adds; pure."""
        raise NotImplementedError

    def initial(self, x: PyTree, key: Array) -> Trees:
        """Returns first weights for a batch of inputs."""
        raise NotImplementedError

    def can_train(self, path: str) -> bool:
        """Returns whether an array of floating point is a parameter, not a statistic."""
        return path in self._built().main

    # What all of them share

    def configure(self, seeds: SeedSource, trainable: Callable[[str], bool] | None) -> None:
        self._random = {"key": jax.random.key_data(jax.random.key(seeds.draw()))}
        self._trains = trainable

    @property
    def module(self) -> Any:
        """The user's module, with the weights of the current batch."""
        return self.show(self._trees())

    def replace(self, module: Any) -> None:
        if not self.takes(module):
            raise TypeError(
                explain(
                    "model.module = ...",
                    expected="a module of the kind that the model was made for",
                    received=describe(module),
                    action="Make a `Model` of it.",
                )
            )
        trees = self.given(module)
        old, new = self._paths, None if trees is None else Paths(trees)
        if old is not None and new is not None and new.same_but_for_arrays(old):
            self._write_weights(arrays_of(trees or {}))
        elif self._state is None:
            self._take(trees)
        else:
            raise ValueError(
                explain(
                    "model.module = ...",
                    expected="during a run, a module that differs in its numbers alone",
                    received=f"{describe(module)}, with other parts, shapes or constants",
                    action="Put it there between two runs.",
                )
            )

    @property
    def built(self) -> bool:
        return self._paths is not None

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        key = jax.random.key((seeds or SeedSource()).draw())
        zeros = jax.tree.map(lambda leaf: jnp.zeros((1, *leaf.shape[1:]), leaf.dtype), x)
        self.see(x)
        self._take(self.initial(zeros, key))

    @property
    def structure(self) -> object:
        return self._structure

    @property
    def trainable(self) -> bool:
        return not self._frozen

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if self._frozen is bool(value):
            self._frozen, self._structure = not value, object()

    def trains(self) -> bool:
        return self._frozen or bool(self.read().params)

    def changed(self) -> str | None:
        if self._frozen is not self._frozen_when_read:
            return f"trainable = {self.trainable}"
        return None

    def read(self) -> Variables:
        if self._state is None:
            self._frozen_when_read = self._frozen
        arrays = self._weights()
        params = {path: array for path, array in arrays.items() if self._is_param(path, array)}
        stats = {path: array for path, array in arrays.items() if path not in params}
        return Variables(params, stats, dict(self._random))

    def write(self, variables: Variables) -> None:
        self._arrays, self._random = variables.weights, dict(variables.random)

    def weights(self) -> Sequence[Weight]:
        # In the order of ``jax.tree.leaves``, whatever is frozen.
        return [Weight(path, f"module/{path}", path) for path in self._built().forms]

    def apply(self, variables: Variables, x: PyTree, *, training: bool, step: Array) -> Applied:
        if training:
            return self._call(variables, x, True, step)
        output, loss = self._forward(variables, x, step)
        return Applied(output, variables.stats, loss=loss)

    def live(self, state: StateAccess) -> AbstractContextManager[None]:
        return self._live(state)

    @contextmanager
    def _live(self, state: StateAccess) -> Iterator[None]:
        # During a run nothing here holds on to arrays of which there is to be but one copy.
        self._state, self._arrays = state, {}
        try:
            yield
        finally:
            self._arrays, self._state = state.read_variables().weights, None

    def __getstate__(self) -> dict[str, Any]:
        # A copy is of the current batch; what was traced stays behind.
        kept = {name: value for name, value in vars(self).items() if name not in _LOST}
        return kept | {"_copied": self._trees()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        trees = state.pop("_copied")
        vars(self).update(state, _state=None, _arrays={})
        self._take(trees)

    def _take(self, trees: Trees | None) -> None:
        """Makes trees the ones whose arrays are kept."""
        self._structure = object()
        self._paths = None if trees is None else Paths(trees)
        self._arrays = {} if trees is None else arrays_of(trees)

        def forward(variables: Variables, x: PyTree, step: Array) -> tuple[PyTree, Array | None]:
            applied = self._call(variables, x, False, step)
            return applied.output, applied.loss

        self._forward = jax.jit(forward, inline=True)

    def _call(self, variables: Variables, x: PyTree, training: bool, step: Array) -> Applied:
        self.see(x)
        key = jax.random.fold_in(jax.random.wrap_key_data(variables.random["key"]), step)
        trees = self._built().trees(variables.weights)
        output, changed, loss = self.compute(trees, x, key, training)
        after = arrays_of(changed)
        if unknown := after.keys() - variables.weights.keys():
            raise ValueError(
                explain(
                    f"{type(self.module).__name__}(inputs)",
                    expected="a module whose arrays are all made before it is run",
                    received=f"one that made {sorted(unknown)} while it ran",
                    action="Make them when the module is initialised.",
                )
            )
        stats = {path: after.get(path, array) for path, array in variables.stats.items()}
        return Applied(output, stats, loss=loss)

    def _is_param(self, path: str, array: Array) -> bool:
        return (
            not self._frozen
            and jnp.issubdtype(array.dtype, jnp.inexact)
            and self.can_train(path)
            and (self._trains is None or bool(self._trains(path)))
        )

    def _weights(self) -> Mapping[str, Array]:
        return self._arrays if self._state is None else self._state.read_variables().weights

    def _trees(self) -> Trees | None:
        return None if self._paths is None else self._paths.trees(self._weights())

    def _write_weights(self, arrays: Arrays) -> None:
        if self._state is None:
            self._arrays = arrays
            return
        old = self._state.read_variables()
        params, stats = ({p: arrays[p] for p in part} for part in (old.params, old.stats))
        self._state.write_variables(Variables(params, stats, old.random))

    def _built(self) -> Paths:
        if self._paths is None:
            raise RuntimeError("The module was not built.")
        return self._paths


def two(found: Any, where: str, what: str) -> tuple[Any, Any]:
    """Returns the two things that a function of the user is to return."""
    if isinstance(found, tuple) and len(found) == 2:
        return found
    raise TypeError(
        explain(
            where,
            expected=f"{what}, a tuple of two",
            received=describe(found),
            action="Return both; a function that keeps no state takes none.",
        )
    )
