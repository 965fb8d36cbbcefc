"""Callbax under Keras's names, so that a script moves over by changing one import.

``import callbax as tf`` gives ``tf.keras.Sequential``; ``from callbax import keras`` gives
``keras.layers.Dense``. Every object is the one of the room of that name.
"""

import sys
from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
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

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(__name__, "Make a `Sequential`, or a `Model` of any nnx.Module.")
    for _name in __all__:
        _room = sys.modules.get(f"callbax.{_name}")
        if hasattr(_room, "__getattr__"):
            vars(sys.modules[f"{__name__}.{_name}"])["__getattr__"] = _room.__getattr__
