"""What newcomers are likeliest to write wrong: the error that they read, and that its cure works.

Each row of `MISTAKES` says what the newcomer writes, the type of the exception, the words by which
it names the place and the cure, and the cure. Every one is found before anything is trained, unless
the row says otherwise, and leaves the model as it was.
"""

import functools
import os
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import keras
import numpy as np
import optax
import pandas as pd
import pytest
from flax import nnx

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = X.sum(1, keepdims=True)
CLASSES = RNG.integers(0, 3, 64)
IMAGES = RNG.normal(size=(64, 8, 8)).astype("float32")
NAMES = np.array(["cat", "dog"] * 32)
L, C = cb.layers, cb.callbacks
KINDS = ("sequential", "nnx", "keras")


class Net(nnx.Module):
    def __init__(self, inputs=4, outputs=1):
        self.dense = nnx.Linear(inputs, outputs, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.dense(x)


def make(kind="sequential"):
    module = {
        "sequential": lambda: cb.Sequential([L.Dense(1, input_shape=(4,))]),
        "nnx": lambda: cb.Model(Net()),
        "keras": lambda: cb.Model(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])),
    }
    model = module[kind]()
    model.compile(cb.optimizers.SGD(0.01), "mse")
    return model


@functools.cache
def survivor(kind):
    """Returns the model of a kind that all mistakes are made with, one after the other."""
    return make(kind)


def fit(model, x=X, y=Y, **arguments):
    return model.fit(x, y, **({"verbose": 0} | arguments))


def classify(*layers, x=X, y=CLASSES, loss="sparse_categorical_crossentropy", **compile):
    model = cb.Sequential([*layers, L.Dense(3, activation="softmax")])
    model.compile("sgd", loss, **compile)
    return fit(model, x, y)


def recompiled(model, optimizer="sgd", loss="mse", **compile):
    model.compile(optimizer, loss, **compile)
    return fit(model)


def fresh(optimizer="sgd", loss="mse", x=X, y=Y, **compile):
    model = make()
    model.compile(optimizer, loss, **compile)
    return fit(model, x, y)


def batches(*arrays):
    for start in range(0, 64, 16):
        parts = tuple(array[start : start + 16] for array in arrays)
        yield parts if len(parts) > 1 else parts[0]


def no_return(y_true, y_pred):
    jnp.mean((y_true - y_pred) ** 2)


def with_parts(y_true, y_pred):
    return jnp.mean((y_true - y_pred) ** 2), {"part": 0.0}


def in_numpy(y_true, y_pred):
    return np.mean((np.array(y_true) - np.array(y_pred)) ** 2)


def with_if(y_true, y_pred):
    error = jnp.mean(y_true - y_pred)
    return error if error > 0 else -error


def in_jax(y_true, y_pred):
    return jnp.abs(y_true - y_pred)


class NoReturn(Net):
    def __call__(self, x):
        self.dense(x)


class Forward(nnx.Module):
    def __init__(self):
        self.dense = nnx.Linear(4, 1, rngs=nnx.Rngs(0))

    def forward(self, x):
        return self.dense(x)


class Counting(Net):
    calls = 0

    def __call__(self, x):
        self.calls += 1
        return self.dense(x)


class ReadsAcc(C.Callback):
    def __init__(self, key="acc"):
        self.key = key

    def on_epoch_end(self, epoch, logs=None):
        logs[self.key]


class NoLogs(C.Callback):
    def on_epoch_end(self, epoch):
        pass


class Hookless:
    pass


OF_KERAS = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
SCHEDULE = cb.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)


@dataclass(frozen=True)
class Mistake:
    """What a newcomer writes, what they read, and what they write then.

    Attributes:
        write: What the newcomer writes, given a compiled model.
        error: The type of the exception.
        words: What the message says: the place first, then the cure.
        cure: What the message leads to, which runs.
        kinds: The kinds of models with which the newcomer may write it.
        trains: Whether it can be found only when something was trained.
    """

    write: Callable[..., object]
    error: type[Exception]
    words: tuple[str, ...]
    cure: Callable[..., object]
    kinds: tuple[str, ...] = KINDS
    trains: bool = False


ONCE = ("sequential",)
OURS = ("sequential", "nnx")

