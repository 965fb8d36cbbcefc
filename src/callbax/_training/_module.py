"""An NNX module seen as a pure function of flat dicts of arrays."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
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
        self._graphdef, *_ = self._split(module)
        self._call_arguments = _call_arguments(module)

    def read(self) -> tuple[Arrays, Arrays, Arrays]:
        """Returns what the live module holds now: trainable arrays, other arrays, random keys."""
        _, *states = self._split(self.module)
        params, random, rest = (_flatten(state) for state in states)
        return params, rest, random

    def write(self, *arrays: Arrays) -> None:
        """Puts arrays into the live module."""
        nnx.update(self.module, _unflatten({k: v for part in arrays for k, v in part.items()}))

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
        drawn = {name: _derive(value, step) for name, value in random.items()}
        module = nnx.merge(self._graphdef, _unflatten(params | stats | drawn))
        if training:
            module.train()
        else:
            module.eval()
        y = self._call(module, x, training)
        _, _, _, after = self._split(module)
        updated = _flatten(after)
        return y, {name: updated[name] for name in stats}

    def output_spec(self, x: PyTree) -> PyTree:
        """Returns the shapes and dtypes of the output for an input, without computing it.

        Args:
            x: The input, arrays or their shapes and dtypes.
        """

        def forward(params: Arrays, stats: Arrays, random: Arrays, x: PyTree) -> PyTree:
            step = jax.numpy.zeros((), jax.numpy.int32)
            return self.apply(params, stats, random, x, training=False, step=step)[0]

        return jax.eval_shape(forward, *self.read(), x)

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

        graphdef, params, random, rest = nnx.split(module, trainable, nnx.RngState, ...)
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


def _derive(value: Array, step: Array) -> Array:
    """Turns a stream's key into that of this step; its counter starts again at 0."""
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return jax.random.fold_in(value, step)
    return jax.numpy.zeros_like(value)


def _flatten(state: Any) -> Arrays:
    return {
        "/".join(map(str, path)): leaf.get_value() if isinstance(leaf, nnx.Variable) else leaf
        for path, leaf in nnx.to_flat_state(state)
    }


def _unflatten(arrays: Arrays) -> Any:
    return nnx.from_flat_state(
        {
            tuple(int(part) if part.isdigit() else part for part in path.split("/")): value
            for path, value in arrays.items()
        }
    )
