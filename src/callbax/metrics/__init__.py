"""Metrics with Keras's names, arguments and numbers, as pure streams."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.losses.binary import binary_crossentropy
from callbax.losses.categorical import categorical_crossentropy
from callbax.losses.regression import mean_absolute_error, mean_squared_error
from callbax.losses.sparse import sparse_categorical_crossentropy
from callbax.metrics._lookup import get, resolve
from callbax.metrics._metric import Metric
from callbax.metrics._wrapper import MeanMetricWrapper
from callbax.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from callbax.metrics.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from callbax.metrics.reduction import Mean
from callbax.metrics.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
)
from callbax.metrics.top_k import (
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "Mean",
    "MeanAbsoluteError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "resolve",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__,
        "Write a function of (y_true, y_pred), such as optax's losses, or a `Metric`.",
    )
