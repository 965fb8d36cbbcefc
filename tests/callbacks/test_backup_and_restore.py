import errno
import json
import os

import keras
import numpy as np
import pytest
from tests.callbacks.trainer import Trainer

import callbax as cb
from callbax._stores import _fits
from callbax.callbacks import (
    BackupAndRestore,
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from callbax.saving._hdf5 import to_hdf5, write_hdf5

pytestmark = pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")
HOOKS = (
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_epoch_end",
    "on_train_end",
)


class Killer(Callback):
    """Raises at the n-th hook call, as a killed process or Ctrl-C would."""

    def __init__(self, calls):
        self.left = calls
        for hook in HOOKS:
            setattr(self, hook, self.count)

    def count(self, *args, **kwargs):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


class Noise(Callback):
    """A user's callback with a state of its own; it changes the model at epoch begins."""

    def __init__(self):
        self.level = 1.0

    def on_epoch_begin(self, epoch, logs=None):
        self.model.set_weights([weight + self.level for weight in self.model.get_weights()])

    def on_train_batch_end(self, batch, logs=None):
        self.level *= -0.75

    def state_dict(self):
        return {"level": self.level}

    def load_state_dict(self, state):
        self.level = state["level"]


def callbacks(directory, save_freq, **options):
    """One of each, the backup first in the list: its place does not matter."""
    return [
        BackupAndRestore(directory / "backup", save_freq=save_freq, **options),
        LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        ReduceLROnPlateau("loss", patience=1, factor=0.5),
        EarlyStopping("loss", patience=9, mode="max", restore_best_weights=True),
        EarlyStopping("val_loss", patience=3),
        CSVLogger(directory / "log.csv"),
        ModelCheckpoint(directory / "{epoch}.keras", "val_loss", save_best_only=True, keep_last=2),
        Noise(),
    ]


def outcome(trainer, used, directory):
    """Everything a run leaves behind."""
    files = {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}
    states = [callback.state_dict() for callback in used if hasattr(callback, "state_dict")]
    contents = trainer.file_contents().arrays()
    return {
        "files": files,
        "states": repr(states[1:]).replace(str(directory), ""),  # [0] is the backup's own count.
        "arrays": {key: array.tobytes() for key, array in contents.items()},
        "history": trainer.history.history,
        "epoch": trainer.history.epoch,
        "reason": trainer.history.stop_reason,
    }


def run(directory, save_freq, *, steps=None, kill=None):
    """Runs a fit, in a process of its own as it were; says what it leaves, or None if killed."""
    used = callbacks(directory, save_freq)
    trainer = Trainer(steps)
    if kill is None:
        trainer.fit(used, epochs=4)
        return outcome(trainer, used, directory)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit([*used, Killer(kill)], epochs=4)
    return None


def count_hooks(tmp_path, steps):
    directory = tmp_path / "count"
    directory.mkdir()
    killer = Killer(0)
    Trainer(steps).fit([*callbacks(directory, "epoch"), killer], epochs=4)
    return -killer.left


@pytest.mark.parametrize("save_freq", ["epoch", "2 epochs", 1, 3])
@pytest.mark.parametrize("steps", [None, 3])
def test_a_run_killed_anywhere_ends_as_if_it_had_not_been(save_freq, steps, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = run(whole, save_freq, steps=steps)
    calls = count_hooks(tmp_path, steps)
    assert calls > 20
    for kill in range(1, calls + 1):
        directory = tmp_path / f"killed{kill}"
        directory.mkdir()
        run(directory, save_freq, steps=steps, kill=kill)
        run(directory, save_freq, steps=steps, kill=2)  # Killed again, soon after resuming.
        actual = run(directory, save_freq, steps=steps)
        assert actual == expected, f"differs after a kill at hook call {kill}"
        assert not (directory / "backup").exists()


def batches_seen(trainer, used, epochs):
    class Seen(Callback):
        epoch = 0  # The hook of an epoch that had begun is not called again.

        def on_train_batch_end(self, batch, logs=None):
            seen.append((self.epoch, batch))

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

    seen = []
    trainer.fit([Seen(), *used], epochs)
    return seen


def test_a_resumed_epoch_goes_on_at_its_batch(tmp_path):
    run(tmp_path, 2, kill=1 + 1 + 2 * 3 + 1)  # In the fourth batch; batches 0 and 1 are backed up.
    seen = batches_seen(Trainer(), callbacks(tmp_path, 2), epochs=1)
    assert seen == [(0, 2), (0, 3), (0, 4)]


def test_the_layout_is_keras(tmp_path):
    run(tmp_path, "epoch", kill=12 + 5)
    backup = tmp_path / "backup"
    theirs = keras.callbacks.BackupAndRestore(str(backup))
    assert sorted(os.listdir(backup)) == sorted(
        os.path.basename(path) for path in (theirs._weights_path, theirs._training_metadata_path)
    )
    metadata = (backup / "training_metadata.json").read_text()
    assert json.loads(metadata) == {"epoch": 1, "batch": 0}


def test_keras_reads_the_weights(tmp_path):
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(2, use_bias=False)])
    backup = BackupAndRestore(tmp_path)

    class AsKeras(Trainer):
        def file_contents(self):
            contents = super().file_contents()
            contents.weights["layers/dense/vars/0"] = np.array([[3.0, 4.0]], "float32")
            return type(contents)(contents.weights)

    backup.set_model(AsKeras())
    backup.on_epoch_end(0)
    model.load_weights(tmp_path / "latest.weights.h5")
    assert model.get_weights()[0].tolist() == [[3.0, 4.0]]


