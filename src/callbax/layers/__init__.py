"""Layers with Keras's names, thin over flax.nnx."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.layers._layer import Layer
from callbax.layers.core import Activation, Dense, Flatten, Input
from callbax.layers.regularization import Dropout

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input", "Layer"]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__,
        "Write a `Layer` of your own, or use any layer of flax.nnx: both go into a `Sequential`.",
    )
