"""Losses with Keras's names, arguments and numbers."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.losses._lookup import get, resolve
from callbax.losses._loss import Loss
from callbax.losses._wrapper import LossFunctionWrapper
from callbax.losses.binary import BinaryCrossentropy, binary_crossentropy
from callbax.losses.categorical import CategoricalCrossentropy, categorical_crossentropy
from callbax.losses.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    mean_absolute_error,
    mean_squared_error,
)
from callbax.losses.sparse import SparseCategoricalCrossentropy, sparse_categorical_crossentropy

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "resolve",
    "sparse_categorical_crossentropy",
]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__,
        "Write a function of (y_true, y_pred) or a `Loss`; `Model` trains any nnx.Module with it.",
    )