def test_an_instance_serves_several_fits(tmp_path):
    used = [BackupAndRestore(tmp_path / "backup")]
    trainer = Trainer()
    for _ in range(2):
        assert trainer.fit(used, epochs=2).epoch == [0, 1]


def test_delete_checkpoint_false_keeps_it(tmp_path):
    Trainer().fit(BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=2)
    trainer = Trainer()
    assert trainer.fit(BackupAndRestore(tmp_path), epochs=3).epoch == [0, 1, 2]
    assert trainer.step == 15


def test_removes_only_its_own_files(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    Trainer().fit(BackupAndRestore(tmp_path, double_checkpoint=True), epochs=3)
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_removes_what_a_killed_backup_left(tmp_path):
    directory = tmp_path / "backup"
    directory.mkdir()
    for name in ("latest.weights.h5", "training_metadata.json"):
        (directory / f".{name}.0123abcd.tmp").write_bytes(b"half a backup")
    Trainer().fit(BackupAndRestore(directory), epochs=1)
    assert not directory.exists()


@pytest.mark.parametrize("damage", ["cut", "zero", "missing"])
def test_double_checkpoint_goes_on_from_the_backup_before(damage, tmp_path):
    whole, directory = tmp_path / "whole", tmp_path / "damaged"
    for path in (whole, directory):
        path.mkdir()
    expected = run(whole, "epoch")
    used = callbacks(directory, "epoch", double_checkpoint=True)
    with pytest.raises(KeyboardInterrupt):
        Trainer().fit([*used, Killer(1 + 3 * 12)], epochs=4)
    latest = directory / "backup" / "latest.weights.h5"
    if damage == "missing":
        latest.unlink()
    else:
        latest.write_bytes(latest.read_bytes()[:100] if damage == "cut" else b"0")
    trainer, used = Trainer(), callbacks(directory, "epoch", double_checkpoint=True)
    if damage == "missing":
        trainer.fit(used, epochs=4)
    else:
        with pytest.warns(UserWarning, match="cannot be read .*the backup before"):
            trainer.fit(used, epochs=4)
    assert outcome(trainer, used, directory) == expected


def test_a_damaged_backup_alone_is_an_error_and_stays(tmp_path):
    latest = tmp_path / "latest.weights.h5"
    latest.write_bytes(b"0")
    with pytest.raises(OSError, match=r"(?s)BackupAndRestore\(.*a recorded run at.*damaged"):
        Trainer().fit(BackupAndRestore(tmp_path), epochs=1)
    assert latest.read_bytes() == b"0"


def test_weights_without_a_run_are_no_backup(tmp_path):
    (tmp_path / "latest.weights.h5").write_bytes(to_hdf5(Trainer().file_contents()))
    with pytest.raises(OSError, match="it holds weights, but no state of a run"):
        Trainer().fit(BackupAndRestore(tmp_path), epochs=1)


class Full:
    """A file on a disk that is full once a hundred bytes are written."""

    def __init__(self, file):
        self.file, self.left = file, 100

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        self.left -= len(data)
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)


