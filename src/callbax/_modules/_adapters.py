"""The kinds of modules that a model takes."""

from collections.abc import Callable
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._rng import SeedSource
from callbax._modules._equinox import EquinoxFunctional
from callbax._modules._keras import keras_functional
from callbax._modules._linen import LinenFunctional
from callbax._modules._nnx import nnx_functional
from callbax._modules._pair import PairFunctional
from callbax._modules._protocol import Functional
from callbax._modules._stack import stack_functional

Adapter = Callable[[Any], Functional | None]
"""Returns a module as pure functions; None if the module is of another kind."""

ADAPTERS: list[Adapter] = [
    stack_functional,
    nnx_functional,
    keras_functional,
    LinenFunctional.adapt,
    EquinoxFunctional.adapt,
    PairFunctional.adapt,
]
"""Asked in this order."""
KINDS = (
    "a `flax.nnx.Module`, a `flax.linen.Module`, an `equinox.Module` (with its state: a tuple of "
    "both), a Keras model on the JAX backend or a pair of functions `(init, apply)`"
)


def functional_of(
    module: Any, *, seed: int | None = None, trainable: Callable[[str], bool] | None = None
) -> Functional:
    """Returns a module as pure functions.

    Args:
        module: What the user gave to ``Model``.
        seed: Seed of random streams that the module has not of its own; None for the stream that
            ``set_random_seed`` starts.
        trainable: Path of a weight -> whether training changes it; None for all that it can.

    Raises:
        TypeError: No adapter knows modules of its kind, or it cannot be frozen by paths.
    """
    if trainable is not None and not callable(trainable):
        raise TypeError(
            explain(
                "Model(trainable=...)",
                expected="a function from the path of a weight to a bool",
                received=describe(trainable),
                action='Pass for example trainable=lambda path: path.startswith("head/").',
            )
        )
    for adapter in ADAPTERS:
        functional = adapter(module)
        if functional is not None:
            functional.configure(SeedSource(seed, "dropout"), trainable)
            return functional
    raise TypeError(
        explain(
            "Model(module)",
            expected=KINDS,
            received=describe(module),
            action="Make the module first: Model(MyModule(rngs=nnx.Rngs(0))). A class of your own "
            "becomes a kind of module with an adapter: see docs/extending.md.",
        )
    )
