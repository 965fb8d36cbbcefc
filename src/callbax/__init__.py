"""Keras's training experience on JAX: fit, evaluate and predict with callbacks."""

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
