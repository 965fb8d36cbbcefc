"""Learning rates that depend on the step, with Keras's names, arguments and numbers."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.optimizers.schedules._schedule import LearningRateSchedule, deserialize, serialize
from callbax.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from callbax.optimizers.schedules.decay import ExponentialDecay, InverseTimeDecay, PolynomialDecay
from callbax.optimizers.schedules.piecewise import PiecewiseConstantDecay

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(__name__, "Pass any optax schedule as the learning rate.")
