"""Copies and pickles of every built-in callback, new and used."""

import copy
import pickle

import keras
import numpy as np
import pytest

import callbax as cb
from callbax import callbacks as C
from callbax.callbacks import Callback

X = np.ones((8, 2), "float32")
Y = X[:, :1]


def rate(epoch, lr):
    return lr / 2


def shout(logs):
    pass


MAKERS = {
    "BackupAndRestore": lambda path: C.BackupAndRestore(path / "backup"),
    "BaseLogger": lambda path: C.BaseLogger(),
    "Checkpoint": lambda path: C.Checkpoint(path / "run"),
    "CSVLogger": lambda path: C.CSVLogger(path / "log.csv"),
    "EarlyStopping": lambda path: C.EarlyStopping("loss", restore_best_weights=True),
    "History": lambda path: C.History(),
    "LambdaCallback": lambda path: C.LambdaCallback(on_train_end=shout),
    "LearningRateScheduler": lambda path: C.LearningRateScheduler(rate),
    "ModelCheckpoint": lambda path: C.ModelCheckpoint(path / "{epoch}.keras", "loss", keep_best=1),
    "OrbaxCheckpoint": lambda path: C.OrbaxCheckpoint(path / "orbax", "loss"),
    "ProgbarLogger": lambda path: C.ProgbarLogger(),
    "Recorder": lambda path: C.Recorder(),
    "ReduceLROnPlateau": lambda path: C.ReduceLROnPlateau("loss"),
    "RemoteMonitor": lambda path: C.RemoteMonitor("http://127.0.0.1:9", timeout=0.1),
    "SwapEMAWeights": lambda path: C.SwapEMAWeights(),
    "TensorBoard": lambda path: C.TensorBoard(path / "board"),
    "TerminateOnNaN": lambda path: C.TerminateOnNaN(),
    "Trace": lambda path: C.Trace(path / "trace.json"),
}
ELSEWHERE = {"DVCLiveLogger", "MLflowLogger", "WandbLogger"}
"""Those whose packages only `make thirdparty` has: tests/thirdparty/test_loggers.py."""
WAYS = {"deepcopy": copy.deepcopy, "pickle": lambda callback: pickle.loads(pickle.dumps(callback))}
MODULES = {
    "OrbaxCheckpoint": "orbax.checkpoint",
    "RemoteMonitor": "requests",
    "TensorBoard": "tensorboard",
}


def train(*callbacks):
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile(cb.optimizers.SGD(0.1, use_ema=True), "mse")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=list(callbacks))


def test_every_callback_is_here():
    known = {
        name
        for name in C.__all__
        if issubclass(getattr(C, name), Callback) and name not in ("Callback", "CallbackList")
    }
    assert known == set(MAKERS) | ELSEWHERE


@pytest.mark.filterwarnings("ignore:Could not reach RemoteMonitor")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("used", [False, True, "within"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_copy_has_the_settings_and_works(name, used, way, tmp_path):
    if name in MODULES:
        pytest.importorskip(MODULES[name])
    callback, copies = MAKERS[name](tmp_path), []
    if used == "within":
        end = C.LambdaCallback(on_epoch_end=lambda *_, **__: copies.append(WAYS[way](callback)))
        train(callback, end)
    elif used:
        train(callback)
    copied = copies[0] if copies else WAYS[way](callback)
    assert type(copied) is type(callback)
    assert copied.model is None
    settings = {"monitor", "patience", "filepath", "log_dir", "sep", "root", "save_freq"}
    for attribute in settings & {key.lstrip("_") for key in vars(callback)}:
        assert getattr(copied, attribute) == getattr(callback, attribute)
    train(copied)


def test_a_used_copy_knows_what_the_original_knew():
    callback = C.EarlyStopping("loss", restore_best_weights=True)
    train(callback)
    for way in WAYS.values():
        copied = way(callback)
        assert (copied.best, copied.wait) == (callback.best, callback.wait)
        for mine, theirs in zip(copied.best_weights, callback.best_weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("way", WAYS)
def test_keras_copies_its_own_too(way):
    """What is asked of callbax's is what holds for Keras's."""
    callback = keras.callbacks.EarlyStopping("loss")
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0, callbacks=[callback])
    assert WAYS[way](callback).best == callback.best


class Mine(Callback):
    def __init__(self):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(logs["loss"])


@pytest.mark.parametrize("way", WAYS)
def test_a_callback_of_the_user_s_own(way):
    callback = Mine()
    train(callback)
    assert WAYS[way](callback).seen == callback.seen
