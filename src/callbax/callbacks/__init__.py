"""Callbacks: what sees, and may steer, a run at every batch and epoch."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.callbacks._callback import Callback
from callbax.callbacks._callback_list import CallbackList
from callbax.callbacks.backup_and_restore import BackupAndRestore
from callbax.callbacks.base_logger import BaseLogger
from callbax.callbacks.checkpoint import Checkpoint
from callbax.callbacks.csv_logger import CSVLogger
from callbax.callbacks.dvclive_logger import DVCLiveLogger
from callbax.callbacks.early_stopping import EarlyStopping
from callbax.callbacks.history import History
from callbax.callbacks.lambda_callback import LambdaCallback
from callbax.callbacks.learning_rate_scheduler import LearningRateScheduler
from callbax.callbacks.mlflow_logger import MLflowLogger
from callbax.callbacks.model_checkpoint import ModelCheckpoint
from callbax.callbacks.orbax_checkpoint import OrbaxCheckpoint
from callbax.callbacks.progbar_logger import ProgbarLogger
from callbax.callbacks.recorder import Recorder
from callbax.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from callbax.callbacks.remote_monitor import RemoteMonitor
from callbax.callbacks.swap_ema_weights import SwapEMAWeights
from callbax.callbacks.tensorboard import TensorBoard
from callbax.callbacks.terminate_on_nan import TerminateOnNaN
from callbax.callbacks.trace import Trace
from callbax.callbacks.wandb_logger import WandbLogger

__all__ = [
    "BackupAndRestore",
    "BaseLogger",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "Checkpoint",
    "DVCLiveLogger",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "MLflowLogger",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "Recorder",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "Trace",
    "WandbLogger",
]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(__name__, "Write a `Callback` of your own.")
