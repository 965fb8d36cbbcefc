"""Keras's own callbacks, driven by callbax: they do what callbax's of the same name do."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.thirdparty._run import (
    BATCHES,
    EPOCHS,
    X,
    Y,
    cnn,
    fit,
    fit_served,
    native,
    plain,
    with_keras,
)

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
def test_it_does_what_callbax_s_does(case, make, tmp_path, monkeypatch):
    name, arguments, rate = SAME[case]
    results = []
    for room in (keras.callbacks, callbacks):
        for each in with_keras(make) if room is keras.callbacks else (make,):
            place = tmp_path / f"{room.__name__} {each.__name__}"
            place.mkdir()
            monkeypatch.chdir(place)
            model = fit(each(rate), getattr(room, name)(**arguments))
            results.append((model, sorted(path.name for path in place.rglob("*"))))
    ours, our_files = results.pop()
    for theirs, their_files in results:
        np.testing.assert_equal(theirs.history.history, ours.history.history)
        np.testing.assert_equal(theirs.get_weights(), ours.get_weights())
        assert theirs.history.epoch == ours.history.epoch
        assert their_files == our_files
    assert results[0][0].history.stop_reason == ours.history.stop_reason


def test_what_its_checkpoint_wrote_is_a_model_for_keras(make):
    model = fit(make(), keras.callbacks.ModelCheckpoint("model.keras"))
    loaded = keras.saving.load_model("model.keras")
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_its_csv_file_is_the_same_text(make):
    fit(make(), keras.callbacks.CSVLogger("theirs.csv"), callbacks.CSVLogger("ours.csv"))
    texts = [Path(name).read_text() for name in ("theirs.csv", "ours.csv")]
    if make is cnn:
        fit(plain(), keras.callbacks.CSVLogger("plain.csv"))
        texts.append(Path("plain.csv").read_text())
    assert len(set(texts)) == 1
    assert len(texts[0].splitlines()) == EPOCHS + 1


def test_its_remote_monitor_posts_every_epoch(make, monkeypatch, optional):
    requests = optional("requests")
    posted = []
    monkeypatch.setattr(requests, "post", lambda url, data, headers: posted.append((url, data)))
    models = with_keras(make)
    for each in models:
        fit(each(), keras.callbacks.RemoteMonitor(root="http://localhost:1"))
        assert '"epoch": 3' in posted[-1][1]["data"]
    assert posted == posted[:EPOCHS] * len(models)
    assert {url for url, _ in posted} == {"http://localhost:1/publish/epoch/end/"}


def test_its_progress_bar_prints_beside_callbax_s(make, capsys):
    make().fit(X, Y, batch_size=8, verbose=2, callbacks=[keras.callbacks.ProgbarLogger()])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    theirs, ours = (line.partition("step - ")[2] for line in lines)
    assert theirs == ours
    assert all(line.startswith(f"{BATCHES}/{BATCHES} - ") for line in lines)


def test_its_orbax_checkpoint_saves_weights(make, optional, tmp_path):
    optional("orbax.checkpoint")
    fit(make(), keras.callbacks.OrbaxCheckpoint(tmp_path, save_weights_only=True))
    assert [path.name for path in tmp_path.iterdir()] == [str(EPOCHS - 1)]


def test_its_callback_list_is_taken_for_a_callback(make):
    stopping = keras.callbacks.EarlyStopping("loss", min_delta=100.0)
    assert fit(make(), keras.callbacks.CallbackList([stopping])).history.epoch == [0, 1]


# What docs/compatibility.md says does not work with a native model: what, how it is made, the
# optimizer, its error.
LIMITS = {
    "EarlyStopping(mode='auto') of a metric": (
        lambda: keras.callbacks.EarlyStopping("val_mae"),
        {},
        (ValueError, "isn't able to automatically determine"),
    ),
    "OrbaxCheckpoint of whole models": (
        lambda: keras.callbacks.OrbaxCheckpoint(
            tempfile.mkdtemp(dir=Path.cwd()), save_on_background=False
        ),
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
def test_limits_of_native_models(limit):
    make_callback, optimizer, (error, words) = LIMITS[limit]
    with pytest.raises(error, match=words):
        fit(native(**optimizer), make_callback())


@pytest.mark.parametrize("limit", LIMITS)
def test_a_cnn_of_keras_s_has_no_such_limits(limit):
    make_callback, optimizer, _ = LIMITS[limit]
    theirs = fit(plain(**optimizer), make_callback())
    served = fit_served(plain(**optimizer), make_callback())
    for ours in (served, fit(cnn(**optimizer), make_callback())):
        np.testing.assert_equal(ours.history.history, theirs.history.history)
        np.testing.assert_equal(ours.get_weights(), theirs.get_weights())


def test_its_backup_ends_where_the_uninterrupted_run_does(make):
    def begin(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            make(),
            keras.callbacks.BackupAndRestore("backup", delete_checkpoint=False),
            callbacks.LambdaCallback(on_epoch_begin=begin),
        )
    resumed = fit(make(), keras.callbacks.BackupAndRestore("backup"))
    whole = fit(plain() if make is cnn else make())
    assert resumed.history.epoch == [2, 3]
    np.testing.assert_equal(resumed.get_weights(), whole.get_weights())
    assert resumed.optimizer.iterations == whole.optimizer.iterations == EPOCHS * BATCHES
    assert fit(resumed).history.epoch == [0, 1, 2, 3], "a later fit starts at its own epoch"


def test_its_model_from_json_reads_what_a_model_is_made_of(make):
    model = make()
    loaded = keras.models.model_from_json(model.to_json(indent=1))
    loaded.set_weights(model.get_weights())
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )
