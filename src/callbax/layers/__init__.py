"""Layers with Keras's names, thin over flax.nnx."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.layers._layer import Layer
from callbax.layers.convolutional import Conv1D, Conv2D, Convolution1D, Convolution2D
from callbax.layers.core import Activation, Dense, Flatten, Input
from callbax.layers.embedding import Embedding
from callbax.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
)
from callbax.layers.normalization import BatchNormalization, LayerNormalization
from callbax.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AvgPool1D,
    AvgPool2D,
    MaxPool1D,
    MaxPool2D,
    MaxPooling1D,
    MaxPooling2D,
)
from callbax.layers.recurrent import GRU, LSTM
from callbax.layers.regularization import Dropout
from callbax.layers.reshaping import Permute, RepeatVector, Reshape, ZeroPadding1D, ZeroPadding2D

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Conv1D",
    "Conv2D",
    "Convolution1D",
    "Convolution2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Input",
    "Layer",
    "LayerNormalization",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Permute",
    "RepeatVector",
    "Reshape",
    "ZeroPadding1D",
    "ZeroPadding2D",
]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__,
        "Write a `Layer` of your own, or use any layer of flax.nnx: both go into a `Sequential`.",
    )
