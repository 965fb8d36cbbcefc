"""Saving and loading inside hooks mean the model as of that batch."""

import numpy as np
import pytest

import callbax
from callbax import layers
from callbax._modules._layer_keys import LayerKeys
from callbax.callbacks import BackupAndRestore, LambdaCallback

X = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
Y = X[:, :2]
FIT = {"batch_size": 4, "shuffle": False, "verbose": 0}
SETTINGS = [1, "auto", 4]


def make(steps_per_execution="auto"):
    model = callbax.Sequential([layers.Dense(2, input_shape=(4,))], seed=1)
    model.compile("adam", "mse", steps_per_execution=steps_per_execution)
    model.set_weights([np.full((4, 2), 0.1), np.zeros(2)])
    return model


@pytest.mark.parametrize("name", ["a.weights.h5", "a.safetensors", "a.keras"])
@pytest.mark.parametrize("steps_per_execution", SETTINGS)
def test_what_is_saved_in_a_hook_is_the_model_at_that_batch(name, steps_per_execution, tmp_path):
    expected = make()
    expected.fit(X[:12], Y[:12], **FIT)
    model = make(steps_per_execution)

    def save(batch, logs):
        if batch == 2:
            write = model.save if name.endswith(".keras") else model.save_weights
            write(tmp_path / name)

    model.fit(X, Y, callbacks=LambdaCallback(on_train_batch_end=save), **FIT)
    assert model.optimizer.iterations == 6
    saved = make()
    saved.load_weights(tmp_path / name)
    for one, another in zip(saved.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, another)
    assert saved.optimizer.iterations == (0 if name == "a.safetensors" else 3)


@pytest.mark.parametrize("steps_per_execution", SETTINGS)
def test_what_is_loaded_in_a_hook_counts_from_there(steps_per_execution, tmp_path):
    other = make()
    other.fit(X[::-1], Y, **FIT)
    other.save_weights(tmp_path / "a.weights.h5")
    other.fit(X[12:], Y[12:], **FIT)
    model = make(steps_per_execution)

    def load(batch, logs):
        if batch == 2:
            model.load_weights(tmp_path / "a.weights.h5")

    model.fit(X, Y, callbacks=LambdaCallback(on_train_batch_end=load), **FIT)
    for one, another in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, another)
    assert model.optimizer.iterations == other.optimizer.iterations == 9


def test_a_file_that_fails_in_a_hook_changes_nothing(tmp_path):
    (tmp_path / "a.weights.h5").write_bytes(b"nothing")
    model, expected = make(), make()

    def load(batch, logs):
        with pytest.raises(OSError, match="cannot be read"):
            model.load_weights(tmp_path / "a.weights.h5")

    model.fit(X, Y, callbacks=LambdaCallback(on_train_batch_end=load), **FIT)
    expected.fit(X, Y, **FIT)
    for one, another in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, another)


def test_a_run_looks_its_keys_up_once_however_often_it_is_saved(tmp_path, monkeypatch):
    looked, find = [], LayerKeys.__init__
    monkeypatch.setattr(LayerKeys, "__init__", lambda *args: looked.append(1) or find(*args))
    counts = []
    for freq in (1, 8):
        model = callbax.Sequential([layers.Dense(3, name="inner"), layers.Dense(1)])
        model.compile("adam", "mse")
        backup = BackupAndRestore(tmp_path / str(freq), save_freq=freq)
        model.fit(np.ones((32, 2)), np.ones((32, 1)), batch_size=2, verbose=0, callbacks=[backup])
        counts.append(len(looked))
        looked.clear()
    assert counts[0] == counts[1] > 0
    model.layers[0].name = "renamed"
    assert "renamed/kernel" in model.weights[0].path, "between runs it is looked up again"
