"""Keras's own callbacks, driven by callbax: they do what callbax's of the same name do."""

from pathlib import Path

import keras
import numpy as np
import pytest
from tests.thirdparty._run import BATCHES, EPOCHS, X, Y, fit, make

from callbax import callbacks

# Name of the test: class, arguments, learning rate. Paths are relative to a directory of its own.
SAME = {
    "CSVLogger": ("CSVLogger", {"filename": "log.csv"}, 0.1),
    "EarlyStopping": (
        "EarlyStopping",
        {"min_delta": 100.0, "patience": 1, "restore_best_weights": True},
        0.1,
    ),
    "EarlyStopping of a metric": ("EarlyStopping", {"monitor": "val_mae", "mode": "max"}, 0.1),
    "History": ("History", {}, 0.1),
    "LambdaCallback": (
        "LambdaCallback",
        {"on_epoch_end": lambda epoch, logs: logs.update(epoch=epoch)},
        0.1,
    ),
    "LearningRateScheduler": (
        "LearningRateScheduler",
        {"schedule": lambda epoch, lr: float(lr / 2)},
        0.1,
    ),
    "ModelCheckpoint": (
        "ModelCheckpoint",
        {"filepath": "{epoch}-{val_loss:.3f}.keras", "save_best_only": True},
        0.1,
    ),
    "ModelCheckpoint of weights": (
        "ModelCheckpoint",
        {"filepath": "{epoch}.weights.h5", "save_weights_only": True},
        0.1,
    ),
    "ModelCheckpoint by batch": (
        "ModelCheckpoint",
        {"filepath": "{epoch}-{batch}.keras", "save_freq": 2},
        0.1,
    ),
    "BackupAndRestore": (
        "BackupAndRestore",
        {"backup_dir": "backup", "delete_checkpoint": False},
        0.1,
    ),
    "ReduceLROnPlateau": ("ReduceLROnPlateau", {"patience": 1, "min_delta": 100.0}, 0.1),
    "TerminateOnNaN": ("TerminateOnNaN", {}, 1e30),
    "TerminateOnNaN of a sound run": ("TerminateOnNaN", {}, 0.1),
}


@pytest.mark.parametrize("case", SAME)
def test_it_does_what_callbax_s_does(case, tmp_path, monkeypatch):
    name, arguments, rate = SAME[case]
    results = []
    for room in (keras.callbacks, callbacks):
        place = tmp_path / room.__name__
        place.mkdir()
        monkeypatch.chdir(place)
        model = fit(getattr(room, name)(**arguments), model=make(rate))
        results.append((model, sorted(path.name for path in place.rglob("*"))))
    (theirs, their_files), (ours, our_files) = results
    np.testing.assert_equal(theirs.history.history, ours.history.history)
    np.testing.assert_equal(theirs.get_weights(), ours.get_weights())
    assert theirs.history.epoch == ours.history.epoch
    assert theirs.history.stop_reason == ours.history.stop_reason
    assert their_files == our_files


def test_what_its_checkpoint_wrote_is_a_model_for_keras():
    model = fit(keras.callbacks.ModelCheckpoint("model.keras"))
    loaded = keras.saving.load_model("model.keras")
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_its_csv_file_is_the_same_text(tmp_path):
    fit(keras.callbacks.CSVLogger("theirs.csv"), callbacks.CSVLogger("ours.csv"))
    theirs, ours = Path("theirs.csv").read_text(), Path("ours.csv").read_text()
    assert theirs == ours
    assert len(theirs.splitlines()) == EPOCHS + 1


def test_its_remote_monitor_posts_every_epoch(monkeypatch, optional):
    requests = optional("requests")
    posted = []
    monkeypatch.setattr(requests, "post", lambda url, data, headers: posted.append((url, data)))
    fit(keras.callbacks.RemoteMonitor(root="http://localhost:1"))
    assert [url for url, _ in posted] == ["http://localhost:1/publish/epoch/end/"] * EPOCHS
    assert '"epoch": 3' in posted[-1][1]["data"]


