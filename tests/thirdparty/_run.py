"""One small problem, fitted with callbacks."""

import numpy as np

from callbax import Sequential
from callbax.layers import Dense
from callbax.optimizers import SGD

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
Y = X.sum(1, keepdims=True)
EPOCHS, BATCHES = 4, 3


def make(learning_rate=0.1, **optimizer):
    """Returns a compiled model, with the same weights each time."""
    model = Sequential([Dense(3, activation="relu", input_shape=(4,)), Dense(1)], seed=0)
    model.compile(SGD(learning_rate, **optimizer), "mse", metrics=["mae"])
    return model


def fit(*callbacks, model=None):
    """Fits four epochs of three batches, with validation, and returns the model."""
    model = make() if model is None else model
    model.fit(
        X,
        Y,
        batch_size=8,
        epochs=EPOCHS,
        validation_data=(X, Y),
        callbacks=list(callbacks),
        verbose=0,
    )
    return model
