"""Callbax under Keras's names, so that a script moves over by changing one import.

``import callbax as tf`` gives ``tf.keras.Sequential``; ``from callbax import keras`` gives
``keras.layers.Dense``. Every object is the one of the room of that name.
"""

from callbax.keras import (
    activations,
    backend,
    callbacks,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    saving,
    utils,
)
from callbax.layers import Input
from callbax.models import Model, Sequential

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "activations",
    "backend",
    "callbacks",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "saving",
    "utils",
]
