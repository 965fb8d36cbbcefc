"""Layers against Keras's own."""

import keras
import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)

LAYERS = {
    "dense": (lambda lib: lib.layers.Dense(3), (5, 4)),
    "dense, activation": (lambda lib: lib.layers.Dense(3, "tanh"), (5, 4)),
    "dense, no bias": (lambda lib: lib.layers.Dense(3, use_bias=False), (5, 4)),
    "dense, initializers": (
        lambda lib: lib.layers.Dense(3, kernel_initializer="he_normal", bias_initializer="ones"),
        (5, 4),
    ),
    "dense, initializer instance": (
        lambda lib: lib.layers.Dense(
            3, kernel_initializer=lib.initializers.RandomNormal(stddev=0.1, seed=4)
        ),
        (5, 4),
    ),
    "dense, sequences": (lambda lib: lib.layers.Dense(3), (5, 6, 4)),
    "activation": (lambda lib: lib.layers.Activation("softmax"), (5, 4)),
    "flatten": (lambda lib: lib.layers.Flatten(), (5, 2, 3, 4)),
    "flatten, channels first": (
        lambda lib: lib.layers.Flatten(data_format="channels_first"),
        (5, 2, 3, 4),
    ),
    "flatten, vectors": (lambda lib: lib.layers.Flatten(), (5,)),
    "dropout at rest": (lambda lib: lib.layers.Dropout(0.5), (5, 4)),
}


@pytest.mark.parametrize("case", LAYERS)
def test_output_and_initial_weights_are_those_of_keras(case):
    make, shape = LAYERS[case]
    x = RNG.normal(size=shape).astype("float32")
    results = {}
    for lib in (keras, cb):
        lib.utils.set_random_seed(11)
        layer = make(lib)
        results[lib] = np.asarray(layer(x)), layer.get_weights()
    (expected, weights), (received, own_weights) = results[keras], results[cb]
    assert [w.shape for w in weights] == [w.shape for w in own_weights]
    for old, new in zip(weights, own_weights, strict=True):
        np.testing.assert_array_equal(old, new, err_msg="initial weights")
    np.testing.assert_allclose(received, expected, rtol=1e-6, atol=1e-6)


def test_a_whole_model_starts_with_the_weights_of_keras():
    def make(lib):
        lib.utils.set_random_seed(5)
        model = lib.Sequential(
            [
                lib.layers.Dense(7, activation="relu"),
                lib.layers.Dropout(0.3),
                lib.layers.Dense(3, kernel_initializer="he_uniform"),
            ]
        )
        model.build((None, 4))
        return model.get_weights()

    for expected, received in zip(make(keras), make(cb), strict=True):
        np.testing.assert_array_equal(expected, received)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    x = np.ones((400, 100), "float32")
    y = np.asarray(cb.layers.Dropout(rate, seed=1)(x, training=True))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / (1 - rate))}
    assert abs((y == 0).mean() - rate) < 0.01
    reference = np.asarray(keras.layers.Dropout(rate, seed=1)(x, training=True))
    assert set(np.unique(reference)) == set(np.unique(y)), "Keras scales alike"


def test_dropout_shares_its_mask_along_noise_shape():
    y = np.asarray(cb.layers.Dropout(0.5, noise_shape=(None, 1), seed=1)(np.ones((50, 6)), True))
    assert (y == y[:, :1]).all()


def test_a_layer_of_ones_own():
    class Scale(cb.layers.Layer):
        def build(self, input_shape):
            self.factor = self.add_weight((input_shape[-1],), initializer="ones")
            self.calls = self.add_weight((), initializer="zeros", trainable=False)

        def call(self, inputs, training=False):
            return inputs * self.factor if training else inputs

    layer = Scale()
    model = cb.Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.zeros((4, 2)), epochs=2, verbose=0)
    factor, calls = model.get_weights()
    assert (factor < 1).all()
    assert calls == 0
    assert [w.shape for w in layer.get_weights()] == [(2,), ()]
    assert len(layer.trainable_weights) == len(layer.non_trainable_weights) == 1


def test_frozen_layers_stay():
    model = cb.Sequential([cb.layers.Dense(2, trainable=False), cb.layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.build((None, 3))
    before = model.get_weights()
    model.fit(np.ones((4, 3)), np.zeros((4, 1)), verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False, False, True, True]
