"""An NNX module seen as pure functions."""

import collections
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import jax
import jax.numpy as jnp
from flax import nnx

from callbax._core._errors import explain
from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._nnx_build import build_inner, unbuilt_layers
from callbax._modules._nnx_inventory import Inventory
from callbax._modules._nnx_live import live_variables, put
from callbax._modules._nnx_lost import attributes_of, warn_of_lost
from callbax._modules._nnx_parts import named_parts, size
from callbax._modules._protocol import (
    Applied,
    Arrays,
    Functional,
    Part,
    StateAccess,
    Variables,
    Weight,
)
from callbax._modules._signature import Signature
from callbax._modules._traced import Traced, watched
from callbax.layers._copies import copied
from callbax.layers._members import frozen_variables, keras_order

Found = TypeVar("Found")


def nnx_functional(module: Any) -> Functional | None:
    """Returns an NNX module as pure functions; None for anything else.

    Raises:
        TypeError: It cannot be called.
    """
    if not isinstance(module, nnx.Module):
        return None
    if not callable(module):
        methods = [n for n in ("forward", "call", "apply") if hasattr(module, n)]
        raise TypeError(
            explain(
                "Model(module)",
                expected="a module with a `__call__`, which returns the outputs for a batch",
                received=f"{type(module).__name__}, which has none",
                action=f"Rename `{methods[0]}` to `__call__`."
                if methods
                else "Define `def __call__(self, x)` in its class.",
            )
        )
    return NnxFunctional(module)


