"""The kinds of modules that a model takes."""

from collections.abc import Callable
from typing import Any

from callbax._core._errors import describe, explain
from callbax._modules._keras import keras_functional
from callbax._modules._nnx import nnx_functional
from callbax._modules._protocol import Functional
from callbax._modules._stack import stack_functional

Adapter = Callable[[Any], Functional | None]
"""Returns a module as pure functions; None if the module is of another kind."""

ADAPTERS: list[Adapter] = [stack_functional, nnx_functional, keras_functional]
"""Asked in this order."""


def functional_of(module: Any) -> Functional:
    """Returns a module as pure functions.

    Args:
        module: What the user gave to ``Model``.

    Raises:
        TypeError: No adapter knows modules of its kind.
    """
    for adapter in ADAPTERS:
        functional = adapter(module)
        if functional is not None:
            return functional
    raise TypeError(
        explain(
            "Model(module)",
            expected="an instance of `flax.nnx.Module`",
            received=describe(module),
            action="Make the module first: Model(MyModule(rngs=nnx.Rngs(0))).",
        )
    )
