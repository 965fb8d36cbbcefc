"""An NNX module seen as pure functions."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from callbax._core._errors import explain
from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._nnx_build import build_inner, unbuilt_layers
from callbax._modules._nnx_live import live_variables
from callbax._modules._nnx_parts import named_parts, size
from callbax._modules._protocol import Arrays, Functional, Part, StateAccess, Variables, Weight
from callbax.layers import Layer
from callbax.layers._layer import frozen_variables, keras_order

_TRAINING_ARGUMENTS: dict[str, Callable[[bool], bool]] = {
    "training": lambda training: training,
    "train": lambda training: training,
    "deterministic": lambda training: not training,
}
"""Arguments by which modules of other schools ask whether they are being trained."""


def nnx_functional(module: Any) -> Functional | None:
    """Returns an NNX module as pure functions; None for anything else."""
    return NnxFunctional(module) if isinstance(module, nnx.Module) else None


class NnxFunctional(Functional):
    """Splits a module once; afterwards only arrays move.

    ``nnx.jit`` walks the module at every call (480 µs a step, measured); a module that is split
    once and merged only while tracing costs nothing per step.

    Args:
        module: Any ``nnx.Module``.
    """

    def __init__(self, module: nnx.Module) -> None:
        self.module = module
        self._keys: dict[str, tuple[Array, Array]] = {}
        # Layers in it make their weights at the first call.
        self._whole = not unbuilt_layers(module)

    @property
    def built(self) -> bool:
        return self._whole

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        call = functools.partial(_Signature(self.module).call, self.module)
        build_inner(self.module, call, x, seeds)
        self._whole = True
        self.forget_structure()

    @functools.cached_property
    def _structure(self) -> "_Structure":
        """What the module is apart from its arrays; taken once, when they all exist."""
        return _Structure(self.module)

    @functools.cached_property
    def _forward(self) -> Callable[[Variables, PyTree, Array], PyTree]:
        """The pass without training, traced once for all programs that evaluate or predict."""

        def forward(variables: Variables, x: PyTree, step: Array) -> PyTree:
            return self._call(variables, x, False, step)[0]

        compiled: Callable[[Variables, PyTree, Array], PyTree] = jax.jit(forward, inline=True)
        return compiled

    def forget_structure(self) -> None:
        """Splits the module again when it is next used: parts were added or taken away."""
        for name in ("_structure", "_forward"):
            vars(self).pop(name, None)

    def read(self) -> Variables:
        """Returns what the module holds now.

        Keys are returned as their data: typed keys slow every dispatch down.
        """
        _, *states = self._structure.split(self.module)
        params, random, stats = (_flatten(state) for state in states)
        for path in self._structure.key_kinds:
            if path not in self._keys or self._keys[path][0] is not random[path]:
                self._keys[path] = random[path], jax.random.key_data(random[path])
            random[path] = self._keys[path][1]
        return Variables(params, stats, random)

    def write(self, variables: Variables) -> None:
        params, stats, random = variables
        typed = {path: self._typed_key(path, value) for path, value in random.items()}
        nnx.update(self.module, self._unflatten(params | stats | typed))

    def apply(
        self, variables: Variables, x: PyTree, *, training: bool, step: Array
    ) -> tuple[PyTree, Arrays]:
        if training:
            return self._call(variables, x, training, step)
        return self._forward(variables, x, step), variables.stats

    def weights(self) -> Sequence[Weight]:
        paths = self._paths()
        found = [paths[id(variable)] for _, variable in keras_order(self.module)]
        return [Weight(path, f"module/{path}", path) for path in found]

    def parts(self) -> list[Part]:
        return [Part(name, part) for name, part in named_parts(self.module)]

    def size_of(self, part: Any) -> int:
        return size(part)

    def live(self, state: StateAccess) -> AbstractContextManager[None]:
        return live_variables(self._structure.variables(self.module), state, self._typed_key)

    def _paths(self) -> dict[int, str]:
        """Returns the identity of a variable -> its path; NNX knows one that is shared by one."""
        fields = self._structure.variables(self.module).values()
        return {id(variable): path for field in fields for path, variable in field.items()}

    def _call(
        self, variables: Variables, x: PyTree, training: bool, step: Array
    ) -> tuple[PyTree, Arrays]:
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
        return y, {name: updated[name] for name in stats}

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

    Attributes:
        graphdef: What ``nnx.merge`` makes the module of again.
        key_kinds: Path of a random key -> name of its implementation.
        paths: Path joined by slashes -> the path itself.
        signature: How the module is called.
    """

    def __init__(self, module: nnx.Module) -> None:
        frozen = frozen_variables(module)
        self._frozen: set[tuple[Any, ...]] = set()
        _, everything = nnx.split(module)
        self.paths = {joined(path): tuple(path) for path, _ in nnx.to_flat_state(everything)}
        self._frozen = {
            path
            for path in self.paths.values()
            if id(functools.reduce(member, path, module)) in frozen
        }
        self.graphdef, _, random, _ = self.split(module)
        self.key_kinds = {
            path: str(jax.random.key_impl(key))
            for path, key in _flatten(random).items()
            if jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        }
        self.signature = _Signature(module)

    def split(self, module: nnx.Module) -> tuple[Any, Any, Any, Any]:
        """Returns the graph, and the states of parameters, random streams and the rest."""

        def trainable(path: tuple[Any, ...], value: Any) -> bool:
            return isinstance(value, nnx.Param) and tuple(path) not in self._frozen

        split: Any = nnx.split(module, trainable, nnx.RngState, ...)
        graphdef, params, random, rest = split
        return graphdef, params, random, rest

    def variables(self, module: nnx.Module) -> dict[str, dict[str, Any]]:
        """Returns field of `Variables` -> path -> variable of the module itself."""
        _, *states = self.split(module)
        fields = zip(("params", "random", "stats"), states, strict=True)
        return {
            field: {
                joined(path): functools.reduce(member, path, module)
                for path, _ in nnx.to_flat_state(state)
            }
            for field, state in fields
        }

    def wrap(self, path: str, value: Array) -> Array:
        """Returns the typed key of a key's data."""
        key: Array = jax.random.wrap_key_data(value, impl=self.key_kinds[path])
        return key


class _Signature:
    """What a module's ``__call__`` takes."""

    def __init__(self, module: Any) -> None:
        parameters = list(_parameters(module))
        positional = [
            p
            for p in parameters
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
            and p.name not in _TRAINING_ARGUMENTS
        ]
        self._required = sum(p.default is p.empty for p in positional)
        self._keywords = {p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY}

    def call(self, module: Any, x: PyTree, training: bool) -> PyTree:
        """Calls the module on a batch, several inputs as several arguments if it takes several."""
        extra = {
            name: _TRAINING_ARGUMENTS[name](training)
            for name in self._keywords
            if name in _TRAINING_ARGUMENTS
        }
        if isinstance(module, Layer):
            return module(x, **extra)
        if isinstance(x, Mapping) and x and all(name in self._keywords for name in x):
            return module(**x, **extra)
        if isinstance(x, tuple | list) and self._required == len(x) > 1:
            return module(*x, **extra)
        return module(x, **extra)


def _parameters(module: Any) -> Iterable[inspect.Parameter]:
    call = getattr(module, "__call__", None)  # noqa: B004  its signature is wanted
    try:
        return inspect.signature(call).parameters.values() if call else ()
    except (TypeError, ValueError):  # some callables tell nothing
        return ()


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
    return {
        joined(path): leaf.get_raw_value() if isinstance(leaf, nnx.Variable) else leaf
        for path, leaf in nnx.to_flat_state(state)
    }
