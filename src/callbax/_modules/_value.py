"""Modules that are values: their arrays cannot be changed in place, and are kept beside them."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax

from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Arrays, Functional, StateAccess, Variables, Weight

Trainable = Callable[[str], bool]
"""Path of an array in the module, joined by slashes -> whether training changes it."""


class ValueFunctional(Functional):
    """A module whose arrays are kept here, and, while it is being run, in the state of the run.

    Args:
        module: The user's object.
        trainable: Which arrays training changes, of those that have gradients; None for all.
    """

    def __init__(self, module: Any, trainable: Trainable | None = None) -> None:
        self.given = module
        self._trainable = trainable or _all
        self._paths: list[str] = []
        self._variables: Variables | None = None
        self._shown: StateAccess | None = None
        self._structure = object()

    @property
    def module(self) -> Any:
        """The user's object as of the current batch."""
        return self.given if self._variables is None else self.with_arrays(self.current)

    @property
    def current(self) -> Variables:
        """The arrays as of the current batch."""
        return self.read() if self._shown is None else self._shown.read_variables()

    @abstractmethod
    def with_arrays(self, variables: Variables) -> Any:
        """Returns the user's object with these arrays in it."""

    @property
    def built(self) -> bool:
        return self._variables is not None

    @property
    def structure(self) -> object:
        return self._structure

    def read(self) -> Variables:
        return Variables({}, {}, {}) if self._variables is None else self._variables

    def write(self, variables: Variables) -> None:
        self._variables = variables

    def weights(self) -> Sequence[Weight]:
        return [Weight(path, f"module/{path}", path) for path in self._paths]

    @contextmanager
    def live(self, state: StateAccess) -> Iterator[None]:
        self._shown = state
        try:
            yield
        finally:
            self._shown = None

    def hold(self, params: Arrays, stats: Arrays, seeds: SeedSource | None) -> None:
        """Takes the arrays with which training starts.

        Args:
            params: Arrays that have gradients.
            stats: Other arrays.
            seeds: Where the seed of the random streams comes from.
        """
        key = jax.random.key((seeds or SeedSource(stream="dropout")).draw())
        frozen = {path: array for path, array in params.items() if not self._trainable(path)}
        trained = {path: array for path, array in params.items() if path not in frozen}
        self._paths = [*params, *stats]  # of dicts that went through JAX, the keys are sorted
        self._variables = Variables(trained, stats | frozen, {"key": jax.random.key_data(key)})

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_shown": None, "_variables": self.current if self.built else None}


def _all(path: str) -> bool:
    return True


def key_of(variables: Variables, step: Array) -> Array:
    """Returns the key of a step: a step that is replayed draws again what it drew."""
    return jax.random.fold_in(jax.random.wrap_key_data(variables.random["key"]), step)


def flatten(tree: PyTree) -> Arrays:
    """Returns path, joined by slashes -> array."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {"/".join(map(_name, path)): leaf for path, leaf in leaves}


def unflatten(tree: PyTree, arrays: Arrays) -> PyTree:
    """Returns a tree with other leaves, by the paths of `flatten`."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: arrays.get("/".join(map(_name, path)), leaf), tree
    )


def _name(key: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)
