"""Initializers of weights, bit for bit Keras's own for the same seed."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.initializers._initializer import Initializer
from callbax.initializers._lookup import get, serialize
from callbax.initializers.constants import (
    Constant,
    Identity,
    Ones,
    Zeros,
    constant,
    identity,
    ones,
    zeros,
)
from callbax.initializers.distributions import (
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    random_normal,
    random_uniform,
    truncated_normal,
)
from callbax.initializers.glorot import GlorotNormal, GlorotUniform, glorot_normal, glorot_uniform
from callbax.initializers.he import HeNormal, HeUniform, he_normal, he_uniform
from callbax.initializers.lecun import LecunNormal, LecunUniform, lecun_normal, lecun_uniform
from callbax.initializers.orthogonals import Orthogonal, orthogonal
from callbax.initializers.scaling import VarianceScaling, variance_scaling

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__,
        "Pass any function of (shape, dtype), or an array; flax.nnx has initializers.",
    )
