"""Keras's own `fit`, served by callbax: an import, a notebook extension, ``python -m callbax``."""

import copy
import os
import pickle
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import callbax as cb
from callbax import keras_training
from callbax.keras_training import _takeover

keras_training.give_back()  # the import took over, for all tests of this process

SCRIPT = """
import sys
import keras, numpy as np

class Watch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs):
        assert self.model is model and type(self.model) is keras.Sequential
        if batch == 3:
            print("batch", repr(float(logs["loss"])), self.model.layers[0].kernel.numpy().sum())

    def on_epoch_end(self, epoch, logs):
        print("predicts", self.model.predict(x[:2], verbose=0).sum())

keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(70, 4)).astype("float32")
h = model.fit(x, x[:, :1], epochs=2, shuffle=False, verbose=0, callbacks=[Watch()],
              validation_split=0.2)
print(h.history, sys.argv[1:])
print(model.evaluate(x, x[:, :1], verbose=0), model.train_on_batch(x[:8], x[:8, :1]))
print(model.test_on_batch(x[:8], x[:8, :1]), model.predict_on_batch(x[:8]).sum())
"""


def run(*args, **environ):
    return subprocess.run(
        [sys.executable, *map(str, args)],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
    )


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture(scope="module")
def plain(script):
    """What the script prints under Keras alone."""
    done = run(script, "--flag")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script_as_it_is_prints_the_same(script, plain):
    served = run("-m", "callbax", script, "--flag")
    assert served.returncode == 0, served.stderr
    assert served.stdout == plain
    last = served.stderr.strip().splitlines()[-1]
    assert last.startswith("served by callbax: 1 fit, 1 evaluate, 2 predict, 1 train_on_batch")
    assert "left" not in last


def test_one_more_import_does_the_same(script, plain, tmp_path):
    path = tmp_path / "imports.py"
    path.write_text(SCRIPT + "\nprint(callbax.keras_training.served())\n")
    path.write_text("import callbax.keras_training\n" + path.read_text())
    served = run(path, "--flag")
    assert served.returncode == 0, served.stderr
    assert served.stdout.startswith(plain)
    assert "served by callbax: 1 fit" in served.stdout


def test_no_such_script():
    done = run("-m", "callbax", "missing.py")
    assert done.returncode == 2
    assert "there is no such file" in done.stderr


def test_another_backend_is_left_alone(tmp_path):
    path = tmp_path / "backend.py"
    path.write_text("import keras; print(keras.backend.backend())")
    env = {**os.environ, "KERAS_BACKEND": "numpy"}
    command = [sys.executable, "-m", "callbax", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.stdout.strip() == "numpy"
    assert done.returncode == 0, done.stderr


@pytest.fixture
def taken():
    keras_training.take_over()
    yield keras_training
    keras_training.give_back()


def compiled(**options):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **options)
    return model


X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


def test_it_is_given_back(taken):
    original = keras.Model.fit
    taken.give_back()
    assert keras.Model.fit is not original
    taken.take_over()
    assert isinstance(compiled().fit(X, Y, verbose=0), cb.callbacks.History)
    taken.give_back()
    assert not isinstance(compiled().fit(X, Y, verbose=0), cb.callbacks.History)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_history_is_one_of_keras_s_too(taken, duplicate):
    model = compiled()
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert isinstance(history, cb.callbacks.History)
    assert isinstance(history, keras.callbacks.History)
    assert model.history is history
    copied = duplicate(history)
    assert (copied.history, copied.epoch) == (history.history, history.epoch)


@pytest.mark.parametrize(
    ("options", "listed", "reason"),
    [
        ({"run_eagerly": True}, False, "run_eagerly=True"),
        ({"jit_compile": False}, False, "jit_compile is off"),
        ({}, True, "a CallbackList of Keras"),
    ],
)
def test_what_cannot_be_served_is_left_to_keras_with_one_warning(taken, options, listed, reason):
    model = compiled(**options)
    hooks = keras.callbacks.CallbackList(add_history=True, model=model) if listed else None
    _takeover._takeover._told.clear()
    with pytest.warns(UserWarning, match=re.escape(reason)) as caught:
        [model.fit(X, Y, verbose=0, callbacks=hooks) for _ in range(2)]
    assert len([w for w in caught if "leaves" in str(w.message)]) == 1
    assert any(reason in why for _, why in taken.served().left)


class Assigning(keras.Sequential):
    """A step that works in TensorFlow, where variables may be assigned in it."""

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        self.layers[0].bias.assign(self.layers[0].bias + 1)
        return logs, state


class Listing(keras.Sequential):
    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {**logs, "kernel": state[0][0]}, state


@pytest.mark.parametrize(
    ("kind", "message"),
    [(Assigning, "assigns a variable while it is traced"), (Listing, "'kernel' of shape (2, 1)")],
)
def test_a_step_that_callbax_cannot_follow_is_left_to_keras_or_an_error(taken, kind, message):
    layers = [keras.Input((2,)), keras.layers.Dense(1, use_bias=True)]
    model = kind(layers)
    model.compile("sgd", "mse")
    before = [np.array(v.value) for v in model.variables]
    with pytest.raises(RuntimeError, match=re.escape(message)):
        cb.Model(model).fit(X, Y, verbose=0)
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable.value)
    if kind is Listing:  # Keras itself fails in the other case, with a leaked tracer
        with pytest.warns(UserWarning, match="leaves `fit` to Keras: .*expected logs"):
            assert "kernel" in model.fit(X, Y, verbose=0).history


def test_a_model_that_is_not_compiled_gets_keras_error(taken):
    model = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"call `compile\(\)`"):
        model.fit(X, Y)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda model: model.fit(X, Y, nb_epoch=2), r"`fit\(nb_epoch=.*called `epochs` now"),
        (lambda model: model.predict(X, y=Y), r"`predict\(y=.*`evaluate\(x, y\)`"),
        (lambda model: model.evaluate(X, Y, step=2), r'`evaluate\(step=.*Closest: "steps"'),
    ],
)
def test_an_argument_that_is_not_taken_is_named(taken, call, words):
    with pytest.raises(TypeError, match=f"(?s){words}"):
        call(compiled())


def test_callbacks_of_callbax_work_in_keras_fit(taken, tmp_path):
    model = compiled()
    store = cb.callbacks.BackupAndRestore(tmp_path / "backup")
    history = model.fit(
        X, Y, epochs=3, verbose=0, callbacks=[store, cb.callbacks.EarlyStopping("loss")]
    )
    assert len(history.history["loss"]) == 3
    assert model.history is history


def test_fit_takes_the_arguments_of_callbax_too(taken, tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")

    def weights(epochs, **resume):
        keras.utils.set_random_seed(1)
        cb.utils.set_random_seed(1)
        model = compiled()
        model.fit(x, x[:, :1], epochs=epochs, verbose=0, **resume)
        return model.get_weights()

    whole, first = weights(4), weights(2, resume=tmp_path / "run")
    np.testing.assert_equal(weights(4, resume=tmp_path / "run"), whole)
    assert not np.array_equal(first[0], whole[0])


def test_they_are_an_error_in_what_is_left_to_keras(taken, tmp_path):
    x, model = np.ones((8, 2)), compiled(run_eagerly=True)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"`fit\(resume=...\)`: .* left to Keras: run_eagerly"):
        model.fit(x, x[:, :1], verbose=0, resume=tmp_path / "run")
    np.testing.assert_equal(model.get_weights(), before)
    assert not list(tmp_path.iterdir())


def test_the_notebook_extension():
    cb.load_ipython_extension(None)
    try:
        assert isinstance(compiled().fit(X, Y, verbose=0), cb.callbacks.History)
    finally:
        cb.unload_ipython_extension(None)
    assert not isinstance(compiled().fit(X, Y, verbose=0), cb.callbacks.History)


IMPORTS = "import callbax.keras_training, keras; print(keras.backend.backend())"


def test_who_has_chosen_no_backend_gets_jax(tmp_path, monkeypatch):
    """Not the one that Keras takes by itself, and notes in a file: TensorFlow's."""
    monkeypatch.delenv("KERAS_BACKEND")
    done = run("-c", IMPORTS, HOME=tmp_path, KERAS_HOME=tmp_path)
    assert done.stdout == "jax\n", done.stderr


def test_a_backend_that_is_not_installed_is_named():
    done = run("-c", IMPORTS, KERAS_BACKEND="torch")
    assert done.stderr.endswith(
        "ImportError: `callbax.keras_training`: expected an environment with Keras 3, received one "
        "where the backend 'torch' fails: No module named 'torch'.\n"
        "Set KERAS_BACKEND=jax in the environment before keras is imported.\n"
    )


def test_an_environment_without_keras_is_told_how_to_get_it():
    without = f"import sys; sys.modules['keras'] = None; {IMPORTS}"
    last = run("-c", without).stderr.splitlines()[-2:]
    assert last[0].endswith("expected an environment with Keras 3, received none.")
    assert last[1] == 'Install it: pip install "callbax[keras]".'
