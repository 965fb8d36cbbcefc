"""Callbax's own callbacks, set up so that a run neither stops nor writes a file at a batch.

Only `TensorBoard_batch` and `Checkpoint_100` do write at batches. Not here are `RemoteMonitor`,
whose cost is the network's, and `SwapEMAWeights`, which needs an optimizer of another kind; neither
has a hook that is called at each batch of training.
"""

import atexit
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callbax import callbacks

NEVER = "1000000 batches"
_folder = tempfile.TemporaryDirectory(prefix="callbax-bench-")
_files = Path(_folder.name)
atexit.register(_folder.cleanup)

BUILTINS: dict[str, Callable[[], Any]] = {
    "BackupAndRestore": lambda: callbacks.BackupAndRestore(_files / "backup", save_freq=NEVER),
    # A directory for each fit: in one that is known it would continue.
    "Checkpoint_100": lambda: callbacks.Checkpoint(tempfile.mkdtemp(dir=_files), "100 batches"),
    "CSVLogger": lambda: callbacks.CSVLogger(_files / "log.csv"),
    "EarlyStopping": lambda: callbacks.EarlyStopping("loss", patience=1000),
    "History": callbacks.History,
    "LambdaCallback": lambda: callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
    "LearningRateScheduler": lambda: callbacks.LearningRateScheduler(lambda epoch, rate: rate),
    "ModelCheckpoint": lambda: callbacks.ModelCheckpoint(_files / "model.keras", save_freq=NEVER),
    "OrbaxCheckpoint": lambda: callbacks.OrbaxCheckpoint(_files / "orbax", save_freq=NEVER),
    "ProgbarLogger": callbacks.ProgbarLogger,
    "ReduceLROnPlateau": lambda: callbacks.ReduceLROnPlateau("loss", patience=1000),
    "TensorBoard": lambda: callbacks.TensorBoard(_files / "board"),
    "TensorBoard_batch": lambda: callbacks.TensorBoard(_files / "batches", update_freq="batch"),
    "TerminateOnNaN": callbacks.TerminateOnNaN,
}
