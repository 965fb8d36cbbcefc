"""A Flax Linen module seen as pure functions."""

import sys
from dataclasses import dataclass
from typing import Any

import jax

from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Applied, Functional, Part, Variables
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


@dataclass(frozen=True)
class _Layer:
    """A part of a Linen module, which exists only while it is called."""

    name: str


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

    def parts(self) -> list[Part]:
        names = dict.fromkeys(path.split("/")[1] for path in self._paths if path.count("/") > 1)
        return [Part(name, _Layer(name)) for name in names]

    def size_of(self, part: Any) -> int:
        arrays = self.read().weights
        return sum(arrays[p].size for p in self._paths if p.split("/")[1] == part.name)

    def outputs(self, x: PyTree) -> dict[str, PyTree]:
        def run(variables: Variables, x: PyTree) -> PyTree:
            collections = unflatten(self._collections, variables.weights)

            def call(*args: Any, **kwargs: Any) -> Any:
                options = {"capture_intermediates": True, "mutable": ["intermediates"]}
                return self.given.apply(collections, *args, **options, **kwargs)

            return Signature(self.given).call(call, x, False)[1]["intermediates"]

        found = jax.eval_shape(run, self.read(), x)
        return {name: calls["__call__"][0] for name, calls in found.items() if name != "__call__"}

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