MISTAKES = {
    # The data
    "samples in a list": Mistake(
        lambda m: fit(m, list(X)),
        ValueError,
        ("`fit(x=...)`", "a list of 64 arrays", "ndarray of shape (4,)", "np.stack(x)"),
        lambda m: fit(m, np.stack(list(X))),
    ),
    "many samples in a list, and too few targets": Mistake(
        lambda m: fit(m, list(np.zeros((20000, 4), "float32"))),
        ValueError,
        ("`fit(x=...)`", "a list of 20000 arrays", "np.stack(x)"),
        lambda m: fit(m, np.zeros((64, 4))),
    ),
    "no labels": Mistake(
        lambda m: fit(m, y=None),
        ValueError,
        ("`fit(y=...)`", "received None", "`fit(x, y)`"),
        lambda m: fit(m, X, Y),
    ),
    "evaluate without labels": Mistake(
        lambda m: m.evaluate(X, verbose=0),
        ValueError,
        ("`evaluate(y=...)`", "received None", "`evaluate(x, y)`"),
        lambda m: m.evaluate(X, Y, verbose=0),
    ),
    "inputs and labels in a pair": Mistake(
        lambda m: fit(m, (X, Y), None),
        ValueError,
        ("`fit(y=...)`", "apart: `fit(x, y)`"),
        lambda m: fit(m, X, Y),
    ),
    "validation on inputs alone": Mistake(
        lambda m: fit(m, validation_data=X),
        ValueError,
        ("`fit(validation_data=...), y`", "validation_data=(x, y)"),
        lambda m: fit(m, validation_data=(X, Y)),
    ),
    "a generator of inputs": Mistake(
        lambda m: fit(m, batches(X), None),
        ValueError,
        ("`fit(x=...), batch 0`", "(x, y)", "`yield x, y`"),
        lambda m: fit(m, batches(X, Y), None),
    ),
    "labels beside a generator": Mistake(
        lambda m: fit(m, batches(X), Y),
        ValueError,
        ("`fit(y=...)`", "no `y` when `x` is an iterable", "yield (x, y)"),
        lambda m: fit(m, batches(X, Y), None),
    ),
    "a generator that ends too early": Mistake(
        lambda m: fit(m, batches(X, Y), None, epochs=2),
        ValueError,
        ("`fit`", "used up after 4 batches", "whose `__iter__` starts again"),
        lambda m: fit(m, list(batches(X, Y)), None, epochs=2),
        trains=True,
    ),
    "a share of a generator for validation": Mistake(
        lambda m: fit(m, batches(X, Y), None, validation_split=0.2),
        ValueError,
        ("`fit(validation_split=0.2)`", "expected arrays", "validation_data"),
        lambda m: fit(m, validation_split=0.2),
    ),
    "fewer labels than samples": Mistake(
        lambda m: fit(m, y=Y[:10]),
        ValueError,
        ("`fit`", "x: 64, y: 10", "one row per sample"),
        lambda m: fit(m, X[:10], Y[:10]),
    ),
    "fewer weights than samples": Mistake(
        lambda m: fit(m, sample_weight=np.ones(3)),
        ValueError,
        ("`fit`", "sample_weight: 3"),
        lambda m: fit(m, sample_weight=np.ones(64)),
    ),
    "a wrong width": Mistake(
        lambda m: m.predict(X[:, :3], verbose=0),
        ValueError,
        ("`dense", "last dimension is 4", "array of shape (32, 3)", "Give the data that shape"),
        lambda m: m.predict(X, verbose=0),
        ONCE,
    ),
    "a wrong width for a Keras model": Mistake(
        lambda m: m.predict(X[:, :3], verbose=0),
        ValueError,
        ("`Sequential(inputs)`", "array of shape (32, 3)", "Reshape the data"),
        lambda m: m.predict(X, verbose=0),
        ("keras",),
    ),
    "a wrong width for an NNX module": Mistake(
        lambda m: m.predict(X[:, :3], verbose=0),
        TypeError,
        ("`Net(inputs)`", "array of shape (32, 3)", "Reshape the data"),
        lambda m: m.predict(X, verbose=0),
        ("nnx",),
    ),
    "one column for an NNX module": Mistake(
        lambda m: fit(m, X[:, 0]),
        TypeError,
        ("`Net(inputs)`", "array of shape (32,)", "The first dimension is that of the samples"),
        lambda m: fit(m, X),
        ("nnx",),
    ),
    "numbers as text": Mistake(
        lambda m: fit(m, X.astype(str)),
        ValueError,
        ("`fit(x=...)`", "dtype <U", ".astype('float32')"),
        lambda m: fit(m, X.astype(str).astype("float32")),
    ),
    "names as labels": Mistake(
        lambda m: fit(m, y=NAMES),
        ValueError,
        ("`fit(y=...)`", "dtype <U3", "np.unique(y, return_inverse=True)"),
        lambda m: fit(m, y=np.unique(NAMES, return_inverse=True)[1]),
    ),
    "a list of names as labels": Mistake(
        lambda m: fit(m, y=NAMES.tolist()),
        ValueError,
        ("`fit(y=...)`", "'cat' (str)", "np.unique(y, return_inverse=True)"),
        lambda m: fit(m, y=np.unique(NAMES, return_inverse=True)[1]),
    ),
    "a table with a column of text": Mistake(
        lambda m: fit(m, pd.DataFrame(X[:, :3]).assign(city="Seoul")),
        ValueError,
        ("`fit(x=...)`", "the column 'city' of str", "Or leave it out"),
        lambda m: fit(m, pd.DataFrame(X)),
    ),
    "samples of several lengths": Mistake(
        lambda m: fit(m, [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0]], [1.0, 2.0]),
        ValueError,
        ("`fit(x=...)`", "list of length 2", "Convert it to a NumPy array"),
        lambda m: fit(m, [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 0.0, 0.0]], [1.0, 2.0]),
    ),
    "the path of a file": Mistake(
        lambda m: fit(m, "train.csv", None),
        TypeError,
        ("`fit(x=...)`", "'train.csv' (str)", "convert it to NumPy arrays"),
        lambda m: fit(m),
    ),
    "no data": Mistake(
        lambda m: fit(m, X[:0], Y[:0]),
        ValueError,
        ("`fit`", "at least one sample", "x: 0", "how the data was loaded"),
        lambda m: fit(m),
    ),
    # The arguments of runs
    "nb_epoch": Mistake(
        lambda m: fit(m, nb_epoch=2),
        TypeError,
        ("`fit(nb_epoch=...)`", "It is called `epochs` now"),
        lambda m: fit(m, epochs=2),
    ),
    "epoch": Mistake(
        lambda m: fit(m, epoch=2),
        TypeError,
        ("`fit(epoch=...)`", 'Closest: "epochs"'),
        lambda m: fit(m, epochs=2),
    ),
    "workers": Mistake(
        lambda m: fit(m, workers=4, use_multiprocessing=True),
        TypeError,
        ("`fit(workers=...)`", "Leave it out", "a thread of their own"),
        lambda m: fit(m),
    ),
    "targets for predict": Mistake(
        lambda m: m.predict(X, Y),
        ValueError,
        ("`predict(batch_size=...)`", "ndarray of shape (64, 1)", "`evaluate(x, y)`"),
        lambda m: m.evaluate(X, Y, verbose=0),
    ),
    "targets for predict, by name": Mistake(
        lambda m: m.predict(X, y=Y),
        TypeError,
        ("`predict(y=...)`", "`evaluate(x, y)`"),
        lambda m: m.evaluate(X, Y, verbose=0),
    ),
    "batch_size 0": Mistake(
        lambda m: fit(m, batch_size=0),
        ValueError,
        ("`fit(batch_size=0)`", "a positive integer", "at least 1"),
        lambda m: fit(m, batch_size=1),
    ),
    "batch_size as text": Mistake(
        lambda m: fit(m, batch_size="32"),
        ValueError,
        ("`fit(batch_size='32')`", "'32' (str)"),
        lambda m: fit(m, batch_size=32),
    ),
    "epochs as text": Mistake(
        lambda m: fit(m, epochs="2"),
        ValueError,
        ("`fit(epochs='2')`", "an integer", "'2' (str)"),
        lambda m: fit(m, epochs=2),
    ),
    "epochs as a float": Mistake(
        lambda m: fit(m, epochs=1e1),
        ValueError,
        ("`fit(epochs=10.0)`", "an integer", "10.0 (float)"),
        lambda m: fit(m, epochs=int(1e1)),
    ),
    "validation_split in percent": Mistake(
        lambda m: fit(m, validation_split=20),
        ValueError,
        ("`fit(validation_split=20)`", "[0, 1)", "0.2"),
        lambda m: fit(m, validation_split=0.2),
    ),
    "verbose as a word": Mistake(
        lambda m: fit(m, verbose="yes"),
        ValueError,
        ("`fit(verbose='yes')`", "1 (progress bar)", "'yes' (str)"),
        lambda m: fit(m, verbose=0),
    ),
    "class weights in a list": Mistake(
        lambda m: fit(m, class_weight=[1.0, 2.0]),
        ValueError,
        ("`fit(class_weight=...)`", "dict of class number", "list of length 2"),
        lambda m: fit(m, class_weight={0: 1.0, 1: 2.0}, y=CLASSES % 2),
    ),
    # compile
    "no compile": Mistake(
        lambda m: cb.Sequential([L.Dense(1)]).fit(X, Y),
        ValueError,
        ("`fit`", "a compiled model", "You must call `compile("),
        lambda m: fresh(),
        ONCE,
    ),
    "evaluate before compile": Mistake(
        lambda m: cb.Model(Net()).evaluate(X, Y),
        ValueError,
        ("`evaluate`", "a compiled model", "You must call `compile("),
        lambda m: make("nnx").evaluate(X, Y, verbose=0),
        ONCE,
    ),
    "no loss": Mistake(
        lambda m: fresh(loss=None),
        ValueError,
        ("`fit`", "a loss to minimise", "loss=None"),
        lambda m: fresh(loss="mse"),
        ONCE,
    ),
    "a misspelt optimizer": Mistake(
        lambda m: recompiled(m, "adma"),
        ValueError,
        ("`compile(optimizer='adma')`", 'Closest: "adam"'),
        lambda m: recompiled(m, "adam"),
    ),
    "a misspelt loss": Mistake(
        lambda m: recompiled(m, loss="mean_square_error"),
        ValueError,
        ("`compile(loss='mean_square_error')`", 'Closest: "mean_squared_error"'),
        lambda m: recompiled(m, loss="mean_squared_error"),
    ),
    "a misspelt metric": Mistake(
        lambda m: recompiled(m, metrics=["acuracy"]),
        ValueError,
        ("`compile(metrics=['acuracy'])`", 'Closest: "accuracy"'),
        lambda m: recompiled(m, metrics=["accuracy"]),
    ),
    "metric": Mistake(
        lambda m: recompiled(m, metric=["mae"]),
        TypeError,
        ("`compile(metric=...)`", 'Closest: "metrics"'),
        lambda m: recompiled(m, metrics=["mae"]),
    ),
    "a learning rate for compile": Mistake(
        lambda m: recompiled(m, lr=0.1),
        TypeError,
        ("`compile(lr=...)`", "Give it to the optimizer"),
        lambda m: recompiled(m, cb.optimizers.Adam(learning_rate=0.001)),
    ),
    "metrics in the place of weights": Mistake(
        lambda m: m.compile("sgd", "mse", ["mae"]),
        ValueError,
        ("`compile(loss_weights=['mae'])`", "metrics=[...]"),
        lambda m: m.compile("sgd", "mse", metrics=["mae"]),
    ),
    "an optax function that is not called": Mistake(
        lambda m: recompiled(m, optax.adam),
        TypeError,
        ("`compile(optimizer=...)`", "the function optax.adam", "Call it: optax.adam("),
        lambda m: recompiled(m, optax.adam(learning_rate=0.001)),
    ),
    "a schedule of optax as an optimizer": Mistake(
        lambda m: recompiled(m, optax.cosine_decay_schedule(0.1, 10)),
        TypeError,
        ("`compile(optimizer=...)`", "the function schedule", "optax.adam(schedule)"),
        lambda m: recompiled(m, optax.adam(optax.cosine_decay_schedule(0.1, 10))),
    ),
    "a schedule as an optimizer": Mistake(
        lambda m: recompiled(m, SCHEDULE),
        TypeError,
        ("`compile(optimizer=...)`", "ExponentialDecay", "Adam(learning_rate=schedule)"),
        lambda m: recompiled(m, cb.optimizers.Adam(learning_rate=SCHEDULE)),
    ),
    "a learning rate as an optimizer": Mistake(
        lambda m: recompiled(m, 0.01),
        TypeError,
        ("`compile(optimizer=...)`", "the name of an optimizer", "0.01 (float)", "adam"),
        lambda m: recompiled(m, "adam"),
    ),
    "NNX's own optimizer": Mistake(
        lambda m: recompiled(m, nnx.Optimizer(Net(), optax.adam(0.1), wrt=nnx.Param)),
        TypeError,
        ("`compile(optimizer=...)`", "Optimizer", "`optimizer.tx`"),
        lambda m: recompiled(m, nnx.Optimizer(Net(), optax.adam(0.1), wrt=nnx.Param).tx),
    ),
    "a misspelt argument of an optimizer": Mistake(
        lambda m: cb.optimizers.Adam(learning_rat=0.1),
        TypeError,
        ("`Adam(learning_rat=...)`", 'Closest: "learning_rate"'),
        lambda m: recompiled(m, cb.optimizers.Adam(learning_rate=0.1)),
        ONCE,
    ),
    "a loss that returns nothing": Mistake(
        lambda m: recompiled(m, loss=no_return),
        TypeError,
        ("`no_return(y_true, y_pred)`", "received None", "`return`"),
        lambda m: recompiled(m, loss=in_jax),
    ),
    "a loss that returns a tuple": Mistake(
        lambda m: recompiled(m, loss=with_parts),
        TypeError,
        ("`with_parts(y_true, y_pred)`", "tuple of length 2", "Return the value alone"),
        lambda m: recompiled(m, loss=in_jax),
    ),
    "a metric that returns nothing": Mistake(
        lambda m: recompiled(m, metrics=[no_return]),
        TypeError,
        ("`no_return(y_true, y_pred)`", "received None", "`return`"),
        lambda m: recompiled(m, metrics=[in_jax]),
    ),
    "a loss of one argument": Mistake(
        lambda m: recompiled(m, loss=lambda y_pred: y_pred),
        TypeError,
        ("`compile(loss=...)`", "a function of (y_true, y_pred)", "<lambda>(y_pred)"),
        lambda m: recompiled(m, loss=in_jax),
    ),
    "a loss in NumPy": Mistake(
        lambda m: recompiled(m, loss=in_numpy),
        Exception,
        ("`fit`", "`in_numpy` (test_likeliest_mistakes.py, line", "Use `jax.numpy`"),
        lambda m: recompiled(m, loss=in_jax),
    ),
    "an if in a loss": Mistake(
        lambda m: recompiled(m, loss=with_if),
        Exception,
        ("`fit`", "`with_if` (test_likeliest_mistakes.py, line", "jnp.where(condition, a, b)"),
        lambda m: recompiled(m, loss=in_jax),
    ),
    "a loss of optax, which takes the scores first": Mistake(
        lambda m: recompiled(m, loss=optax.sigmoid_binary_cross_entropy),
        TypeError,
        (
            "`compile(loss=...)`",
            "one of (logits, labels)",
            "lambda y_true, y_pred: optax.sigmoid_binary_cross_entropy(y_pred, y_true)",
        ),
        lambda m: recompiled(
            m, loss=lambda y_true, y_pred: optax.sigmoid_binary_cross_entropy(y_pred, y_true)
        ),
    ),
    # Labels, outputs and losses
    "no Flatten": Mistake(
        lambda m: classify(x=IMAGES),
        ValueError,
        ("`sparse_categorical_crossentropy(", "(32, 8, 3)", "put a `Flatten` before the first"),
        lambda m: classify(L.Flatten(), x=IMAGES),
        ONCE,
    ),
    "no Flatten after a convolution": Mistake(
        lambda m: classify(L.Conv2D(2, 3), x=IMAGES[..., None]),
        ValueError,
        ("`sparse_categorical_crossentropy(", "(32, 6, 6, 3)", "`Flatten`"),
        lambda m: classify(L.Conv2D(2, 3), L.Flatten(), x=IMAGES[..., None]),
        ONCE,
    ),
    "no Flatten, one-hot labels": Mistake(
        lambda m: classify(x=IMAGES, y=np.eye(3)[CLASSES], loss="categorical_crossentropy"),
        ValueError,
        ("`categorical_crossentropy(", "(32, 8, 3)", "`Flatten`"),
        lambda m: classify(
            L.Flatten(), x=IMAGES, y=np.eye(3)[CLASSES], loss="categorical_crossentropy"
        ),
        ONCE,
    ),
    "all steps of a recurrent layer": Mistake(
        lambda m: classify(L.LSTM(2, return_sequences=True), x=IMAGES),
        ValueError,
        ("`sparse_categorical_crossentropy(", "leave out `return_sequences=True`"),
        lambda m: classify(L.LSTM(2), x=IMAGES),
        ONCE,
    ),
    "images without channels": Mistake(
        lambda m: classify(L.Conv2D(2, 3), L.Flatten(), x=IMAGES),
        ValueError,
        ("conv2d", "(None, 8, 8)", "x[..., None]"),
        lambda m: classify(L.Conv2D(2, 3), L.Flatten(), x=IMAGES[..., None]),
        ONCE,
    ),
    "labels from 1": Mistake(
        lambda m: classify(y=CLASSES + 1),
        ValueError,
        ("`fit(y=...)`", "class numbers in [0, 3)", "count from 1 to 3, pass y - 1"),
        lambda m: classify(y=CLASSES + 1 - 1),
        ONCE,
    ),
    "class numbers for a loss of one-hot labels": Mistake(
        lambda m: classify(loss="categorical_crossentropy"),
        ValueError,
        ("`categorical_crossentropy(", "(32,)", '"sparse_categorical_crossentropy"'),
        lambda m: classify(loss="sparse_categorical_crossentropy"),
        ONCE,
    ),
    "one-hot labels for a loss of class numbers": Mistake(
        lambda m: classify(y=np.eye(3)[CLASSES]),
        ValueError,
        ("`sparse_categorical_crossentropy(", "(32, 3)", '"categorical_crossentropy"'),
        lambda m: classify(y=np.eye(3)[CLASSES], loss="categorical_crossentropy"),
        ONCE,
    ),
    "one output for three classes": Mistake(
        lambda m: fresh(loss="sparse_categorical_crossentropy", y=CLASSES),
        ValueError,
        ("`fit(y=...)`", "class numbers in [0, 1)", "give the last layer an output for each"),
        lambda m: classify(),
        ONCE,
    ),
    "three labels for one output": Mistake(
        lambda m: fit(m, y=np.ones((64, 3))),
        ValueError,
        ("`mean_squared_error(", "(32, 3)", "Give the last layer 3 outputs, or each sample 1 la"),
        lambda m: fit(m, y=np.ones((64, 1))),
    ),
    # Layers and models
    "units as text": Mistake(
        lambda m: L.Dense("10"),
        ValueError,
        ("`Dense(units='10')`", "a positive integer", "'10' (str)"),
        lambda m: L.Dense(10),
        ONCE,
    ),
    "half a unit": Mistake(
        lambda m: L.Dense(10.5),
        ValueError,
        ("`Dense(units=10.5)`", "10.5 (float)"),
        lambda m: L.Dense(10),
        ONCE,
    ),
    "no units": Mistake(
        lambda m: L.Dense(activation="relu"),
        TypeError,
        ("`Dense(...)`", "Dense(units, activation", "none for `units`"),
        lambda m: L.Dense(3, activation="relu"),
        ONCE,
    ),
    "a misspelt argument of a layer": Mistake(
        lambda m: L.Dense(3, activaton="relu"),
        TypeError,
        ("`Dense(activaton=...)`", 'Closest: "activation"'),
        lambda m: L.Dense(3, activation="relu"),
        ONCE,
    ),
    "an argument of Keras 1": Mistake(
        lambda m: L.Conv2D(3, 3, border_mode="same"),
        TypeError,
        ("`Conv2D(border_mode=...)`", "`padding`"),
        lambda m: L.Conv2D(3, 3, padding="same"),
        ONCE,
    ),
    "a misspelt activation": Mistake(
        lambda m: L.Dense(3, activation="rleu"),
        ValueError,
        ("`Dense(activation='rleu')`", 'Closest: "relu"'),
        lambda m: L.Dense(3, activation="relu"),
        ONCE,
    ),
    "a misspelt initializer": Mistake(
        lambda m: L.Conv2D(3, 3, kernel_initializer="gloro_uniform"),
        ValueError,
        ("kernel_initializer='gloro_uniform'", 'Closest: "glorot_uniform"'),
        lambda m: L.Conv2D(3, 3, kernel_initializer="glorot_uniform"),
        ONCE,
    ),
    "a rate in percent": Mistake(
        lambda m: L.Dropout(50),
        ValueError,
        ("`Dropout(rate=50)`", "from 0 to 1", "0.5"),
        lambda m: L.Dropout(0.5),
        ONCE,
    ),
    "a misspelt layer": Mistake(
        lambda m: L.Dens(3),
        AttributeError,
        ("`callbax.layers.Dens`", 'Closest: "Dense"'),
        lambda m: L.Dense(3),
        ONCE,
    ),
    "a class among layers": Mistake(
        lambda m: cb.Sequential([L.Flatten, L.Dense(1)]),
        TypeError,
        ("`Sequential.add(layer)`", "the class Flatten", "Make the layer first"),
        lambda m: cb.Sequential([L.Flatten(), L.Dense(1)]),
        ONCE,
    ),
    "a function among layers": Mistake(
        lambda m: cb.Sequential([L.Dense(3), cb.activations.relu]),
        TypeError,
        ("`Sequential.add(layer)`", "a layer", "Activation"),
        lambda m: cb.Sequential([L.Dense(3), L.Activation(cb.activations.relu)]),
        ONCE,
    ),
    "layers without a list": Mistake(
        lambda m: cb.Sequential(L.Dense(3), L.Dense(1)),
        TypeError,
        ("`Sequential(layers)`", "a list of layers", "Sequential([Dense(8), Dense(1)])"),
        lambda m: cb.Sequential([L.Dense(3), L.Dense(1)]),
        ONCE,
    ),
    "two Inputs": Mistake(
        lambda m: cb.Sequential([L.Input((4,)), L.Input((4,)), L.Dense(1)]),
        ValueError,
        ("`Sequential.add(Input(", "one `Input`, before all layers"),
        lambda m: cb.Sequential([L.Input((4,)), L.Dense(1)]),
        ONCE,
    ),
    "a layer twice": Mistake(
        lambda m: (lambda layer: cb.Sequential([layer, layer]))(L.Dense(4)),
        ValueError,
        ("`Sequential.add(layer named", "whose name is not taken", "another `name`"),
        lambda m: cb.Sequential([L.Dense(4), L.Dense(4)]),
        ONCE,
    ),
    "an input shape with the number of samples": Mistake(
        lambda m: fresh_of(L.Dense(1, input_shape=(64, 4))),
        ValueError,
        ("(None, 64, 4)", "(32, 4)", "input_shape=(4,)"),
        lambda m: fresh_of(L.Dense(1, input_shape=(4,))),
        ONCE,
    ),
    "no layers": Mistake(
        lambda m: fresh_of(),
        ValueError,
        ("`Sequential`", "at least one layer", "`add`"),
        lambda m: fresh_of(L.Dense(1)),
        ONCE,
    ),
    "the class of a module": Mistake(
        lambda m: cb.Model(Net),
        TypeError,
        ("`Model(module)`", "the class Net", "Make the module first"),
        lambda m: cb.Model(Net()),
        ONCE,
    ),
    "a module with forward": Mistake(
        lambda m: cb.Model(Forward()),
        TypeError,
        ("`Model(module)`", "Forward, which has none", "Rename `forward` to `__call__`"),
        lambda m: cb.Model(Net()),
        ONCE,
    ),
    "a module that returns nothing": Mistake(
        lambda m: fit_module(NoReturn()),
        TypeError,
        ("`NoReturn(inputs)`", "received None", "`return`"),
        lambda m: fit_module(Net()),
        ONCE,
    ),
    "weights before there are any": Mistake(
        lambda m: cb.Sequential([L.Dense(1)]).get_weights(),
        ValueError,
        ("`model.get_weights`", "input shape is not known", "`input_shape`"),
        lambda m: cb.Sequential([L.Dense(1, input_shape=(4,))]).get_weights(),
        ONCE,
    ),
    "too few weights": Mistake(
        lambda m: m.set_weights([np.ones((4, 1))]),
        ValueError,
        ("`model.set_weights`", "2 weights", "1 of shapes [(4, 1)]"),
        lambda m: m.set_weights([np.ones((4, 1)), np.ones(1)]),
        OURS,
    ),
    # Callbacks
    "the class of a callback": Mistake(
        lambda m: fit(m, callbacks=[C.EarlyStopping]),
        TypeError,
        ("`callbacks[0]`", "the class EarlyStopping", "Call it: `EarlyStopping(...)`"),
        lambda m: fit(m, callbacks=[C.EarlyStopping("loss")]),
    ),
    "the name of a callback": Mistake(
        lambda m: fit(m, callbacks="EarlyStopping"),
        TypeError,
        ("`callbacks`", "'EarlyStopping' (str)", "Pass a `Callback`"),
        lambda m: fit(m, callbacks=C.EarlyStopping("loss")),
    ),
    "a function for a callback": Mistake(
        lambda m: fit(m, callbacks=[lambda epoch, logs: None]),
        TypeError,
        ("`callbacks[0]`", "type function", "LambdaCallback(on_epoch_end=...)"),
        lambda m: fit(m, callbacks=[C.LambdaCallback(on_epoch_end=lambda epoch, logs: None)]),
    ),
    "a misspelt argument of a callback": Mistake(
        lambda m: C.EarlyStopping(min_dleta=0.1),
        TypeError,
        ("`EarlyStopping(min_dleta=...)`", 'Closest: "min_delta"'),
        lambda m: C.EarlyStopping(min_delta=0.1),
        ONCE,
    ),
    "a hook without logs": Mistake(
        lambda m: fit(m, callbacks=[NoLogs()]),
        TypeError,
        ("`callbacks[0]: NoLogs.on_epoch_end`", "`def on_epoch_end(self, epoch, logs=None)`"),
        lambda m: fit(m, callbacks=[ReadsAcc("loss")]),
    ),
    "a short name of a key of the logs": Mistake(
        lambda m: (m.compile("sgd", "mse", metrics=["accuracy"]), fit(m, callbacks=ReadsAcc())),
        KeyError,
        ("`ReadsAcc.on_epoch_end`", "'acc'", 'Closest: "accuracy"', "epoch=0"),
        lambda m: fit(m, callbacks=ReadsAcc("accuracy")),
        trains=True,
    ),
    "a validation key without validation": Mistake(
        lambda m: fit(m, callbacks=ReadsAcc("val_loss")),
        KeyError,
        ("`ReadsAcc.on_epoch_end`", "'val_loss'", "`validation_data`"),
        lambda m: fit(m, callbacks=ReadsAcc("val_loss"), validation_data=(X, Y)),
        trains=True,
    ),
    "a monitor that never comes": Mistake(
        lambda m: fit(m, callbacks=[C.EarlyStopping(monitor="los")]),
        ValueError,
        ("`EarlyStopping(monitor='los')`", 'Closest: "loss"'),
        lambda m: fit(m, callbacks=[C.EarlyStopping(monitor="loss")]),
    ),
    "a plateau with a schedule": Mistake(
        lambda m: recompiled_with(m, SCHEDULE, C.ReduceLROnPlateau("loss")),
        TypeError,
        ("`ReduceLROnPlateau`", "a schedule sets", "make it with a float"),
        lambda m: recompiled_with(m, 0.01, C.ReduceLROnPlateau("loss")),
        OURS,
    ),
    "a plateau with a schedule of Keras": Mistake(
        lambda m: (
            m.compile(keras.optimizers.SGD(OF_KERAS), "mse"),
            fit(m, callbacks=C.ReduceLROnPlateau("loss")),
        ),
        TypeError,
        ("`ReduceLROnPlateau`", "SGD, whose rate a schedule sets", "with a float"),
        lambda m: (
            m.compile(keras.optimizers.SGD(0.01), "mse"),
            fit(m, callbacks=C.ReduceLROnPlateau("loss")),
        ),
        ("keras",),
    ),
    "a scheduler with a schedule": Mistake(
        lambda m: recompiled_with(m, SCHEDULE, C.LearningRateScheduler(lambda epoch: 0.1)),
        TypeError,
        ("`LearningRateScheduler`", "a schedule sets", "make it with a float"),
        lambda m: recompiled_with(m, 0.01, C.LearningRateScheduler(lambda epoch: 0.1)),
        OURS,
    ),
    # Files
    "a file of weights without its ending": Mistake(
        lambda m: C.ModelCheckpoint("best.h5", save_weights_only=True),
        ValueError,
        ("`ModelCheckpoint(filepath='best.h5')`", ".weights.h5"),
        lambda m: C.ModelCheckpoint("best.weights.h5", save_weights_only=True),
        ONCE,
    ),
    "a misspelt field of a path": Mistake(
        lambda m: fit(m, callbacks=C.ModelCheckpoint("{epocs}.weights.h5", "loss", 0, False, True)),
        ValueError,
        ("`ModelCheckpoint(filepath='{epocs}.weights.h5')`", "'epocs'"),
        lambda m: fit(m, callbacks=C.ModelCheckpoint("{epoch}.weights.h5", "loss", 0, False, True)),
    ),
    "a whole NNX model in a checkpoint": Mistake(
        lambda m: fit(m, callbacks=C.ModelCheckpoint("best.keras", "loss")),
        TypeError,
        ("`ModelCheckpoint(filepath='best.keras')`", "Net", "save_weights_only=True"),
        lambda m: fit(
            m, callbacks=C.ModelCheckpoint("best.weights.h5", "loss", save_weights_only=True)
        ),
        ("nnx",),
    ),
    "a whole NNX model in a file": Mistake(
        lambda m: m.save("model.keras"),
        TypeError,
        ("`model.get_config()`", "module Net", "Use `save_weights`"),
        lambda m: m.save_weights("model.weights.h5"),
        ("nnx",),
    ),
    "a model without the ending": Mistake(
        lambda m: m.save("model"),
        ValueError,
        ("`save(filepath)`", "ends in .keras"),
        lambda m: m.save("model.keras"),
        ONCE,
    ),
    "a lambda in a model that is saved": Mistake(
        lambda m: cb.Sequential([L.Dense(1, input_shape=(4,)), L.Activation(lambda x: x)]).save(
            "model.keras"
        ),
        TypeError,
        ("`serialize_keras_object(obj)`", "received a lambda", "`def`", "`save_weights`"),
        lambda m: m.save("model.keras"),
        ONCE,
    ),
    "a directory that is not there": Mistake(
        lambda m: m.save("nowhere/model.keras"),
        FileNotFoundError,
        ("`save(filepath)`", "nowhere/model.keras", "Check that the directory exists"),
        lambda m: m.save("model.keras"),
        ONCE,
    ),
    "a file that is not there": Mistake(
        lambda m: m.load_weights("nothing.weights.h5"),
        FileNotFoundError,
        ("`load_weights(filepath)`", "nothing.weights.h5", "No such file"),
        lambda m: (m.save_weights("a.weights.h5"), m.load_weights("a.weights.h5")),
        OURS,
    ),
    "the weights of another model": Mistake(
        lambda m: (fresh_of(L.Dense(3), L.Dense(1), file="a.weights.h5"), m.load_weights(FILE)),
        ValueError,
        ("`load_weights(filepath)`", "that fit the model", "Build the model as it was"),
        lambda m: (fresh_of(L.Dense(1), file="a.weights.h5"), m.load_weights(FILE)),
        ONCE,
    ),
}
FILE = "a.weights.h5"


