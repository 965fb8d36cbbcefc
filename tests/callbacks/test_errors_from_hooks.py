"""An exception from a hook reaches the user as it is, whatever else fails after it."""

import warnings

import keras
import numpy as np
import pytest

import callbax
from callbax.callbacks import Callback, CallbackList

X = np.ones((8, 2), "float32")
Y = X[:, :1]
HOOKS = {
    "fit": (
        "on_train_begin",
        "on_epoch_begin",
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_test_begin",
        "on_test_batch_begin",
        "on_test_batch_end",
        "on_test_end",
        "on_epoch_end",
        "on_train_end",
    ),
    "evaluate": ("on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"),
    "predict": (
        "on_predict_begin",
        "on_predict_batch_begin",
        "on_predict_batch_end",
        "on_predict_end",
    ),
}


class Mine(OSError):
    """An error of the user's."""


def raising(base, hook, error):
    def fail(self, *args, **kwargs):
        raise error

    return type("Raising", (base,), {hook: fail})()


def run(library, method, callbacks, data=None):
    model = library.Sequential([library.layers.Dense(1)])
    model.compile("sgd", "mse")
    options = {"verbose": 0, "callbacks": callbacks}
    if method == "fit":
        x, y = (X, Y) if data is None else (data, None)
        validation = {} if data is None else {"steps_per_epoch": 2, "validation_steps": 1}
        model.fit(x, y, validation_data=(X, Y), **validation, **options)
    elif method == "evaluate":
        model.evaluate(X, Y, **options)
    else:
        model.predict(X, **options)


@pytest.mark.parametrize("kind", [Mine, StopIteration, KeyError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(
    ("method", "hook"), [(method, hook) for method, hooks in HOOKS.items() for hook in hooks]
)
def test_it_is_the_very_object(method, hook, kind):
    error = kind("mine")
    with pytest.raises(kind) as caught:
        run(callbax, method, [raising(Callback, hook, error)])
    assert caught.value is error


def test_keras_raises_the_very_object_too():
    # But for StopIteration, which it takes for the end of the data.
    error = Mine("mine")
    with pytest.raises(Mine) as caught:
        run(keras, "fit", [raising(keras.callbacks.Callback, "on_train_batch_end", error)])
    assert caught.value is error


class FailsAfterwards(Callback):
    def __init__(self, error):
        self.error = error

    def teardown(self):
        raise self.error


class Last(Callback):
    torn_down = False

    def teardown(self):
        self.torn_down = True


@pytest.mark.parametrize("action", ["ignore", "error"])
@pytest.mark.parametrize("later", [OSError("disk full"), KeyboardInterrupt(), StopIteration(3)])
def test_what_fails_afterwards_is_a_note(later, action):
    error, last = Mine("mine"), Last()
    callbacks = [raising(Callback, "on_epoch_end", error), FailsAfterwards(later), last]
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        with pytest.raises(Mine) as caught:
            run(callbax, "fit", callbacks)
    assert caught.value is error
    assert last.torn_down
    assert any(type(later).__name__ in note for note in error.__notes__)


def test_without_an_error_a_failed_teardown_is_a_warning_and_an_interrupt_is_raised():
    with pytest.warns(RuntimeWarning, match="`FailsAfterwards.teardown` failed with OSError"):
        CallbackList([FailsAfterwards(OSError("disk full"))]).teardown()
    last = Last()
    with pytest.raises(KeyboardInterrupt):
        CallbackList([FailsAfterwards(KeyboardInterrupt()), last]).teardown()
    assert last.torn_down


def test_an_error_that_the_user_is_handling_gets_no_notes():
    outer = ValueError("outer")
    try:
        raise outer
    except ValueError:
        with pytest.warns(RuntimeWarning):
            run(callbax, "fit", [FailsAfterwards(OSError("disk full"))])
    assert not hasattr(outer, "__notes__")


def test_data_that_cannot_be_closed_hide_nothing():
    def data():
        try:
            while True:
                yield X, Y
        finally:
            raise RuntimeError("cannot close")

    error = Mine("mine")
    source = data()
    with pytest.raises(Mine) as caught:
        run(callbax, "fit", [raising(Callback, "on_train_batch_end", error)], source)
    assert caught.value is error
    with pytest.raises(RuntimeError, match="cannot close"):
        source.close()


def test_an_error_of_another_library_while_saving_stays_what_it_is(tmp_path):
    class Uploads(callbax.Sequential):
        def save(self, filepath, overwrite=True):
            raise error

    error = Mine("no connection")
    model = Uploads([callbax.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(Mine) as caught:
        model.fit(
            X,
            Y,
            verbose=0,
            callbacks=[callbax.callbacks.ModelCheckpoint(tmp_path / "a.keras")],
        )
    assert caught.value is error
