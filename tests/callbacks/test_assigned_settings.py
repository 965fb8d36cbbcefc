"""What a script assigns to a callback after making it counts, as in Keras."""

import inspect
import re
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel

import callbax as cb

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def fit(lib, callback, epochs=6, rate=0.5):
    """Returns what a fit leaves behind; the rate is too high, so that the loss rises."""
    model = lib.Sequential([lib.layers.Input((3,)), lib.layers.Dense(1, kernel_initializer="ones")])
    model.compile(lib.optimizers.SGD(rate), "mse", metrics=["mae"])
    history = model.fit(
        X, Y, epochs=epochs, batch_size=8, shuffle=False, verbose=0, callbacks=[callback]
    )
    return history.epoch, float(np.asarray(model.optimizer.learning_rate))


CHANGES = [
    ("EarlyStopping", {"monitor": "mae"}, {"monitor": "loss", "patience": 2}),
    ("EarlyStopping", {"monitor": "loss"}, {"mode": "max", "patience": 1}),
    ("EarlyStopping", {"monitor": "loss", "mode": "min"}, {"patience": 3, "start_from_epoch": 1}),
    ("ReduceLROnPlateau", {"monitor": "loss"}, {"patience": 1, "factor": 0.5}),
    ("ReduceLROnPlateau", {"monitor": "loss", "patience": 1}, {"min_lr": 0.25, "factor": 0.5}),
    ("ReduceLROnPlateau", {"monitor": "loss", "patience": 1}, {"cooldown": 3}),
]


@pytest.mark.parametrize(("name", "made_with", "assigned"), CHANGES)
def test_assigned_equals_constructed_and_keras(name, made_with, assigned):
    results = []
    for lib in (keras, cb):
        later = getattr(lib.callbacks, name)(**made_with)
        for attribute, value in assigned.items():
            setattr(later, attribute, value)
        results.append(fit(lib, later))
    made = getattr(cb.callbacks, name)(**(made_with | assigned))
    results.append(fit(cb, made))
    assert results[0] == results[1] == results[2]


def saved(directory, **changes):
    callback = cb.callbacks.ModelCheckpoint(
        directory / "a{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=1
    )
    for name, value in changes.items():
        setattr(callback, name, value)
    fit(cb, callback, epochs=2)
    return sorted(path.name for path in directory.iterdir())


def test_a_checkpoint_s_settings(tmp_path):
    assert len(saved(tmp_path)) == 6
    by_epoch = {"save_freq": "epoch", "filepath": str(tmp_path / "sub" / "b{epoch}.weights.h5")}
    saved(tmp_path, **by_epoch)
    assert sorted(p.name for p in (tmp_path / "sub").iterdir()) == [
        "b1.weights.h5",
        "b2.weights.h5",
    ]
    with pytest.raises(ValueError, match=r"ModelCheckpoint\(save_freq='often'\)"):
        saved(tmp_path, save_freq="often")


ARGUMENTS = {
    "CSVLogger": {"filename": "a.csv"},
    "ModelCheckpoint": {"filepath": "{epoch}.keras"},
    "OrbaxCheckpoint": {"directory": "a"},
}
ILLEGAL = [
    ("CSVLogger", "filename", 3),
    ("CSVLogger", "separator", ";;"),
    ("EarlyStopping", "baseline", "a"),
    ("EarlyStopping", "min_delta", "a"),
    ("EarlyStopping", "monitor", 3),
    ("EarlyStopping", "patience", "3"),
    ("EarlyStopping", "patience", -1),
    ("EarlyStopping", "start_from_epoch", 1.5),
    ("ModelCheckpoint", "filepath", 3),
    ("ModelCheckpoint", "monitor", None),
    ("ModelCheckpoint", "save_freq", 0),
    ("OrbaxCheckpoint", "directory", 3),
    ("OrbaxCheckpoint", "max_to_keep", 0),
    ("OrbaxCheckpoint", "save_freq", True),
    ("ReduceLROnPlateau", "cooldown", -1),
    ("ReduceLROnPlateau", "factor", 2),
    ("ReduceLROnPlateau", "min_lr", "a"),
    ("ReduceLROnPlateau", "patience", None),
    ("TensorBoard", "embeddings_freq", 1),
    ("TensorBoard", "histogram_freq", "a"),
    ("TensorBoard", "log_dir", 3),
    ("TensorBoard", "update_freq", "often"),
    ("TensorBoard", "update_freq", True),
]


@pytest.mark.parametrize(("name", "argument", "value"), ILLEGAL)
def test_an_assignment_is_refused_in_the_words_of_the_constructor(name, argument, value):
    kind, arguments = getattr(cb.callbacks, name), ARGUMENTS.get(name, {})
    with pytest.raises((ValueError, TypeError)) as constructed:
        kind(**(arguments | {argument: value}))
    callback = kind(**arguments)
    attribute = {"separator": "sep"}.get(argument, argument)
    before = getattr(callback, attribute)
    with pytest.raises(constructed.type) as assigned:
        setattr(callback, attribute, value)
    assert str(assigned.value) == str(constructed.value)
    assert re.match(
        rf"`{name}\({argument}=.*\)`: expected .*, received .*\n\w+", str(assigned.value)
    )
    assert getattr(callback, attribute) == before