def test_its_progress_bar_prints_beside_callbax_s(capsys):
    make().fit(X, Y, batch_size=8, verbose=2, callbacks=[keras.callbacks.ProgbarLogger()])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    theirs, ours = (line.partition("step - ")[2] for line in lines)
    assert theirs == ours
    assert all(line.startswith(f"{BATCHES}/{BATCHES} - ") for line in lines)


def test_its_orbax_checkpoint_saves_weights(optional, tmp_path):
    optional("orbax.checkpoint")
    fit(keras.callbacks.OrbaxCheckpoint(tmp_path, save_weights_only=True))
    assert [path.name for path in tmp_path.iterdir()] == [str(EPOCHS - 1)]


def test_its_tensorboard_writes_scalars_without_a_graph(optional):
    optional("tensorflow")
    loader = optional("tensorboard.backend.event_processing.event_file_loader")
    as_array = optional("tensorboard.util.tensor_util").make_ndarray
    model = fit(keras.callbacks.TensorBoard("logs", write_graph=False))
    values = {}
    for path in Path("logs").rglob("*.v2"):
        for event in loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.tag == "epoch_loss":
                    values[path.parent.name, event.step] = as_array(value.tensor)
    written = [values["validation", epoch] for epoch in range(EPOCHS)]
    assert written == pytest.approx(model.history.history["val_loss"])


def test_its_callback_list_is_taken_for_a_callback():
    stopping = keras.callbacks.EarlyStopping("loss", min_delta=100.0)
    assert fit(keras.callbacks.CallbackList([stopping])).history.epoch == [0, 1]


# What docs/compatibility.md says does not work: what, how it is made, the optimizer, its error.
LIMITS = {
    "EarlyStopping(mode='auto') of a metric": (
        lambda: keras.callbacks.EarlyStopping("val_mae"),
        {},
        (ValueError, "isn't able to automatically determine"),
    ),
    "OrbaxCheckpoint of whole models": (
        lambda: keras.callbacks.OrbaxCheckpoint("orbax", save_on_background=False),
        {},
        (ValueError, "KerasSaveable"),
    ),
    "SwapEMAWeights": (
        lambda: keras.callbacks.SwapEMAWeights(),
        {"use_ema": True},
        (ValueError, "SwapEMAWeights must be used when `use_ema=True`"),
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limits(limit):
    make_callback, optimizer, (error, words) = LIMITS[limit]
    with pytest.raises(error, match=words):
        fit(make_callback(), model=make(**optimizer))


def test_its_backup_ends_where_the_uninterrupted_run_does():
    def begin(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            keras.callbacks.BackupAndRestore("backup", delete_checkpoint=False),
            callbacks.LambdaCallback(on_epoch_begin=begin),
        )
    resumed, whole = fit(keras.callbacks.BackupAndRestore("backup")), fit()
    assert resumed.history.epoch == [2, 3]
    np.testing.assert_equal(resumed.get_weights(), whole.get_weights())
    assert resumed.optimizer.iterations == whole.optimizer.iterations == EPOCHS * BATCHES
    assert fit(model=resumed).history.epoch == [0, 1, 2, 3], "a later fit starts at its own epoch"


def test_its_model_from_json_reads_what_a_model_is_made_of():
    model = make()
    loaded = keras.models.model_from_json(model.to_json(indent=1))
    loaded.set_weights(model.get_weights())
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_its_tensorboard_writes_the_graph(optional):
    optional("tensorflow", "tensorboard")
    fit(keras.callbacks.TensorBoard("logs"))
    (events,) = Path("logs/train").glob("*.v2")
    assert b"graph_keras_model" in events.read_bytes()


def test_limit_its_tensorboard_draws_no_histograms(optional):
    optional("tensorflow", "tensorboard")
    with pytest.raises(AttributeError, match="path"):
        fit(keras.callbacks.TensorBoard("logs", write_graph=False, histogram_freq=1))
