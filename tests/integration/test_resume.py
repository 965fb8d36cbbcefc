"""Nothing is lost: a run killed at any hook and started again ends bit for bit where it would."""

import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 4)).astype("float32")  # batches of 4: six in a pass, the last one of 2
Y = RNG.normal(size=(22, 1)).astype("float32")
EPOCHS = 4


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the library may catch it and go on."""


class KillAfter(cb.callbacks.Callback):
    """Ends the process, so to speak, at the n-th hook of a run."""

    execution = "fused"

    def __init__(self, hooks: int) -> None:
        self.left = hooks

    def count(self, *_, **__):
        self.left -= 1
        if self.left == 0:
            raise Killed

    on_epoch_begin = on_epoch_end = on_train_batch_begin = on_train_batch_end = count


def batches():
    while True:
        for first in range(0, len(X), 4):
            yield X[first : first + 4], Y[first : first + 4]


DATA = {
    "a pass an epoch": lambda: {"x": X, "y": Y, "batch_size": 4},
    "epochs across passes": lambda: {"x": X, "y": Y, "batch_size": 4, "steps_per_epoch": 4},
    "in order": lambda: {"x": X, "y": Y, "batch_size": 4, "shuffle": False},
    "generator": lambda: {"x": batches(), "steps_per_epoch": 5},
}
OPTIMIZERS = {
    "adam": lambda: cb.optimizers.Adam(0.01),
    "averages": lambda: cb.optimizers.SGD(0.01, momentum=0.9, use_ema=True, ema_momentum=0.8),
}


def start(directory, data, optimizer, save_freq, hooks):
    """Makes everything anew, as a process that starts again does, and runs to the end or kill."""
    layers = [cb.layers.Dense(6, "relu"), cb.layers.Dropout(0.4, seed=1), cb.layers.Dense(1)]
    cb.utils.set_random_seed(5)
    model = cb.Sequential(layers)
    model.compile(OPTIMIZERS[optimizer](), "mse", metrics=["mae"])
    history = cb.callbacks.History()
    model.fit(
        **DATA[data](),
        epochs=EPOCHS,
        verbose=0,
        validation_data=(X[:8], Y[:8]),
        callbacks=[
            cb.callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0, factor=0.5),
            history,
            KillAfter(hooks),
            cb.callbacks.BackupAndRestore(directory, save_freq=save_freq),
        ],
    )
    state = model.training_state()
    return {
        "weights": [weight.tobytes() for weight in model.get_weights()],
        "optimizer": [array.tobytes() for array in state["optimizer"]],
        "learning rate": float(model.optimizer.learning_rate),
        "steps": model.optimizer.iterations,
        "history": history.history,
        "epochs": history.epoch,
    }


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # epochs across passes
@pytest.mark.parametrize(
    ("data", "save_freq", "optimizer"),
    [
        ("a pass an epoch", "epoch", "adam"),
        ("a pass an epoch", 1, "averages"),
        ("a pass an epoch", 3, "adam"),
        ("epochs across passes", "epoch", "averages"),
        ("epochs across passes", 3, "adam"),
        ("in order", 3, "adam"),
        ("generator", "epoch", "adam"),
        ("generator", 3, "averages"),
    ],
)
def test_a_killed_run_ends_where_the_uninterrupted_one_does(tmp_path, data, save_freq, optimizer):
    expected = start(tmp_path / "whole", data, optimizer, save_freq, hooks=-1)
    received, lives = None, 0
    while received is None:
        lives += 1
        assert lives < 20, "no progress from one life to the next"
        try:
            # Lives of 17, 24, 31... hooks end at hooks of every kind.
            hooks = 10 + 7 * lives
            received = start(tmp_path / "killed", data, optimizer, save_freq, hooks)
        except Killed:
            continue
    assert lives > 1, "the run was never killed; the test shows nothing"
    for what, value in expected.items():
        assert received[what] == value, f"{what} differ after {lives} lives"
