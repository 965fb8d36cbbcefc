"""Learning rates that depend on the step, with Keras's names, arguments and numbers."""

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
