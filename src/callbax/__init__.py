"""Keras's training experience on JAX: fit, evaluate and predict with callbacks."""

from typing import TYPE_CHECKING

from callbax import (
    activations,
    backend,
    callbacks,
    datasets,
    initializers,
    keras,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    saving,
    utils,
)
from callbax._core._missing import missing_names
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
    "keras",
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
