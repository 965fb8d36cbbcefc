"""After the same seed, a model starts from Keras's weights, whatever else was called."""

import random

import keras
import numpy as np
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def made(lib, *, built, seed=11):
    lib.utils.set_random_seed(seed)
    layers = [
        lib.layers.Dense(8, activation="relu"),
        lib.layers.Dropout(0.3),
        lib.layers.Dense(4, kernel_initializer="he_normal", bias_initializer="random_normal"),
        lib.layers.Dense(1),
    ]
    model = lib.Sequential([lib.layers.Input((3,)), *layers] if built else layers)
    random.random()  # Between making and building, as a user's own script may.
    return model


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("first", ["fit", "predict", "build"])
def test_the_first_weights_are_keras_s(built, shuffle, first):
    theirs = made(keras, built=built)
    theirs.build((None, 3))
    expected = theirs.get_weights()
    ours = made(cb, built=built)
    if first == "fit":
        ours.compile(cb.optimizers.SGD(0.0), "mse")
        ours.fit(X, Y, shuffle=shuffle, verbose=0)
    elif first == "predict":
        ours.predict(X, verbose=0)
    else:
        ours.build((None, 3))
    for left, right in zip(ours.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_second_model_s_too(shuffle):
    second = []
    for lib in (keras, cb):
        model = made(lib, built=False)
        model.compile("sgd", "mse")
        model.fit(X, Y, shuffle=shuffle, verbose=0)
        model.evaluate(X, Y, verbose=0)
        other = lib.Sequential([lib.layers.Input((3,)), lib.layers.Dense(5)])
        second.append(other.get_weights()[0])
    np.testing.assert_array_equal(*second)


def orders(seed, disturb):
    """Returns in which order samples come in the first epochs of two models."""
    cb.utils.set_random_seed(seed)
    disturb()
    seen = []
    for _ in range(2):
        model = cb.Sequential([cb.layers.Input((1,)), cb.layers.Dense(1)])
        model.compile(cb.optimizers.SGD(0.0), "mae")
        model.set_weights([np.ones((1, 1)), np.zeros(1)])

        class Look(cb.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                seen.append(round(self.model.batch_loss))

        x = np.arange(20, dtype="float32")[:, None]
        model.fit(x, 0 * x, batch_size=1, verbose=0, callbacks=[Look()])
    return seen


def test_no_unrelated_call_changes_the_order_of_data():
    expected = orders(3, lambda: None)
    for disturb in (random.random, np.random.random, lambda: cb.layers.Dense(2)):
        assert orders(3, disturb) == expected
    assert orders(4, lambda: None) != expected
    assert expected[:20] != expected[20:], "each model has an order of its own"
    assert sorted(expected[:20]) == list(range(20))


def test_a_model_s_own_seed_fixes_all_of_it():
    def weights(seed):
        layers = [cb.layers.Dense(3), cb.layers.Dropout(0.5), cb.layers.Dense(1)]
        model = cb.Sequential(layers, seed=seed)
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        return [weight.tobytes() for weight in model.get_weights()]

    assert weights(5) == weights(5) != weights(6)