def test_a_full_disk_keeps_the_backup_before(tmp_path, monkeypatch):
    def full(contents, file):
        write_hdf5(contents, Full(file))

    trainer = Trainer()
    trainer.fit(BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=1)
    before = (tmp_path / "latest.weights.h5").read_bytes()
    monkeypatch.setattr("callbax._stores._run_file.write_hdf5", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        trainer.fit(BackupAndRestore(tmp_path), epochs=2)
    assert caught.value.errno == errno.ENOSPC
    for words in ("BackupAndRestore(", str(tmp_path), "still there"):
        assert words in str(caught.value)
    assert (tmp_path / "latest.weights.h5").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["latest.weights.h5", "training_metadata.json"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"backup_dir": ""}, "Empty `backup_dir` argument passed"),
        ({"backup_dir": None}, "Empty `backup_dir` argument passed"),
        ({"backup_dir": "b", "save_freq": "batch"}, "BackupAndRestore(save_freq='batch')"),
        ({"backup_dir": "b", "save_freq": 0.15}, "BackupAndRestore(save_freq=0.15)"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words follow)
        BackupAndRestore(**arguments)
    assert words in str(caught.value)


def test_a_directory_that_cannot_be_made_is_found_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    trainer = Trainer()
    with pytest.raises(NotADirectoryError, match=r"BackupAndRestore\('.*file/backup'\)"):
        trainer.fit(BackupAndRestore(tmp_path / "file" / "backup"), epochs=1)
    assert trainer.step == 0


def test_other_callbacks_than_before_are_warned_about(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Trainer().fit([BackupAndRestore(tmp_path), Noise(), Killer(14)], epochs=2)
    with pytest.warns(UserWarning, match="EarlyStopping, Noise were not restored"):
        Trainer().fit([BackupAndRestore(tmp_path), EarlyStopping("loss")], epochs=2)


def test_a_fresh_state_dict_round_trip(tmp_path):
    first = BackupAndRestore(tmp_path, save_freq=3)
    first.set_model(Trainer())
    first.on_train_batch_end(0)
    second = BackupAndRestore(tmp_path, save_freq=3)
    second.load_state_dict(first.state_dict())
    assert first.state_dict() == second.state_dict() == {"count": 1}


def test_saving_by_epoch_costs_nothing_per_batch(tmp_path):
    assert not CallbackList(BackupAndRestore(tmp_path)).wants("on_train_batch_end")
    assert CallbackList(BackupAndRestore(tmp_path, 5)).wants("on_train_batch_end")


# In a real fit


X = np.arange(24, dtype="float32").reshape(12, 2) / 24
Y = X.sum(1, keepdims=True)


class Break(Callback):
    """Ends a fit at a batch, counted over its epochs, as a kill would."""

    execution = "fused"

    def __init__(self, batches):
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise InterruptedError


def script(directory, fits, kill=None, anew=False, **arguments):
    """Fits so often; returns the model. `kill`: in which fit, and after how many batches.

    Args:
        anew: Whether each fit has a model of its own, as in cross-validation.
    """
    cb.utils.set_random_seed(3)
    model = None
    for number in range(fits):
        if model is None or anew:
            model = cb.Sequential([cb.layers.Dense(3), cb.layers.Dropout(0.3), cb.layers.Dense(1)])
            model.compile("adam", "mse")
        callbacks = [BackupAndRestore(directory, save_freq=2)]
        if kill is not None and kill[0] == number:
            callbacks.append(Break(kill[1]))
        arguments = {"batch_size": 4, "epochs": 2, "verbose": 0, **arguments}
        model.fit(X + number, Y, callbacks=callbacks, **arguments)
    return model


def same(left, right):
    pairs = zip(left.get_weights(), right.get_weights(), strict=True)
    return left.optimizer.iterations == right.optimizer.iterations and all(
        np.array_equal(mine, other) for mine, other in pairs
    )


@pytest.fixture
def new_process(monkeypatch):
    """Forgets which fits have ended, as a process that begins."""
    return lambda: monkeypatch.setattr(_fits, "_ended", {})


@pytest.mark.filterwarnings("ignore:.*the backup of a later fit")
@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize(
    "kills", [[(1, 3)], [(2, 5)], [(0, 3)], [(2, 4), (0, 3)], [(2, 4), (1, 3), (0, 5), (2, 1)]]
)
def test_a_script_of_several_fits_ends_as_if_it_was_never_killed(
    kills, anew, new_process, tmp_path
):
    whole = script(tmp_path / "whole", 3, anew=anew)
    for kill in kills:
        new_process()
        with pytest.raises(InterruptedError):
            script(tmp_path / "killed", 3, kill, anew=anew)
    new_process()
    assert same(script(tmp_path / "killed", 3, anew=anew), whole)
    assert not (tmp_path / "killed").exists()


@pytest.mark.filterwarnings("ignore:.*the backup of a later fit")
def test_the_later_fit_goes_on_where_it_was(new_process, tmp_path):
    new_process()
    with pytest.raises(InterruptedError):
        script(tmp_path, 2, (1, 5))
    new_process()
    # It has two batches left of six, both of which the kill lets pass.
    assert script(tmp_path, 2, (1, 2)).optimizer.iterations == 12


def test_a_fit_that_failed_may_be_continued_in_the_same_process(tmp_path):
    whole = script(tmp_path / "whole", 1)
    cb.utils.set_random_seed(3)
    model = cb.Sequential([cb.layers.Dense(3), cb.layers.Dropout(0.3), cb.layers.Dense(1)])
    model.compile("adam", "mse")
    backup = BackupAndRestore(tmp_path / "backup", save_freq=1)
    arguments = {"batch_size": 4, "epochs": 2, "verbose": 0}
    with pytest.raises(InterruptedError):
        model.fit(X, Y, callbacks=[backup, Break(4)], **arguments)
    model.fit(X, Y, callbacks=[backup], **arguments)
    assert same(model, whole)


@pytest.mark.parametrize("size", [2, 3, 6, 12])
@pytest.mark.parametrize("batches", [2, 5])
def test_another_batch_size_is_refused_in_the_middle_of_an_epoch(size, batches, tmp_path):
    with pytest.raises(InterruptedError):
        script(tmp_path, 1, (0, batches))
    with pytest.raises(ValueError, match=r"`fit\(batch_size=...\)`: expected batches of 4 samples"):
        script(tmp_path, 1, batch_size=size)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("size", [2, 3, 5, 12])
def test_another_batch_size_begins_with_the_next_epoch(size, shuffle, tmp_path):
    """An epoch that begins reads all samples, however many batches the one before had."""
    seen = []
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    arguments = {"epochs": 3, "verbose": 0, "shuffle": shuffle}
    look = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    stop = LambdaCallback(on_epoch_begin=_stop_at_the_second)
    backup = BackupAndRestore(tmp_path)
    with pytest.raises(InterruptedError):
        model.fit(X, Y, batch_size=4, callbacks=[backup, stop], **arguments)
    model.fit(X, Y, batch_size=size, callbacks=[BackupAndRestore(tmp_path), look], **arguments)
    assert seen == [*range(-(-12 // size))] * 2


def _stop_at_the_second(epoch, logs):
    if epoch == 1:
        raise InterruptedError


@pytest.mark.parametrize(("size", "legal"), [(2, True), (4, True), (8, False), (3, False)])
def test_another_batch_size_goes_on_at_the_same_sample(size, legal, tmp_path):
    """With `steps_per_epoch` an epoch may end in the middle of the data."""
    sizes, rows = {}, []

    class Rows(Callback):
        def on_train_batch_begin(self, batch, logs=None):
            rows.append(logs["size"])

    def fit(size, *callbacks):
        model = cb.Sequential([cb.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
        model.compile(cb.optimizers.SGD(0.0), "mae")
        x = np.ones((12, 1), "float32")
        y = np.arange(12, dtype="float32")[:, None]
        sizes[size] = model.fit(
            x,
            y,
            batch_size=size,
            steps_per_epoch=1,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=[BackupAndRestore(tmp_path), *callbacks],
        ).history["loss"]

    with pytest.raises(InterruptedError):
        fit(4, LambdaCallback(on_epoch_begin=_stop_at_the_second))
    if not legal:
        with pytest.raises(ValueError, match="expected batches of 4 samples"):
            fit(size)
        return
    fit(size, Rows())
    assert rows == [size]
    assert sizes[size][1] == np.arange(4, 4 + size).mean()  # The samples after the first four.


@pytest.mark.parametrize("save_freq", ["batch", 0.15, "never", False, 0, -1])
def test_a_wrong_frequency_is_refused_in_keras_s_words(save_freq, tmp_path):
    with pytest.raises(ValueError, match="Invalid value") as caught:
        BackupAndRestore(tmp_path, save_freq=save_freq)
    assert str(caught.value).startswith("`BackupAndRestore(save_freq=")
    with pytest.raises(ValueError, match="Unrecognized save_freq"):
        ModelCheckpoint(tmp_path / "{epoch}.keras", save_freq=save_freq)
