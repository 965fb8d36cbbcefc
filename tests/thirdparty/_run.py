"""One small problem, fitted with callbacks: by a native model, a CNN of Keras's, and Keras."""

import os
from importlib.util import find_spec

import keras
import numpy as np

import callbax as cb
from callbax import keras_training

REQUIRED = os.environ.get("CALLBAX_THIRDPARTY") == "required"


def can_run(*packages):
    """Returns whether packages are here, or must be: a test that needs another is not made."""
    return REQUIRED or all(find_spec(package) for package in packages)


X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
Y = X.sum(1, keepdims=True)
EPOCHS, BATCHES = 4, 3


def native(learning_rate=0.1, **optimizer):
    """Returns a compiled model, with the same weights each time."""
    layers = [cb.layers.Dense(3, activation="relu", input_shape=(4,)), cb.layers.Dense(1)]
    model = cb.Sequential(layers, seed=0)
    model.compile(cb.optimizers.SGD(learning_rate, **optimizer), "mse", metrics=["mae"])
    return model


def plain(learning_rate=0.1, **optimizer):
    """Returns a CNN that Keras compiled and trains, with the same weights each time."""
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Reshape((2, 2, 1)),
        keras.layers.Conv2D(3, 2, padding="same", activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Flatten(),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(keras.optimizers.SGD(learning_rate, **optimizer), "mse", metrics=["mae"])
    return model


def cnn(learning_rate=0.1, **optimizer):
    """Returns that CNN under callbax."""
    return cb.Model(plain(learning_rate, **optimizer))


MODELS = {"native": native, "Keras CNN": cnn}


def with_keras(make):
    """Returns what makes a model, and for a CNN what makes the one that Keras trains."""
    return (cnn, plain) if make is cnn else (make,)


def fit(model, *callbacks):
    """Fits four epochs of three batches, with validation, and returns the model."""
    model.fit(
        X,
        Y,
        batch_size=8,
        epochs=EPOCHS,
        validation_data=(X, Y),
        callbacks=list(callbacks),
        shuffle=False,
        verbose=0,
    )
    return model


def fit_served(model, *callbacks):
    """Fits a model of Keras's by its own `fit`, served by callbax meanwhile, and returns it."""
    keras_training.take_over()
    try:
        return fit(model, *callbacks)
    finally:
        keras_training.give_back()
