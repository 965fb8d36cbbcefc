"""The same script for callbax and for Keras on its three backends."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from benchmarks.cases import Run
from benchmarks.data import arrays

if "KERAS_BACKEND" in os.environ:
    import keras

    BUILTINS = {}
else:
    from benchmarks.contestants.builtins import BUILTINS

    from callbax import keras

Callback = keras.callbacks.Callback


class _Passive(Callback):
    """Overrides a hook and does nothing in it."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


class _Reading(Callback):
    """Reads the loss."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.loss = logs["loss"]


class _Rate(Callback):
    """Sets the learning rate every 100 batches."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch % 100 == 99:
            self.model.optimizer.learning_rate = 0.1 / (1 + batch)


class _Weights(Callback):
    """Reads the weights every n batches."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch % self.every == self.every - 1:
            self.weights = self.model.get_weights()


class _Layers(Callback):
    """Asks for the layers at every batch."""

    execution = "fused"

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen = self.model.layers


class _Bracket(Callback):
    """Times every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self.started)


HOOKS: dict[str, Callable[[], Any]] = {
    "passive": _Passive,
    "reading": _Reading,
    "rate_100": _Rate,
    "weights_50": lambda: _Weights(50),
    "weights_1": lambda: _Weights(1),
    "bracket": _Bracket,
    "layers": _Layers,
    **BUILTINS,
}


def compiled(run: Run) -> Any:
    """Returns the run's model, compiled."""
    if run.who == "keras-served":
        import callbax.keras_training  # noqa: F401  serves from here on
    forward = run.who == "keras-forward"
    if run.model == "guide":
        model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(1)])
        if forward:
            return _forward(model, "rmsprop", "mse", ["mae"], 0.1)
        model.compile(keras.optimizers.RMSprop(0.1), "mse", metrics=["mae"])
        return model
    model = MODELS[run.model]()
    if forward:
        return _forward(model, "adam", "sparse_categorical_crossentropy", ["accuracy"], 1e-3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def prepare(run: Run) -> Callable[[], object]:
    """Returns what is to be timed, on a model that is compiled but has not run."""
    size, model = run.size, compiled(run)
    x, y = arrays(run)
    if run.resident:
        import jax

        x, y = jax.device_put((x, y))
    if run.do == "evaluate":
        return lambda: [model.evaluate(x, y, size.batch, verbose=0) for _ in range(size.epochs)]
    if run.do == "predict":
        return lambda: [model.predict(x, size.batch, verbose=0) for _ in range(size.epochs)]

    def fit() -> object:
        callbacks = [HOOKS[name]() for name in run.hooks]
        verbose = 1 if "ProgbarLogger" in run.hooks else 0
        common = {"epochs": size.epochs, "verbose": verbose, "callbacks": callbacks}
        if run.do == "generator":
            steps = size.rows // size.batch
            return model.fit(_batches(x, y, size.batch), steps_per_epoch=steps, **common)
        return model.fit(x, y, size.batch, **common)

    return fit


def _batches(x: np.ndarray, y: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    while True:
        for first in range(0, len(x) - size + 1, size):
            yield x[first : first + size], y[first : first + size]


def _forward(model: Any, optimizer: str, loss: str, metrics: list[str], rate: float) -> Any:
    """Returns a Keras model whose outputs alone are used: the step is callbax's."""
    import callbax as cb

    ours = cb.Model(model)
    chosen = cb.optimizers.RMSprop if optimizer == "rmsprop" else cb.optimizers.Adam
    from_logits = cb.losses.SparseCategoricalCrossentropy(from_logits=True)
    ours.compile(chosen(rate), from_logits if loss.startswith("sparse") else loss, metrics=metrics)
    return ours


def _convolution() -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


def _lstm() -> Any:
    layers = keras.layers
    rows = [layers.LSTM(32, return_sequences=True), layers.LSTM(32), layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28)), *rows])


def _transformer() -> Any:
    layers = keras.layers
    x = keras.Input((28, 28))
    h = layers.Dense(32)(x)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(4, 8)(h, h))
    h = layers.LayerNormalization()(h + layers.Dense(32)(layers.Dense(64, activation="gelu")(h)))
    return keras.Model(x, layers.Dense(10)(layers.GlobalAveragePooling1D()(h)))


def _mlp() -> Any:
    dense = keras.layers.Dense
    return keras.Sequential(
        [
            keras.Input((784,)),
            dense(512, activation="relu"),
            dense(512, activation="relu"),
            dense(10),
        ]
    )


def _cnn() -> Any:
    from flax import nnx

    import callbax as cb

    class Network(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.first = nnx.Conv(1, 8, (3, 3), rngs=rngs)
            self.second = nnx.Conv(8, 16, (3, 3), rngs=rngs)
            self.last = nnx.Linear(7 * 7 * 16, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            for layer in (self.first, self.second):
                x = nnx.max_pool(nnx.relu(layer(x)), (2, 2), strides=(2, 2))
            return self.last(x.reshape(x.shape[0], -1))

    return cb.Model(Network(nnx.Rngs(0)))


MODELS: dict[str, Callable[[], Any]] = {
    "cnn": _cnn,
    "convolution": _convolution,
    "lstm": _lstm,
    "mlp": _mlp,
    "transformer": _transformer,
}