class NnxFunctional(Traced):
    """Splits a module once; afterwards only arrays move.

    ``nnx.jit`` walks the module at every call (480 µs a step, measured); a module that is split
    once and merged only while tracing costs nothing per step.

    Args:
        module: Any ``nnx.Module``.
    """

    def __init__(self, module: nnx.Module) -> None:
        self.module = module
        self._keys: dict[str, tuple[Array, Array]] = {}
        self._trains: Callable[[str], bool] | None = None
        # Layers in it make their weights at the first call.
        self._whole = not unbuilt_layers(module)
        # What was looked up of the structure, which no run changes; None between runs.
        self._in_run: dict[str, Any] | None = None

    def configure(self, seeds: SeedSource, trainable: Callable[[str], bool] | None) -> None:
        self._trains = trainable

    @property
    def built(self) -> bool:
        return self._whole

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        call = functools.partial(Signature(self.module).call, self.module)
        build_inner(self.module, call, x, seeds)
        self._whole = True
        self.forget_structure()

    def __getstate__(self) -> dict[str, Any]:
        # What was compiled or looked up of the module stays behind.
        kept = ("module", "inputs", "_whole", "_trains")
        return {name: getattr(self, name) for name in kept} | {"_keys": {}, "_in_run": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        again = object.__new__(type(self))
        vars(again).update(self.__getstate__(), module=copied(self.module, memo))
        return again

    @functools.cached_property
    def _structure(self) -> "_Structure":
        """What the module is apart from its arrays; taken once, when they all exist."""
        return _Structure(self.module, self._trains)

    @property
    def structure(self) -> object:
        """What the module is apart from its arrays, as of the last `read`."""
        return self._structure

    @functools.cached_property
    def _forward(self) -> Callable[[Variables, PyTree, Array], PyTree]:
        """The pass without training, traced once for all programs that evaluate or predict."""

        def forward(variables: Variables, x: PyTree, step: Array) -> PyTree:
            return self._call(variables, x, False, step).output

        compiled: Callable[[Variables, PyTree, Array], PyTree] = jax.jit(forward, inline=True)
        return compiled

    def forget_structure(self) -> None:
        """Splits the module again when it is next used: parts were added or taken away."""
        for name in ("_structure", "_forward"):
            vars(self).pop(name, None)
        if self._in_run is not None:
            self._in_run = {}

    def _once(self, what: str, find: Callable[[], Found]) -> Found:
        """Returns what follows from the structure alone; within a run it is found once."""
        if self._in_run is None:
            return find()
        if what not in self._in_run:
            self._in_run[what] = find()
        found: Found = self._in_run[what]
        return found

    def read(self) -> Variables:
        """Returns what the module holds now.

        Keys are returned as their data: typed keys slow every dispatch down.
        """
        # In a run the variables are those with which it began, of kinds that show its state.
        if self._in_run is None and not self._structure.describes(self.module):
            self.forget_structure()
        params, stats, random = self._structure.arrays()
        for path in self._structure.key_kinds:
            if path not in self._keys or self._keys[path][0] is not random[path]:
                self._keys[path] = random[path], jax.random.key_data(random[path])
            random[path] = self._keys[path][1]
        return Variables(params, stats, random)

    def write(self, variables: Variables) -> None:
        params, stats, random = variables
        typed = {path: self._typed_key(path, value) for path, value in random.items()}
        self._structure.put(self.module, params | stats | typed)

    def apply(self, variables: Variables, x: PyTree, *, training: bool, step: Array) -> Applied:
        if training:
            return self._call(variables, x, training, step)
        return Applied(self._forward(variables, x, step), variables.stats)

    def weights(self) -> Sequence[Weight]:
        return [Weight(path, f"module/{path}", path) for path in self.weight_paths()]

    def parts(self) -> list[Part]:
        return [Part(name, part) for name, part in named_parts(self.module)]

    def size_of(self, part: Part) -> int:
        return size(part.value)

    def changed(self) -> str | None:
        return self._structure.changed()

    @contextmanager
    def live(self, state: StateAccess) -> Iterator[None]:
        with live_variables(self._structure.variables, state, self._typed_key):
            self._in_run = {}
            try:
                yield
            finally:
                self._in_run = None

    @property
    def trainable(self) -> bool:
        return bool(getattr(self.module, "trainable", True))

    @trainable.setter
    def trainable(self, value: bool) -> None:
        module: Any = self.module
        module.trainable = value
        for _, part in nnx.iter_modules(self.module):
            if hasattr(part, "trainable"):
                part.trainable = value

    def trains(self) -> bool:
        return self._structure.trains

    def weight_paths(self) -> Sequence[str]:
        return list(self._structure.canonical.values())

    def _call(self, variables: Variables, x: PyTree, training: bool, step: Array) -> Applied:
        params, stats, random = variables
        structure = self._structure
        drawn = {
            path: jax.random.fold_in(structure.wrap(path, value), step)
            if path in structure.key_kinds
            else jnp.zeros_like(value)  # a counter: each step counts its draws from 0
            for path, value in random.items()
        }
        module = nnx.merge(structure.graphdef, self._unflatten(params | stats | drawn))
        if training:
            module.train()
        else:
            module.eval()
        self.see(x)
        before = attributes_of(module)
        with watched(named_parts(module)):
            y = structure.signature.call(module, x, training)
        _, made, _, after = structure.split(module)
        updated = _flatten(after)
        if unknown := (_flatten(made).keys() | updated.keys()) - (params.keys() | stats.keys()):
            raise ValueError(
                explain(
                    f"{type(self.module).__name__}(inputs)",
                    expected="a module whose weights are all made before it is run",
                    received=f"one that made {sorted(unknown)} while it ran",
                    action="Make layers and weights in the constructor or in `build`.",
                )
            )
        warn_of_lost(module, before, params.keys() | stats.keys())
        return Applied(y, {name: updated[name] for name in stats})

    def _unflatten(self, arrays: Arrays) -> Any:
        flat: Any = {self._structure.paths[path]: value for path, value in arrays.items()}
        return nnx.from_flat_state(flat)

    def _typed_key(self, path: str, value: Array) -> Array:
        if path not in self._structure.key_kinds:
            return value
        if path not in self._keys or self._keys[path][1] is not value:
            self._keys[path] = self._structure.wrap(path, value), value
        return self._keys[path][0]


class _Structure:
    """An NNX module apart from its arrays.

    Args:
        module: The module; all its arrays exist.
        trains: Path of a weight -> whether training changes it; None for all that it can.

    Attributes:
        graphdef: What ``nnx.merge`` makes the module of again.
        key_kinds: Path of a random key -> name of its implementation.
        paths: Path joined by slashes -> the path itself.
        signature: How the module is called.
        trains: Whether there are weights that training may change, frozen ones included.
        variables: Field of `Variables` -> path -> variable of the module itself.
        canonical: Path of a weight -> path under which its array goes, in Keras's order. The two
            differ if the module holds the weight in several places.
    """

    def __init__(self, module: nnx.Module, trains: Callable[[str], bool] | None = None) -> None:
        frozen = frozen_variables(module)
        self._frozen: set[tuple[Any, ...]] = set()
        parts: Any = nnx.split(module, nnx.Param, ...)
        _, params, others = parts
        learned = [joined(path) for path, _ in nnx.to_flat_state(params)]
        self.trains = any(trains is None or trains(path) for path in learned)
        everything = (*nnx.to_flat_state(params), *nnx.to_flat_state(others))
        self.paths = {joined(path): tuple(path) for path, _ in everything}
        self._frozen = {
            path
            for path in self.paths.values()
            if id(functools.reduce(member, path, module)) in frozen
            or (trains is not None and not trains(joined(path)))
        }
        self.graphdef, *states = self.split(module)
        fields = zip(("params", "random", "stats"), states, strict=True)
        self._fields = {
            field: {joined(path): path for path, _ in nnx.to_flat_state(state)}
            for field, state in fields
        }
        random = states[1]
        self.key_kinds = {
            path: str(jax.random.key_impl(key))
            for path, key in _flatten(random).items()
            if jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        }
        self.signature = Signature(module)
        self.canonical = self._canonical(module)
        self._inventory = Inventory(module)
        self.variables = self._found(module)
        self._evaluating = _evaluating(module)

    def describes(self, module: nnx.Module) -> bool:
        """Returns whether a module is this but for being set to train or to evaluate."""
        if self._inventory.is_current():
            return True
        now = Inventory(module)
        if not now.says_the_same(self._inventory):
            return False
        graphdef = nnx.graphdef(module)
        if graphdef != self.graphdef and _evaluating(module) != self._evaluating:
            return False
        self.graphdef, self._inventory = graphdef, now
        self.variables = self._found(module)
        return True

    def arrays(self) -> tuple[Arrays, Arrays, Arrays]:
        """Returns the arrays of parameters, of the rest and of random streams."""
        fields = ("params", "stats", "random")
        params, stats, random = (
            {path: _value(variable) for path, variable in self.variables[field].items()}
            for field in fields
        )
        return params, stats, random

    def put(self, module: nnx.Module, arrays: Arrays) -> None:
        """Puts arrays into the module that this is the structure of."""
        found = collections.ChainMap(*self.variables.values())
        bare: dict[Any, Any] = {}
        for path, value in arrays.items():
            variable = found[path]
            if isinstance(variable, nnx.Variable):
                put(variable, value)
            else:
                bare[self.paths[path]] = value
        if bare:
            nnx.update(module, nnx.from_flat_state(bare))

    def changed(self) -> str | None:
        """Returns which attribute of the module has another value than it had, with that value."""
        return self._inventory.change()

    def _canonical(self, module: nnx.Module) -> dict[str, str]:
        arrays = self._found(module)
        paths = {id(v): path for field in arrays.values() for path, v in field.items()}
        return {joined(path): paths[id(variable)] for path, variable in keras_order(module)}

    def split(self, module: nnx.Module) -> tuple[Any, Any, Any, Any]:
        """Returns the graph, and the states of parameters, random streams and the rest."""

        def trainable(path: tuple[Any, ...], value: Any) -> bool:
            return isinstance(value, nnx.Param) and tuple(path) not in self._frozen

        split: Any = nnx.split(module, trainable, nnx.RngState, ...)
        graphdef, params, random, rest = split
        return graphdef, params, random, rest

    def _found(self, module: nnx.Module) -> dict[str, dict[str, Any]]:
        """Returns field of `Variables` -> path -> variable of the module itself."""
        return {
            field: {name: functools.reduce(member, path, module) for name, path in paths.items()}
            for field, paths in self._fields.items()
        }

    def wrap(self, path: str, value: Array) -> Array:
        """Returns the typed key of a key's data."""
        key: Array = jax.random.wrap_key_data(value, impl=self.key_kinds[path])
        return key


def _evaluating(module: nnx.Module) -> Any:
    """Returns a module's graph, set to evaluate."""
    copy: Any = nnx.merge(*nnx.split(module))
    copy.eval()
    return nnx.graphdef(copy)


def joined(path: Iterable[Any]) -> str:
    """Returns a path in a module as text."""
    return "/".join(map(str, path))


def member(node: Any, name: Any) -> Any:
    """Returns a part of a module by its name or place."""
    return (
        node[name]
        if isinstance(node, Sequence | Mapping | nnx.List | nnx.Dict)
        else getattr(node, str(name))
    )


def _flatten(state: Any) -> Arrays:
    return {joined(path): _value(leaf) for path, leaf in nnx.to_flat_state(state)}


def _value(leaf: Any) -> Array:
    """Returns the array of a variable, or one that a module holds without any."""
    array: Array = leaf.get_raw_value() if isinstance(leaf, nnx.Variable) else leaf
    return array
