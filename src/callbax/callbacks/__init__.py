"""Callbacks: what sees, and may steer, a run at every batch and epoch."""

from callbax.callbacks._callback import Callback
from callbax.callbacks._callback_list import CallbackList
from callbax.callbacks.csv_logger import CSVLogger
from callbax.callbacks.early_stopping import EarlyStopping
from callbax.callbacks.history import History
from callbax.callbacks.lambda_callback import LambdaCallback
from callbax.callbacks.learning_rate_scheduler import LearningRateScheduler
from callbax.callbacks.progbar_logger import ProgbarLogger

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ProgbarLogger",
]
