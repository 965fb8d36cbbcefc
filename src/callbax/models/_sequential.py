"""A model made of layers in a row."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import nnx

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._training._module import FunctionalModule
from callbax.layers import Input, Layer
from callbax.models._files import MODELS
from callbax.models._keys import LayerKeys
from callbax.models._model import Model
from callbax.models._parts import named_parts
from callbax.saving import deserialize_keras_object, serialize_keras_object


class _Stack(nnx.Module):
    """Layers applied one after the other."""

    def __init__(self) -> None:
        self.layers: Any = nnx.List([])
        self.trainable = True

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


@MODELS.register()
class Sequential(Model):
    """A model made of layers in a row, each fed with the output of the one before.

    Args:
        layers: Callbax layers or any ``nnx.Module``; more may come with `add`.
        trainable: Whether training changes the weights.
        name: Its name.
        seed: Fixes initial values, dropout and the order of the data; without it they follow from
            ``utils.set_random_seed``, initial values as in Keras.

    Example:
        >>> from callbax.layers import Dense
        >>> model = Sequential([Dense(8, activation="relu", input_shape=(4,)), Dense(1)])
        >>> [layer.units for layer in model.layers]
        [8, 1]
        >>> model.count_params()
        49
    """

    def __init__(
        self,
        layers: Iterable[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(_Stack(), seed=seed, name=name)
        self._stack: _Stack = super().module
        self._stack.trainable = trainable
        self._specs: list[PyTree] = []
        self._input: PyTree = None
        self._input_shape: Any = None
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Puts one more layer at the end.

        Args:
            layer: A callbax layer or an ``nnx.Module``; a class is not taken.

        Raises:
            TypeError: It is neither.
            ValueError: Its name is taken, or it does not fit the layer before it.
        """
        if not isinstance(layer, nnx.Module):
            raise TypeError(
                explain(
                    "Sequential.add(layer)",
                    expected="an instance of a layer or of `flax.nnx.Module`",
                    received=describe(layer),
                    action="Make the layer first: add(Dense(10)); wrap a function in Activation.",
                )
            )
        name = getattr(layer, "name", None)
        if name is not None and any(getattr(old, "name", None) == name for old in self.layers):
            raise ValueError(
                explain(
                    f'Sequential.add(layer named "{name}")',
                    expected="a layer whose name is not taken",
                    received=f'a second "{name}"',
                    action="Give it another `name`.",
                )
            )
        shape = getattr(layer, "batch_shape", None)
        if not self._stack.layers and self._input is None and shape is not None:
            self._input_shape, self._input = shape, _spec(shape)
        self._engine.reread()
        if isinstance(layer, Input):
            return
        self._stack.layers.append(layer)
        if self._input is not None:
            try:
                self._extend()
            except Exception:
                self._stack.layers.pop()
                raise

    def pop(self) -> Any:
        """Takes the last layer off and returns it."""
        self._engine.reread()
        del self._specs[len(self._stack.layers) - 1 :]
        return self._stack.layers.pop()

    @property
    def layers(self) -> list[Any]:
        """The layers in order, `Input` left out."""
        return list(self.module.layers)

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        return bool(self._stack.layers) and len(self._specs) == len(self._stack.layers)

    def get_config(self) -> dict[str, Any]:
        """Returns the layers and the shape of the input as plain values.

        Raises:
            TypeError: A layer is a plain NNX module, or holds what plain values cannot describe.
        """
        layers = [serialize_keras_object(layer) for layer in self._stack.layers]
        config = {"name": self.name, "trainable": self._stack.trainable, "layers": layers}
        if self._input_shape is not None:
            shape = serialize_keras_object(self._input_shape)
            # In Keras the first layer of a built model says what the input looks like.
            name, inputs = "InputLayer", {"batch_shape": shape, "name": "input_layer"}
            layers.insert(0, {"module": "keras.layers", "class_name": name, "config": inputs})
            config["build_input_shape"] = shape
        return config

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns the shape of a batch of inputs; None before the model is built."""
        return {"input_shape": self._input_shape} if self.built else None

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Makes a model, its weights new, of what `get_config` returned, here or in Keras.

        Args:
            config: What `get_config` returned; layers as plain values or as objects.
            custom_objects: Classes and functions of your own, by name.

        Raises:
            ValueError: A layer is unknown, or its arguments do not fit.
        """
        layers = deserialize_keras_object(config["layers"], custom_objects)
        model = cls(layers, trainable=config.get("trainable", True), name=config.get("name"))
        shape = config.get("build_input_shape")
        if shape and layers and not model.built:
            model.build(shape)
        return model

    def _file_keys(self) -> tuple[dict[str, str], dict[str, str]]:
        found = LayerKeys(list(self._stack.layers), ("layers",), self.name)
        return found.keys, found.names

    def _make_weights(self, input_shape: Any) -> None:
        if self.built:
            return
        if not self._stack.layers:
            raise ValueError(
                explain(
                    "Sequential",
                    expected="at least one layer",
                    received="none",
                    action="Pass layers or call `add`.",
                )
            )
        self._input_shape, self._input = input_shape, _spec(input_shape)
        self._extend()

    def _extend(self) -> None:
        """Builds the layers that are not built yet."""
        spec = self._specs[-1] if self._specs else self._input
        for layer in list(self._stack.layers)[len(self._specs) :]:
            if isinstance(layer, Layer):
                layer.ensure_built(jax.tree.map(lambda s: (None, *s.shape[1:]), spec), self._seeds)
            _, spec = FunctionalModule(layer).trace(spec)
            self._specs.append(spec)

    def _variable_names(self, paths: list[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for path in paths:
            _, index, *inner = path.split("/")
            layer = f"{self.name}/{getattr(self._stack.layers[int(index)], 'name', index)}"
            # Without the NNX module that a layer holds, unless two hold one of a name.
            short = f"{layer}/{inner[-1]}"
            names[path] = short if short not in names.values() else "/".join([layer, *inner])
        return names

    def _output_specs(self) -> dict[str, PyTree]:
        names = [name for name, _ in named_parts(self.module)]
        return dict(zip(names, self._specs, strict=False))


def _spec(shape: Any) -> PyTree:
    """Returns the spec of a batch of one sample where the number of samples is open."""
    if isinstance(shape, tuple | list) and all(d is None or isinstance(d, int) for d in shape):
        known = tuple(1 if length is None else length for length in shape)
        return jax.ShapeDtypeStruct(known, jnp.float32)
    parts = shape.items() if isinstance(shape, dict) else enumerate(shape)
    return {key: _spec(part) for key, part in parts}
