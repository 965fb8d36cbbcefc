"""Whole numbers and narrow floats as inputs, beside Keras."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
IMAGES, STEPS = RNG.integers(0, 255, (4, 6, 6, 3)), RNG.integers(-9, 9, (4, 7, 3))
LAYERS = {
    "conv": (lambda L: L.Conv2D(4, 3), IMAGES),
    "conv 1d": (lambda L: L.Conv1D(4, 3), STEPS),
    "max": (lambda L: L.MaxPooling2D(2), IMAGES),
    "max 1d": (lambda L: L.MaxPooling1D(2, padding="same"), STEPS),
    "mean": (lambda L: L.AveragePooling2D(2), IMAGES),
    "global mean": (lambda L: L.GlobalAveragePooling2D(), IMAGES),
    "lstm": (lambda L: L.LSTM(3), STEPS),
    "gru": (lambda L: L.GRU(3), STEPS),
    "batch norm": (lambda L: L.BatchNormalization(), IMAGES),
    "layer norm": (lambda L: L.LayerNormalization(), IMAGES),
}


@pytest.mark.every(3)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "int16", "bfloat16", "float16"])
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_are_those_of_the_numbers_in_float32(name, dtype):
    make, x = LAYERS[name]
    x = jnp.asarray(np.abs(x) if dtype == "uint8" else x, dtype)
    outputs = []
    for lib, given in ((keras, x.astype("float32")), (cb, x)):
        lib.utils.set_random_seed(3)
        outputs.append(np.asarray(make(lib.layers)(given), "float32"))
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in ("mean", "layer norm")])
def test_keras_s_are_the_same(name):
    """Keras adds up whole numbers as such in a mean, and cuts fractions off what it normalizes."""
    make, x = LAYERS[name]
    x = x.astype("int32")
    outputs = []
    for lib in (keras, cb):
        lib.utils.set_random_seed(3)
        outputs.append(np.asarray(make(lib.layers)(x), "float32"))
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-5)


def test_a_model_is_trained_on_bytes():
    x = IMAGES.astype("uint8")
    histories = []
    for lib in (keras, cb):
        lib.utils.set_random_seed(3)
        layers = [lib.layers.Conv2D(4, 3), lib.layers.Flatten(), lib.layers.Dense(1)]
        model = lib.Sequential([lib.Input((6, 6, 3), dtype="uint8"), *layers])
        model.compile(lib.optimizers.SGD(1e-8), "mse")
        histories.append(model.fit(x, x[:, 0, 0, :1], verbose=0, shuffle=False, epochs=3).history)
    np.testing.assert_allclose(histories[1]["loss"], histories[0]["loss"], rtol=1e-5)
