"""Layers in a row, seen as pure functions: the module of a `Sequential`."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from callbax._core._errors import describe, explain
from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._layer_keys import LayerKeys
from callbax._modules._nnx import NnxFunctional, joined
from callbax._modules._nnx_parts import named_parts
from callbax._modules._protocol import Arrays, Functional, Part, Variables, Weight
from callbax._modules._trace import trace
from callbax.layers import Layer
from callbax.layers._layer import keras_order


class Stack(nnx.Module):
    """Layers applied one after the other.

    Args:
        name: What the variables of its layers are called after.
        trainable: Whether training changes the weights.
    """

    def __init__(self, name: str, trainable: bool) -> None:
        self.layers: Any = nnx.List([])
        self.name, self.trainable = name, trainable

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


def stack_functional(module: Any) -> Functional | None:
    """Returns layers in a row as pure functions; None for anything else."""
    return StackFunctional(module) if isinstance(module, Stack) else None


class StackFunctional(NnxFunctional):
    """Layers in a row: built one after the other, each for the output of the one before.

    Args:
        module: The layers.

    Attributes:
        input_spec: Shapes and dtypes of a batch of inputs; None until they are known.
    """

    module: Stack

    def __init__(self, module: Stack) -> None:
        super().__init__(module)
        self.input_spec: PyTree = None
        self._outputs: list[PyTree] = []

    @property
    def built(self) -> bool:
        return bool(self.module.layers) and len(self._outputs) == len(self.module.layers)

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        if not self.module.layers:
            raise ValueError(
                explain(
                    "Sequential",
                    expected="at least one layer",
                    received="none",
                    action="Pass layers or call `add`.",
                )
            )
        first = jax.tree.map(_one_sample, x) if self.input_spec is None else self.input_spec
        spec = self._outputs[-1] if self._outputs else first
        for layer in list(self.module.layers)[len(self._outputs) :]:
            if isinstance(layer, Layer):
                layer.ensure_built(jax.tree.map(lambda s: (None, *s.shape[1:]), spec), seeds)
            _, spec = trace(NnxFunctional(layer), spec)
            self._outputs.append(spec)
            self.input_spec = first
        self.forget_structure()

    def add(self, layer: nnx.Module) -> None:
        """Puts one more layer at the end."""
        self.module.layers.append(layer)
        self.forget_structure()

    def pop(self) -> Any:
        """Takes the last layer off and returns it."""
        del self._outputs[len(self.module.layers) - 1 :]
        self.forget_structure()
        return self.module.layers.pop()

    def weights(self) -> Sequence[Weight]:
        paths = [joined(path) for path, _ in keras_order(self.module)]
        keys, names = self._keys_in_files().keys, self._names(paths)
        return [Weight(path, keys[path], names[path]) for path in paths]

    def groups(self) -> dict[str, str]:
        return self._keys_in_files().names

    def parts(self) -> list[Part]:
        named = named_parts(self.module)
        outputs = [*self._outputs, *[None] * len(named)]
        return [
            Part(name, part, output) for (name, part), output in zip(named, outputs, strict=False)
        ]

    def _call(
        self, variables: Variables, x: PyTree, training: bool, step: Array
    ) -> tuple[PyTree, Arrays]:
        if isinstance(self.input_spec, jax.ShapeDtypeStruct):
            x = _single_input(self.module.name, x, self.input_spec)
        return super()._call(variables, x, training, step)

    def _keys_in_files(self) -> LayerKeys:
        return LayerKeys(list(self.module.layers), ("layers",), self.module.name)

    def _names(self, paths: Sequence[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for path in paths:
            _, index, *inner = path.split("/")
            layer = getattr(self.module.layers[int(index)], "name", index)
            # Without the NNX module that a layer holds, unless two hold one of a name.
            short = f"{self.module.name}/{layer}/{inner[-1]}"
            taken = short in names.values()
            names[path] = "/".join([self.module.name, layer, *inner]) if taken else short
        return names


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
    parts = shape.items() if isinstance(shape, dict) else enumerate(shape)
    return {key: spec_of(part) for key, part in parts}
