"""Keras's training experience on JAX: fit, evaluate and predict with callbacks."""

import importlib
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


def load_ipython_extension(ipython: object) -> None:
    """Serves Keras's models from now on: ``%load_ext callbax``."""
    importlib.import_module("callbax.keras_training").take_over()


def unload_ipython_extension(ipython: object) -> None:
    """Gives Keras its methods back: ``%unload_ext callbax``."""
    importlib.import_module("callbax.keras_training").give_back()


if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(__name__, "Make a `Sequential`, or a `Model` of any nnx.Module.")
