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
    distribution,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    saving,
    utils,
    wrappers,
)
from callbax.keras._through import through_keras
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
    "distribution",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "saving",
    "utils",
    "wrappers",
]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = through_keras(
        "", missing_names(__name__, "Make a `Sequential`, or a `Model` of any nnx.Module.")
    )
    for _name in __all__:
        _missing = getattr(sys.modules.get(f"callbax.{_name}"), "__getattr__", None)
        if _missing is not None and _name not in (
            "datasets",
            "wrappers",
        ):  # with imports of their own
            vars(sys.modules[f"{__name__}.{_name}"])["__getattr__"] = through_keras(_name, _missing)
