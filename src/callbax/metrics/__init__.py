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
from callbax.metrics.auc import AUC
from callbax.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    TrueNegatives,
    TruePositives,
)
from callbax.metrics.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from callbax.metrics.f_score import F1Score, FBetaScore
from callbax.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from callbax.metrics.operating_point import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from callbax.metrics.precision_recall import Precision, Recall
from callbax.metrics.r2_score import R2Score
from callbax.metrics.reduction import Mean
from callbax.metrics.regression import (
    CosineSimilarity,
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
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "IoU",
    "Mean",
    "MeanAbsoluteError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
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
