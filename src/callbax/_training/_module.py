"""An NNX module seen as a pure function of flat dicts of arrays."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from callbax._core._types import Array, PyTree

Arrays = dict[str, Array]
"""Path in the module, joined by slashes -> array."""

_TRAINING_ARGUMENTS: dict[str, Callable[[bool], bool]] = {
    "training": lambda training: training,
    "train": lambda training: training,
    "deterministic": lambda training: not training,
}
"""Arguments by which modules of other schools ask whether they are being trained."""


class FunctionalModule:
    """Splits a module once; afterwards only arrays move.

    ``nnx.jit`` walks the module at every call (480 µs a step, measured); a module that is split
    once and merged only while tracing costs nothing per step.

    Args:
        module: Any ``nnx.Module`` whose arrays all exist.
    """

    def __init__(self, module: nnx.Module) -> None:
        self.module = module
        self._frozen = _frozen_paths(module)
        self._graphdef, _, random, _ = self._split(module)
        self._key_kinds = {
            path: str(jax.random.key_impl(key))
            for path, key in _flatten(random).items()
            if jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        }
        self._keys: dict[str, tuple[Array, Array]] = {}
        self._call_arguments = _call_arguments(module)

    def read(self) -> tuple[Arrays, Arrays, Arrays]:
        """Returns what the live module holds now: trainable arrays, other arrays, random keys.

        Keys are returned as their data: typed keys slow every dispatch down.
        """
        _, *states = self._split(self.module)
        params, random, rest = (_flatten(state) for state in states)
        for path in self._key_kinds:
            if path not in self._keys or self._keys[path][0] is not random[path]:
                self._keys[path] = random[path], jax.random.key_data(random[path])
            random[path] = self._keys[path][1]
        return params, rest, random

    def write(self, params: Arrays, stats: Arrays, random: Arrays) -> None:
        """Puts arrays into the live module."""
        for path in self._key_kinds:
            if path not in self._keys or self._keys[path][1] is not random[path]:
                self._keys[path] = self._key(path, random[path]), random[path]
        keys = {path: self._keys[path][0] for path in self._key_kinds}
        nnx.update(self.module, _unflatten(params | stats | random | keys))

    def apply(
        self,
        params: Arrays,
        stats: Arrays,
        random: Arrays,
        x: PyTree,
        *,
        training: bool,
        step: Array,
    ) -> tuple[PyTree, Arrays]:
        """Calls the module; pure, to be traced.

        Every random draw derives from the module's own keys and the step, so that a step that is
        replayed draws again what it drew.

        Args:
            params: Trainable arrays.
            stats: All other arrays but the random keys.
            random: Keys and counters of the module's random streams.
            x: The input of the module.
            training: Whether dropout drops and batch statistics are updated.
            step: Steps taken so far, an integer scalar.

        Returns:
            The module's output and its other arrays after the call.
        """
        drawn = {
            path: jax.random.fold_in(self._key(path, value), step)
            if path in self._key_kinds
            else jnp.zeros_like(value)  # a counter: each step counts its draws from 0
            for path, value in random.items()
        }
        module = nnx.merge(self._graphdef, _unflatten(params | stats | drawn))
        if training:
            module.train()
        else:
            module.eval()
        y = self._call(module, x, training)
        _, _, _, after = self._split(module)
        updated = _flatten(after)
        return y, {name: updated[name] for name in stats}

    def trace(self, x: PyTree) -> tuple[Any, PyTree]:
        """Returns the module's computation as a jaxpr, and its output's shapes and dtypes.

        Args:
            x: The input, arrays or their shapes and dtypes.
        """

        def forward(params: Arrays, stats: Arrays, random: Arrays, x: PyTree) -> PyTree:
            step = jnp.zeros((), jnp.int32)
            return self.apply(params, stats, random, x, training=False, step=step)[0]

        closed, spec = jax.make_jaxpr(forward, return_shape=True)(*self.read(), x)
        return closed.jaxpr, spec

    def _key(self, path: str, value: Array) -> Array:
        kind = self._key_kinds.get(path)
        return value if kind is None else jax.random.wrap_key_data(value, impl=kind)

    def _call(self, module: Any, x: PyTree, training: bool) -> PyTree:
        extra = {
            name: _TRAINING_ARGUMENTS[name](training)
            for name in self._call_arguments.keywords
            if name in _TRAINING_ARGUMENTS
        }
        if isinstance(x, Mapping) and self._call_arguments.accepts_keywords(x):
            return module(**x, **extra)
        if isinstance(x, tuple | list) and self._call_arguments.required == len(x) > 1:
            return module(*x, **extra)
        return module(x, **extra)

    def _split(self, module: nnx.Module) -> tuple[Any, Any, Any, Any]:
        def trainable(path: tuple[Any, ...], value: Any) -> bool:
            frozen = any(path[: len(prefix)] == prefix for prefix in self._frozen)
            return isinstance(value, nnx.Param) and not frozen

        split: Any = nnx.split(module, trainable, nnx.RngState, ...)
        graphdef, params, random, rest = split
        return graphdef, params, random, rest


class _CallArguments:
    """What a module's ``__call__`` takes."""

    def __init__(self, signature: inspect.Signature | None) -> None:
        parameters = list(signature.parameters.values()) if signature else []
        positional = [
            p
            for p in parameters
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
            and p.name not in _TRAINING_ARGUMENTS
        ]
        self.required = sum(p.default is p.empty for p in positional)
        self.keywords = {p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY}

    def accepts_keywords(self, x: Mapping[Any, Any]) -> bool:
        return bool(x) and all(name in self.keywords for name in x)


def _call_arguments(module: nnx.Module) -> _CallArguments:
    call = getattr(module, "__call__", None)  # noqa: B004  its signature is wanted
    try:
        return _CallArguments(inspect.signature(call) if call else None)
    except (TypeError, ValueError):
        return _CallArguments(None)


def _frozen_paths(module: nnx.Module) -> list[tuple[Any, ...]]:
    return [
        tuple(path)
        for path, part in nnx.iter_modules(module)
        if getattr(part, "trainable", True) is False
    ]


def _flatten(state: Any) -> Arrays:
    return {
        "/".join(map(str, path)): leaf.get_value() if isinstance(leaf, nnx.Variable) else leaf
        for path, leaf in nnx.to_flat_state(state)
    }


def _unflatten(arrays: Arrays) -> Any:
    flat: Any = {
        tuple(int(part) if part.isdigit() else part for part in path.split("/")): value
        for path, value in arrays.items()
    }
    return nnx.from_flat_state(flat)
