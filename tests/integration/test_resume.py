"""Nothing is lost: a run killed at any hook and started again ends bit for bit where it would."""

import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 4)).astype("float32")  # batches of 4: six in a pass, the last one of 2
Y = RNG.normal(size=(22, 1)).astype("float32")
EPOCHS = 4


pytestmark = pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")


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
    on_validation_end = count


class KillAt(cb.callbacks.Callback):
    """Ends the process at one batch of an epoch, in a hook of its own or of its validation."""

    execution = "fused"

    def __init__(self, hook, epoch, batch):
        self.place, self.now, self.armed = (epoch, batch), (0, 0), False
        setattr(self, hook, self.kill)

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch, 0

    def on_train_batch_end(self, batch, logs=None):
        self.armed = (self.now[0], batch) == self.place

    def kill(self, *_, **__):
        if self.armed:
            raise Killed


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


def start(directory, data, optimizer, save_freq, kill, validation_freq=1):
    """Makes everything anew, as a process that starts again does, and runs to the end or kill."""
    cb.utils.set_random_seed(5)
    layers = [cb.layers.Dense(6, "relu"), cb.layers.Dropout(0.4, seed=1), cb.layers.Dense(1)]
    model = cb.Sequential(layers)
    model.compile(OPTIMIZERS[optimizer](), "mse", metrics=["mae"])
    history = cb.callbacks.History()
    stopping = cb.callbacks.EarlyStopping(patience=None, min_delta=0.01)
    field = "batch" if validation_freq != 1 else "epoch"
    best = directory.parent / f"{directory.name}_best"
    log = directory.with_suffix(".csv")
    model.fit(
        **DATA[data](),
        epochs=EPOCHS,
        verbose=0,
        validation_data=(X[:8], Y[:8]),
        validation_freq=validation_freq,
        callbacks=[
            cb.callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0, factor=0.5),
            stopping,
            cb.callbacks.ModelCheckpoint(
                best / f"{{epoch}}-{{{field}}}.weights.h5",
                save_best_only=True,
                save_weights_only=True,
            ),
            cb.callbacks.CSVLogger(log),
            history,
            kill,
            cb.callbacks.BackupAndRestore(directory, save_freq=save_freq),
        ],
    )
    return {
        "weights": [weight.tobytes() for weight in model.get_weights()],
        "optimizer": [np.asarray(array).tobytes() for array in model.file_contents().optimizer],
        "learning rate": float(model.optimizer.learning_rate),
        "steps": model.optimizer.iterations,
        "history": history.history,
        "epochs": history.epoch,
        "validations": history.validations,
        "best": (stopping.best, stopping.best_epoch, stopping.best_batch, stopping.wait),
        "saved": sorted(path.name for path in best.iterdir()),
        "log": log.read_text(),
    }


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # epochs across passes
@pytest.mark.parametrize(
    ("data", "save_freq", "optimizer", "validation_freq"),
    [
        ("a pass an epoch", "epoch", "adam", 1),
        ("a pass an epoch", 1, "averages", 1),
        ("a pass an epoch", 3, "adam", 1),
        ("epochs across passes", "epoch", "averages", 1),
        ("epochs across passes", 3, "adam", 1),
        ("in order", 3, "adam", 1),
        ("generator", "epoch", "adam", 1),
        ("generator", 3, "averages", 1),
        ("a pass an epoch", "epoch", "adam", "4 batches"),
        ("a pass an epoch", 1, "averages", "2 batches"),
        ("epochs across passes", 3, "adam", "5 batches"),
        ("generator", 2, "averages", "4 batches"),
    ],
)
def test_a_killed_run_ends_where_the_uninterrupted_one_does(
    tmp_path, data, save_freq, optimizer, validation_freq
):
    what = data, optimizer, save_freq
    expected = start(tmp_path / "whole", *what, KillAfter(-1), validation_freq)
    received, lives = None, 0
    while received is None:
        lives += 1
        assert lives < 20, "no progress from one life to the next"
        try:
            # Lives of 17, 24, 31... hooks end at hooks of every kind.
            kill = KillAfter(10 + 7 * lives)
            received = start(tmp_path / "killed", *what, kill, validation_freq)
        except Killed:
            continue
    assert lives > 1, "the run was never killed; the test shows nothing"
    for name, value in expected.items():
        assert received[name] == value, f"{name} differ after {lives} lives"


@pytest.mark.parametrize("save_freq", [1, 3])
@pytest.mark.parametrize(
    ("hook", "batch"),
    [
        ("on_train_batch_begin", 2),
        ("on_test_begin", 3),  # After the tenth batch, the fourth of the second epoch.
        ("on_test_batch_end", 3),
        ("on_validation_end", 3),
        ("on_train_batch_begin", 3),
        ("on_epoch_end", 5),
    ],
)
def test_a_run_killed_around_a_validation_ends_likewise(tmp_path, save_freq, hook, batch):
    what = "a pass an epoch", "adam", save_freq
    expected = start(tmp_path / "whole", *what, KillAfter(-1), "5 batches")
    with pytest.raises(Killed):
        start(tmp_path / "killed", *what, KillAt(hook, 1, batch), "5 batches")
    received = start(tmp_path / "killed", *what, KillAfter(-1), "5 batches")
    for name, value in expected.items():
        assert received[name] == value, f"{name} differ"
