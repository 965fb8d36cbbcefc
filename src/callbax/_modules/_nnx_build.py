"""Layers inside a module, whose weights come to be at the module's first call."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from callbax._core._rng import SeedSource
from callbax._core._types import PyTree
from callbax.layers import Layer
from callbax.layers._layer import building
from callbax.layers._members import values


def unbuilt_layers(module: Any) -> list[Layer]:
    """Returns the layers in a module that are not built, itself and layers in layers among them."""
    parts = (part for _, part in nnx.iter_modules(module) if isinstance(part, Layer))
    return [layer for layer in parts if not layer.built]


def build_inner(
    module: Any, call: Callable[[PyTree, bool], Any], x: PyTree, seeds: SeedSource | None
) -> None:
    """Builds the layers in a module: calls it on zeros, as nothing else knows their inputs.

    Beyond the weights that it makes the call changes nothing.

    Args:
        module: The module.
        call: Calls it on a batch, in training or not.
        x: A batch of inputs, or its shapes and dtypes; one sample of it is enough.
        seeds: Where seeds that the user left open come from.
    """
    inputs = jax.tree.map(lambda leaf: jnp.zeros((1, *leaf.shape[1:]), leaf.dtype), x)
    # Some layers may be called in training only.
    for training in (False, True):
        if unbuilt_layers(module):
            before = values(module)
            with building(seeds) as made:
                call(inputs, training)
            for variable, value in reversed([*before, *made]):
                variable.set_raw_value(value)
