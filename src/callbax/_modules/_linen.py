"""A Flax Linen module seen as pure functions."""

import sys
from typing import Any

import jax

from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Applied, Functional, Variables
from callbax._modules._signature import Signature
from callbax._modules._value import Trainable, ValueFunctional, flatten, key_of, unflatten

_STREAMS = ("params", "dropout", "noise")
"""Names under which Linen's modules ask for keys."""


def linen_functional(module: Any, trainable: Trainable | None = None) -> Functional | None:
    """Returns a Linen module as pure functions; None for anything else.

    Args:
        module: A ``flax.linen.Module``; its weights are made at the first batch.
        trainable: Which arrays training changes.
    """
    linen: Any = sys.modules.get("flax.linen")
    if linen is None or not isinstance(module, linen.Module):
        return None
    return LinenFunctional(module, trainable)


class LinenFunctional(ValueFunctional):
    """The collection "params" is trained; all others are statistics, and move in training."""

    _collections: PyTree = None

    def with_arrays(self, variables: Variables) -> Any:
        return self.given  # it holds no arrays

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        key = jax.random.key((seeds or SeedSource()).draw())
        keys = dict(zip(_STREAMS, jax.random.split(key, len(_STREAMS)), strict=True))

        def init(x: PyTree) -> PyTree:
            call = Signature(self.given).call
            return call(lambda *args, **kw: self.given.init(keys, *args, **kw), x, False)

        made = jax.jit(init)(jax.tree.map(lambda leaf: jax.numpy.zeros(leaf.shape, leaf.dtype), x))
        self._collections = made
        stats = {name: arrays for name, arrays in made.items() if name != "params"}
        self.hold(flatten({"params": made.get("params", {})}), flatten(stats), seeds)

    def apply(self, variables: Variables, x: PyTree, *, training: bool, step: Array) -> Applied:
        collections = unflatten(self._collections, variables.weights)
        keys = jax.random.split(key_of(variables, step), len(_STREAMS))
        moved = [name for name in collections if name != "params"] if training else []

        def call(*args: Any, **kwargs: Any) -> Any:
            rngs = dict(zip(_STREAMS, keys, strict=True))
            return self.given.apply(collections, *args, rngs=rngs, mutable=moved or False, **kwargs)

        result = Signature(self.given).call(call, x, training)
        output, after = result if moved else (result, {})
        stats = flatten(after)
        return Applied(output, {path: stats.get(path, a) for path, a in variables.stats.items()})
