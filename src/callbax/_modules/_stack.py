"""Layers in a row, seen as pure functions: the module of a `Sequential`."""

from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from callbax._core._errors import describe, explain
from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._layer_keys import LayerKeys
from callbax._modules._nnx import NnxFunctional, joined, member
from callbax._modules._nnx_parts import named_parts
from callbax._modules._protocol import Applied, Functional, Part, Variables, Weight
from callbax._modules._trace import trace
from callbax.layers import Layer
from callbax.layers._members import inner_layers, keras_order
from callbax.layers._stack import Stack

Path = tuple[Any, ...]


def stack_functional(module: Any) -> Functional | None:
    """Returns layers in a row as pure functions; None for anything else."""
    return StackFunctional(module) if isinstance(module, Stack) else None


OF_CALLBAX = "callbax.layers."
"""The room of layers that are asked for their outputs as they are, which takes a third as long."""


class StackFunctional(NnxFunctional):
    """Layers in a row: built one after the other, each for the output of the one before.

    Args:
        module: The layers.
    """

    module: Stack

    @property
    def built(self) -> bool:
        return bool(self.module.layers) and len(self.module.known.outputs) == len(
            self.module.layers
        )

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        stack = self.module
        if not stack.layers:
            raise ValueError(
                explain(
                    "Sequential",
                    expected="at least one layer",
                    received="none",
                    action="Pass layers or call `add`.",
                )
            )
        known = stack.known
        first = jax.tree.map(_one_sample, x) if known.inputs is None else known.inputs
        spec = known.outputs[-1] if known.outputs else first
        for layer in stack.layers[len(known.outputs) :]:
            spec = _build_layer(layer, spec, seeds)
            known.outputs.append(spec)
            known.inputs = first
        stack.built = True
        self.forget_structure()

    def add(self, layer: nnx.Module) -> None:
        """Puts one more layer at the end."""
        self.module.layers.append(layer)
        self.forget_structure()

    def pop(self) -> Any:
        """Takes the last layer off and returns it."""
        del self.module.known.outputs[len(self.module.layers) - 1 :]
        self.forget_structure()
        return self.module.layers.pop()

    def weights(self) -> Sequence[Weight]:
        return self._once("weights", self._weights)

    def _weights(self) -> list[Weight]:
        keys, canonical = LayerKeys(self.module).keys, self._structure.canonical
        found: list[Weight] = []
        names: set[str] = set()
        for path, variable in keras_order(self.module):
            name = self._name(path, names)
            names.add(name)
            found.append(Weight(canonical[joined(path)], keys[id(variable)], name))
        return found

    def groups(self) -> dict[str, str]:
        return self._once("groups", lambda: LayerKeys(self.module).names)

    def shapes(self) -> tuple[PyTree, PyTree] | None:
        known = self.module.known
        return (known.inputs, known.outputs[-1]) if self.built else None

    def outputs(self) -> dict[str, PyTree]:
        return Functional.outputs(self)  # building has told them

    def parts(self) -> list[Part]:
        named = named_parts(self.module)
        outputs = [*self.module.known.outputs, *[None] * len(named)]
        return [
            Part(name, part, output) for (name, part), output in zip(named, outputs, strict=False)
        ]

    def _call(self, variables: Variables, x: PyTree, training: bool, step: Array) -> Applied:
        inputs = self.module.known.inputs
        if isinstance(inputs, jax.ShapeDtypeStruct):
            x = _single_input(self.module.name, x, inputs)
        return super()._call(variables, x, training, step)

    def _name(self, path: Path, taken: Container[str]) -> str:
        """Returns a variable's name: that of every layer around it, and its own.

        NNX modules that a layer holds are left out, unless two hold one of a name.
        """
        layers, whole, node = [self.module.name], [self.module.name], self.module
        for part in path[:-1]:
            node = member(node, part)
            if isinstance(node, nnx.Module):
                name = getattr(node, "name", part)
                whole.append(str(name))
                if isinstance(node, Layer) or len(layers) == 1:
                    layers.append(str(name))
        short = "/".join([*layers, str(path[-1])])
        return "/".join([*whole, str(path[-1])]) if short in taken else short


def _build_layer(layer: Any, spec: PyTree, seeds: SeedSource | None) -> PyTree:
    """Builds a layer for a batch of inputs, and returns what comes out of it."""
    if isinstance(layer, Stack):
        StackFunctional(layer).build(spec, seeds)
        return layer.known.outputs[-1]
    if isinstance(layer, Layer):
        layer.ensure_built(jax.tree.map(lambda s: (None, *s.shape[1:]), spec), seeds)
        if type(layer).__module__.startswith(OF_CALLBAX) and not inner_layers(layer):
            # A call of these changes nothing but variables, which is an error here. Whatever goes
            # wrong is tried again below, where errors say what it is.
            with suppress(Exception):
                # A function: of another callable JAX takes the text, that of all its arrays.
                found: PyTree = jax.eval_shape(lambda x: layer(x, training=False), spec)
                return found
    functional = NnxFunctional(layer)
    if not functional.built:
        functional.build(spec, seeds)
    return trace(functional, functional.read(), spec)[1]


def _one_sample(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *leaf.shape[1:]), leaf.dtype)


def _single_input(name: str, x: PyTree, spec: jax.ShapeDtypeStruct) -> PyTree:
    """Adds or drops a last axis of length 1 if the rank of the only input differs by one.

    Raises:
        ValueError: There are several inputs, or they have names.

    Source: ``Functional._adjust_input_rank`` in Keras.
    """
    if isinstance(x, tuple | list) and len(x) == 1:
        x = x[0]
    if not hasattr(x, "shape"):
        raise ValueError(
            explain(
                f"{name}(inputs)",
                expected="one array, as the model was made for",
                received=f"a {describe(x)}",
                action="Pass the array itself, or make a model for several inputs.",
            )
        )
    if x.ndim == len(spec.shape) + 1 and x.shape[-1] == 1:
        return x[..., 0]
    if x.ndim == len(spec.shape) - 1 and spec.shape[-1] == 1:
        return x[..., None]
    return x


def spec_of(shape: Any) -> PyTree:
    """Returns a batch of one sample: its shape with 1 for every length that is open.

    Args:
        shape: Shape of a batch of inputs; several inputs as a dict or list of shapes.
    """
    if isinstance(shape, tuple | list) and all(d is None or isinstance(d, int) for d in shape):
        known = tuple(1 if length is None else length for length in shape)
        return jax.ShapeDtypeStruct(known, jnp.float32)
    if isinstance(shape, Mapping):
        return {key: spec_of(part) for key, part in shape.items()}
    return type(shape)(map(spec_of, shape))
