"""Optimizers with Keras's names, arguments and numbers, thin over optax."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.optimizers import schedules
from callbax.optimizers._hyperparameter import HyperParameter
from callbax.optimizers._lookup import get
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers._optimizer_state import ema_of, with_ema
from callbax.optimizers._setting import LiveNumber
from callbax.optimizers.adadelta import Adadelta
from callbax.optimizers.adagrad import Adagrad
from callbax.optimizers.adam import Adam
from callbax.optimizers.adamw import AdamW
from callbax.optimizers.lion import Lion
from callbax.optimizers.nadam import Nadam
from callbax.optimizers.optax_optimizer import OptaxOptimizer
from callbax.optimizers.rmsprop import RMSprop
from callbax.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "HyperParameter",
    "Lion",
    "LiveNumber",
    "Nadam",
    "OptaxOptimizer",
    "Optimizer",
    "RMSprop",
    "ema_of",
    "get",
    "schedules",
    "with_ema",
]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__, "Pass any optax optimizer: compile(optax.adamax(1e-3), ...)."
    )
