"""Layers with Keras's names, thin over flax.nnx."""

from callbax.layers._layer import Layer
from callbax.layers.core import Activation, Dense, Flatten, Input
from callbax.layers.regularization import Dropout

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input", "Layer"]