def test_an_assigned_mode_that_is_unknown_warns_and_is_auto():
    callback = cb.callbacks.EarlyStopping(mode="max")
    with pytest.warns(UserWarning, match="EarlyStopping mode 'mim' is unknown"):
        callback.mode = "mim"
    assert callback.mode == "auto"


def test_paths_may_be_assigned_as_such(tmp_path):
    checkpoint = cb.callbacks.ModelCheckpoint("{epoch}.keras")
    checkpoint.filepath = tmp_path / "{epoch}.keras"
    fit(cb, checkpoint, epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["1.keras"]
    orbax = cb.callbacks.OrbaxCheckpoint("a")
    orbax.directory = "b"
    assert orbax.directory == str(Path.cwd() / "b")


def test_the_direction_follows_a_monitor_assigned_in_the_middle_of_a_run():
    callback, model = cb.callbacks.EarlyStopping("val_loss"), FakeModel(accuracy="up")
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    callback.monitor, callback.best = "val_accuracy", 0.5
    callback.on_validation_end(0, {"val_accuracy": 0.75})
    assert callback.best == 0.75


def test_a_checkpoint_that_keeps_the_last_needs_no_direction(tmp_path):
    path = tmp_path / "{epoch}.keras"
    fit(cb, cb.callbacks.ModelCheckpoint(path, "val_unknown", keep_last=2), epochs=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.keras", "3.keras"]


@pytest.mark.parametrize("attribute", ["patience", "save_freq"])
def test_a_setting_that_was_never_made_is_no_attribute(attribute):
    class Lazy(cb.callbacks.EarlyStopping, cb.callbacks.ModelCheckpoint):
        def __init__(self):
            pass

    assert not hasattr(Lazy(), attribute)


@pytest.mark.parametrize("whole", [np.int64(2), np.int32(2), np.uint8(2), np.array(2)])
def test_numpy_s_integers_are_taken_wherever_an_integer_is(whole, tmp_path):
    c = cb.callbacks
    assert c.EarlyStopping(patience=whole).patience == 2
    assert c.ReduceLROnPlateau(patience=whole, cooldown=whole).cooldown == 2
    for made in (
        c.ModelCheckpoint("{epoch}.keras", save_freq=whole, keep_last=whole, keep_best=whole),
        c.OrbaxCheckpoint(tmp_path, save_freq=whole, max_to_keep=whole),
        c.BackupAndRestore(tmp_path, save_freq=whole),
        c.TensorBoard(tmp_path, update_freq=whole, histogram_freq=whole, profile_batch=whole),
    ):
        assert made.wants_hook("on_train_batch_end")
    model = cb.Sequential([cb.layers.Dense(whole), cb.layers.Dropout(np.float32(0.5))])
    model.compile("sgd", "mse", steps_per_execution=whole)
    y = np.repeat(Y, 2, 1)
    history = model.fit(
        X,
        y,
        batch_size=whole,
        epochs=whole,
        steps_per_epoch=whole,
        validation_data=(X, y),
        validation_steps=whole,
        validation_batch_size=whole,
        validation_freq=whole,
        initial_epoch=np.int64(0),
        verbose=0,
    )
    assert history.epoch == [0, 1]
    assert len(history.history["val_loss"]) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda c: c.EarlyStopping(patience="3"),
        lambda c: c.EarlyStopping(min_delta="a"),
        lambda c: c.EarlyStopping(baseline="a"),
        lambda c: c.EarlyStopping(start_from_epoch=1.5),
        lambda c: c.ReduceLROnPlateau(factor="a"),
        lambda c: c.ReduceLROnPlateau(cooldown=None),
        lambda c: c.ReduceLROnPlateau(min_lr="a"),
        lambda c: cb.optimizers.schedules.PolynomialDecay(0.1, "10"),
        lambda c: cb.layers.Dense(2.0),
        lambda c: cb.layers.Dropout("a"),
    ],
)
def test_what_is_not_a_number_is_refused_in_four_beats(make):
    with pytest.raises(ValueError, match=r"(?s)`\w+\(\w+=.*\)`: expected .*, received .*\n\w+"):
        make(cb.callbacks)


def test_every_argument_of_a_built_in_is_an_attribute():
    for name in cb.callbacks.__all__:
        made = getattr(cb.callbacks, name)
        if name in ("Callback", "CallbackList", "LambdaCallback"):
            continue
        package = name.removesuffix("Logger").lower()
        if package in ("dvclive", "mlflow", "wandb") and not find_spec(package):
            continue
        hidden = {"initial_value_threshold", "period", "epsilon", "profile_batch", "separator"}
        hidden |= {"keep_best", "keep_last"}  # Which files exist follows from them.
        parameters = set(inspect.signature(made).parameters) - hidden
        arguments = {
            "backup_dir": "a",
            "filepath": "a.keras",
            "directory": "a",
            "schedule": lambda epoch: 0.1,
            "filename": "a.csv",
        }
        instance = made(**{key: value for key, value in arguments.items() if key in parameters})
        assert all(hasattr(instance, parameter) for parameter in parameters), name
