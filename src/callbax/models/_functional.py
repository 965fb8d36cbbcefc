"""Keras's functional models: made of inputs and outputs, and Keras's own."""

from typing import Any

import jax

from callbax._core._errors import describe, explain
from callbax._core._keras import load_keras
from callbax.layers._symbolic import is_input, is_symbolic, tensor_of, twin
from callbax.models._keras_model import KerasModel


def is_functional(inputs: object = None, outputs: object = None, **named: object) -> bool:
    """Returns whether the arguments of `Model` are symbolic inputs, and what comes of them."""
    return outputs is not None and is_symbolic(inputs)


def functional_model(
    inputs: object,
    outputs: object,
    *,
    name: str | None = None,
    trainable: bool = True,
    seed: int | None = None,
) -> Any:
    """Returns Keras's functional model.

    Args:
        inputs: An `Input`, or a list or dict of them.
        outputs: What came of calling layers on them.
        name: Its name.
        trainable: Whether training changes its weights.
        seed: Of the order of data, which is none of Keras's business.
    """
    keras = load_keras("Model(inputs, outputs)")
    inputs, outputs = jax.tree.map(tensor_of, (inputs, outputs), is_leaf=is_input)
    return keras.Model(inputs, outputs, name=name, trainable=trainable)


def sequential_model(layers: list[Any], name: str | None) -> Any:
    """Returns Keras's `Sequential` of layers, callbax's among them by their twins."""
    keras = load_keras("Sequential")
    model = keras.Sequential(name=name)
    for layer in layers:
        model.add(tensor_of(layer) if is_input(layer) else twin(unwrapped(layer)))
    return model


def unwrapped(layer: object) -> Any:
    """Returns the Keras model in one that callbax trains; anything else as it is."""
    return layer.module if isinstance(layer, KerasModel) else layer


def no_module(kind: str, *given: object, **named: object) -> TypeError:
    """Builds the error for a model that is made as Keras's functional or subclassed ones.

    Args:
        kind: Name of the class that was called.
        *given: What it was given by place.
        **named: What it was given by name.
    """
    listed = [describe(value) for value in given if value is not None]
    listed += [f"{name}={describe(value)}" for name, value in named.items()]
    return TypeError(
        explain(
            "Model(module)" if kind == "Model" else f"{kind}(), a subclass of Model",
            expected="one `flax.nnx.Module`, which computes the outputs",
            received=" and ".join(listed) or "none",
            action="Make a `Sequential` of layers; or write the layers and the call as an "
            "nnx.Module, for several inputs or outputs too, and pass that: Model(MyModule()).",
        )
    )