def fresh_of(*layers, file=None):
    model = cb.Sequential(layers)
    model.compile("sgd", "mse")
    fit(model)
    if file is not None:
        model.save_weights(file)


def fit_module(module):
    model = cb.Model(module)
    model.compile("sgd", "mse")
    return fit(model)


def recompiled_with(model, rate, callback):
    model.compile(cb.optimizers.SGD(rate), "mse")
    return fit(model, callbacks=callback)


BEATS = re.compile(
    r"`[^\n]+`: (expected .+, received .+|no \w+ is registered under the name .+)\n.+", re.DOTALL
)
LONGEST = 1500
INSIDE = os.path.dirname(cb.__file__)
NOTE_OF_HOOKS = "Raised in the callback hook "

ROWS = [
    pytest.param(name, kind, id=f"{name}, {kind}" if len(row.kinds) > 1 else name)
    for name, row in MISTAKES.items()
    for kind in row.kinds
]


def weights(model):
    return [np.array(weight) for weight in model.get_weights()]


@pytest.mark.parametrize(("name", "kind"), ROWS)
def test_it_is_named_and_its_cure_works(name, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row, model = MISTAKES[name], survivor(kind)
    before, optimizer = weights(model), model.optimizer
    with pytest.raises(row.error) as caught:
        row.write(model)
    error = caught.value
    notes = getattr(error, "__notes__", [])
    said = [str(error), *notes]

    missing = [word for word in row.words if not any(word in text for text in said)]
    assert not missing, f"{missing} not said in: {said}"
    assert any(BEATS.search(text) for text in said), f"no four beats in: {said}"
    assert row.words[0] in next(text for text in said if BEATS.search(text)).partition("\n")[0]
    assert sum(map(len, said)) < LONGEST

    printed = "".join(traceback.format_exception(error)).rstrip()
    assert "JAX has removed its internal frames" not in printed
    ours = [text for text in said if BEATS.search(text) or text.startswith(NOTE_OF_HOOKS)]
    assert printed.endswith(ours[-1]), "something else has the last word"

    frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    inside = [frame for frame in frames if frame.startswith(INSIDE)]
    if "_calls.py" in inside[0]:  # a public method, no constructor
        assert len(inside) <= 3, "a newcomer has to read the way through callbax"

    if not row.trains:
        for old, new in zip(before, weights(model), strict=True):
            np.testing.assert_array_equal(old, new, err_msg="the mistake has changed the model")
    row.cure(model)
    if row.kinds != ONCE:
        if model.optimizer is not optimizer:
            model.compile(cb.optimizers.SGD(0.01), "mse")
        assert np.isfinite(fit(model).history["loss"][-1])


def test_there_are_more_than_fifty():
    assert len(MISTAKES) > 50


class Misspelt(C.Callback):
    def on_epoch_finish(self, epoch, logs=None):
        raise AssertionError("never called")


class OfLightning(C.Callback):
    def on_train_epoch_end(self, epoch, logs=None):
        raise AssertionError("never called")


def swapped(y_pred, y_true):
    return (y_pred - y_true) ** 2


WARNINGS = {
    "a misspelt hook": (
        lambda: fit(make(), callbacks=[Misspelt()]),
        r"`callbacks\[0\]`: Misspelt defines `on_epoch_finish`.*mean `on_epoch_end`",
    ),
    "a hook of another library": (
        lambda: fit(make(), callbacks=[OfLightning()]),
        r"OfLightning defines `on_train_epoch_end`.*mean `on_epoch_end`",
    ),
    "an attribute that a module changes in its call": (
        lambda: fit_module(Counting()),
        r"(?s)`Counting.__call__`.*a change of `calls`.*nnx.Variable",
    ),
    "a loss of (y_pred, y_true)": (
        lambda: fresh(loss=swapped),
        r"`compile\(loss=...\)`: `swapped\(y_pred, y_true\)` is called as `swapped\(y_true, y_pre",
    ),
    "a softmax before a loss that takes scores": (
        lambda: classify(loss=cb.losses.SparseCategoricalCrossentropy(from_logits=True)),
        r"(?s)`compile\(loss=...\)`.*from_logits=True.*outputs of a softmax.*Leave `activation`",
    ),
    "a misspelt flag": (
        lambda: setattr(make(), "stop_traning", True),
        r"(?s)`model.stop_traning = True`.*Did you mean `model.stop_training`",
    ),
    "a misspelt flag of a Keras model": (
        lambda: setattr(make("keras"), "stop_trainig", True),
        r"(?s)`model.stop_trainig = True`.*Did you mean `model.stop_training`",
    ),
    "a softmax of one output": (
        lambda: fresh_of(L.Dense(1, activation="softmax")),
        r"(?s)softmax.*longer than 1.*sigmoid",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_keras_takes_is_a_warning(name):
    write, words = WARNINGS[name]
    with pytest.warns(UserWarning, match=words):
        write()


def test_a_validation_key_that_is_monitored_without_validation_is_a_warning():
    model = make()
    with pytest.warns(UserWarning, match=r"Early") as caught:
        fit(model, callbacks=[C.EarlyStopping()])
    assert "Pass `validation_data` to `fit`" in str(caught[0].message)


WORKS = {
    "one callback": lambda: fit(make(), callbacks=C.EarlyStopping("loss")),
    "one metric": lambda: fresh(metrics="mae"),
    "the class of a loss": lambda: fresh(loss=cb.losses.MeanSquaredError),
    "the class of an optimizer": lambda: fresh(cb.optimizers.Adam),
    "the class of a metric": lambda: fresh(metrics=[cb.metrics.MeanAbsoluteError]),
    "lists of numbers": lambda: fit(make(), X.tolist(), Y.tolist()),
    "objects that are numbers": lambda: fit(make(), X.astype(object)),
    "a table": lambda: fit(make(), pd.DataFrame(X), pd.Series(Y[:, 0])),
    "labels without their last axis": lambda: fit(make(), y=Y[:, 0]),
    "a single number for a shape": lambda: fresh_of(L.Dense(1, input_shape=4)),
    "a callback that does not call super().__init__()": lambda: fit(
        make(), callbacks=ReadsAcc("loss")
    ),
    "a loss of optax that is the same either way": lambda: fresh(loss=optax.l2_loss),
    "the layers' table before there are weights": lambda: cb.Sequential([L.Dense(1)]).summary(
        print_fn=str
    ),
    "an argument that is called as in Keras 2": lambda: fresh(cb.optimizers.Adam(lr=0.1)),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_keras_takes_works(name):
    WORKS[name]()
