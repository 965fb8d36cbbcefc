"""Layers called on symbolic inputs, as in Keras's functional models: they are Keras's from then on.

A functional model is Keras's own. A layer of callbax that takes part in one has a twin there, made
of the same arguments, which holds the weights; so has a `Sequential`.
"""

import functools
import importlib
import random
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import jax
import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._keras import is_of_keras, load_keras

_TWIN = "_keras_twin"


def is_symbolic(inputs: object) -> bool:
    """Returns whether any of the inputs of a call is symbolic: Keras's tensor, or an `Input`."""
    leaves = jax.tree.leaves(inputs, is_leaf=is_input)
    return any(map(is_input, leaves))


def called(layer: object, inputs: object, *args: Any, **kwargs: Any) -> Any:
    """Returns what comes of a layer's call on symbolic inputs: Keras's symbolic tensors."""
    args, kwargs = jax.tree.map(tensor_of, (args, kwargs), is_leaf=is_input)
    return twin(layer)(jax.tree.map(tensor_of, inputs, is_leaf=is_input), *args, **kwargs)


def takes_inputs(keras: Any) -> None:
    """Lets the layers of Keras be called on an `Input` of callbax too, from now on."""
    plain = keras.layers.Layer.__call__
    if hasattr(plain, "takes_inputs"):
        return

    @functools.wraps(plain)
    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if any(map(_is_layer, jax.tree.leaves((args, kwargs), is_leaf=_is_layer))):
            args, kwargs = keras.tree.map_structure(tensor_of, (args, kwargs))
        return plain(layer, *args, **kwargs)

    vars(call)["takes_inputs"] = True
    keras.layers.Layer.__call__ = call


def tensor_of(value: object) -> Any:
    """Returns Keras's symbolic tensor for an `Input`; anything else as it is."""
    if not _is_layer(value):
        return value
    held = vars(value)
    if _TWIN not in held:
        keras = load_keras("Input(...) in a functional model")
        names = {"batch_shape", "dtype", "name"}
        held[_TWIN] = _Held(keras.Input(**{name: held[name] for name in names}))
    return held[_TWIN].value


def twin(layer: object) -> Any:
    """Returns the Keras layer, or model, that stands for one of callbax; the same at every call.

    Raises:
        TypeError: Keras has none, as of a class of the user's own.
    """
    if is_of_keras(layer, "layers", "Layer"):
        return layer
    held = vars(layer)
    if _TWIN not in held:
        held[_TWIN] = _Held(_made(layer))
    return held[_TWIN].value


class Born:
    """When a layer was made: the state of Python's ``random``, of which it draws its seeds.

    Its twin draws the same ones. All compare equal, as layers do not differ in this.
    """

    def __init__(self) -> None:
        version, words, gauss = random.getstate()
        self._state = version, np.array(words, np.uint32), gauss

    @contextmanager
    def again(self) -> Iterator[None]:
        """Puts ``random`` back to that moment while it lasts."""
        version, words, gauss = self._state
        now = random.getstate()
        random.setstate((version, tuple(map(int, words)), gauss))
        try:
            yield
        finally:
            random.setstate(now)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Born)

    def __hash__(self) -> int:
        return hash(Born)


class _Held:
    """Keeps a Keras object out of the module that holds it."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _made(layer: Any) -> Any:
    if hasattr(layer, "as_keras"):
        return layer.as_keras()
    keras = load_keras(f"{type(layer).__name__} in a functional model")
    saving = importlib.import_module("callbax.saving")
    try:
        config: Mapping[str, Any] = saving.serialize_keras_object(layer)
        with _born(layer):
            return keras.saving.deserialize_keras_object(config)
    except (TypeError, ValueError, AttributeError) as error:
        raise TypeError(
            explain(
                f"{type(layer).__name__}(inputs) in a functional model",
                expected="a layer that Keras has too",
                received=describe(layer),
                action="Derive it from `keras.layers.Layer`; or write the whole model as an "
                "nnx.Module, and pass that to `Model`.",
            )
        ) from error


def _born(layer: Any) -> AbstractContextManager[None]:
    born = vars(layer).get("_born")
    return born.again() if isinstance(born, Born) else nullcontext()


def is_input(value: object) -> bool:
    """Returns whether something is an `Input`, or one of Keras's symbolic tensors."""
    return _is_layer(value) or is_of_keras(value, "", "KerasTensor")


def _is_layer(value: Any) -> bool:
    return getattr(type(value), "is_input", False) is True
