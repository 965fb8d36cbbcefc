"""The kinds of modules that a model takes."""

import inspect
from collections.abc import Callable
from typing import Any

from callbax._core._errors import describe, explain
from callbax._modules._equinox import equinox_functional
from callbax._modules._keras import keras_functional
from callbax._modules._linen import linen_functional
from callbax._modules._nnx import nnx_functional
from callbax._modules._pair import pair_functional
from callbax._modules._protocol import Functional
from callbax._modules._stack import stack_functional
from callbax._modules._value import Trainable

Adapter = Callable[[Any], Functional | None]
"""Returns a module as pure functions; None if the module is of another kind."""

ADAPTERS: list[Adapter] = [
    stack_functional,
    nnx_functional,
    keras_functional,
    equinox_functional,
    linen_functional,
    pair_functional,
]
"""Asked in this order."""


def functional_of(module: Any, trainable: Trainable | None = None) -> Functional:
    """Returns a module as pure functions.

    Args:
        module: What the user gave to ``Model``.
        trainable: Path of an array -> whether training changes it; None leaves it to the module.

    Raises:
        TypeError: No adapter knows modules of its kind, or it has other means to be frozen.
    """
    for adapter in ADAPTERS:
        takes = {} if trainable is None else {"trainable": trainable}
        if takes and "trainable" not in inspect.signature(adapter).parameters:
            continue
        functional = adapter(module, **takes)
        if functional is not None:
            return functional
    raise TypeError(
        explain(
            "Model(module)" if trainable is None else "Model(module, trainable=...)",
            expected="an instance of `flax.nnx.Module`, `equinox.Module` or `flax.linen.Module`, "
            "a pair of functions (init, apply), or a Keras model"
            if trainable is None
            else "an Equinox or Linen module or a pair of functions, as others freeze layers "
            "by `layer.trainable = False`",
            received=describe(module),
            action="Make the module first: Model(MyModule(rngs=nnx.Rngs(0))).",
        )
    )
