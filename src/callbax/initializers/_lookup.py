"""Names of initializers, and the way from what a user passed to an initializer."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from numpy.typing import NDArray

from callbax._core._errors import describe, explain
from callbax._core._registry import Registry
from callbax._core._rng import SeedSource
from callbax._core._types import Array, InitializerLike
from callbax.initializers._initializer import Initializer
from callbax.initializers._seeded import SeededInitializer

Init = Callable[..., Array]

INITIALIZERS = Registry(
    "initializer", alternatives="an `Initializer`, an array, or a function of (shape, dtype)"
)


def get(
    identifier: InitializerLike | type | None,
    seeds: SeedSource | None = None,
    *,
    where: str | None = None,
) -> Init | None:
    """Turns what a user passed as ``kernel_initializer`` into an initializer.

    Layers call it on their ``*_initializer`` arguments.

    Args:
        identifier: A name, an `Initializer` or a class of one, a function of (shape, dtype), an
            array of the weight's own shape, what `serialize` returned, or ``None``.
        seeds: Where an initializer given by name or class takes its seed from; ``None`` for
            Python's ``random``, as in Keras.
        where: The public call to name in an error, without backticks.

    Returns:
        The initializer; ``None`` for ``None``.

    Raises:
        ValueError: No initializer has that name.
        TypeError: The identifier is not one of these.

    Example:
        >>> get("glorot_uniform", SeedSource(0))((2, 3)).shape
        (2, 3)

    Source: ``keras.initializers.get``.
    """
    if identifier is None:
        return None
    if isinstance(identifier, jax.Array | np.ndarray | np.generic):
        return _exactly(identifier)
    found, config = INITIALIZERS.resolve(identifier, where=where)
    return _make(found, config, seeds)


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Describes an initializer by plain values, for a layer's config.

    Args:
        initializer: An instance, as `get` returns it.

    Returns:
        ``{"class_name": ..., "config": ...}``; `get` makes an equal initializer of it.

    Raises:
        TypeError: It is a plain function or class, which has no config.

    Example:
        >>> serialize(get("zeros"))
        {'class_name': 'Zeros', 'config': {}}

    Source: ``keras.initializers.serialize``.
    """
    if not isinstance(initializer, Initializer):
        raise TypeError(
            explain(
                "initializers.serialize(initializer)",
                expected="an `Initializer`",
                received=describe(initializer),
                action="Subclass `Initializer` to save an initializer of your own.",
            )
        )
    return {"class_name": type(initializer).__name__, "config": initializer.get_config()}


def _make(entry: Callable[..., Any], config: dict[str, Any], seeds: SeedSource | None) -> Init:
    """Makes an initializer, with a seed from the source if the config leaves the seed open."""
    if not isinstance(entry, type):
        return entry
    if issubclass(entry, SeededInitializer) and config.get("seed") is None:
        config = {**config, "seed": seeds}
    from_config: Callable[[dict[str, Any]], Init] | None = getattr(entry, "from_config", None)
    made: Init = from_config(config) if from_config else entry(**config)
    return made


def _exactly(values: jax.Array | NDArray[Any] | np.generic) -> Init:
    def initialize(shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        if tuple(shape) != values.shape:
            raise ValueError(
                explain(
                    f"initializer(shape={tuple(shape)})",
                    expected="an array of the weight's own shape as initializer",
                    received=describe(values),
                    action="Reshape it, or use `Constant` to broadcast it.",
                )
            )
        return jnp.asarray(values, dtype or jnp.float32)

    return initialize
