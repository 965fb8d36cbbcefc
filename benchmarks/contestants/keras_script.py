"""The same script for callbax and for Keras on its three backends."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from benchmarks.cases import DEEP_LAYERS, NARROW, VALIDATION_SHARE, Run
from benchmarks.data import arrays

if "KERAS_BACKEND" in os.environ:
    import keras

    BUILTINS = {}
else:
    from benchmarks.contestants.builtins import BUILTINS

    from callbax import keras

BUSY_SECONDS = 2e-3
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


class _Busy(Callback):
    """Computes for a while on the host at every batch, and reads the loss."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        until = time.perf_counter() + BUSY_SECONDS
        while time.perf_counter() < until:
            pass
        self.loss = logs["loss"]


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
    "busy": _Busy,
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
    if run.model in NARROW:
        model.compile("adam", "mse", metrics=["mae"])
        return model
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
        steps = size.rows // size.batch
        if run.do == "generator":
            return model.fit(_batches(x, y, size.batch), steps_per_epoch=steps, **common)
        if run.do == "pydataset":
            return model.fit(_Rows(x, y, size.batch), shuffle=False, **common)
        if run.do == "first" and run.model != "large":
            held = len(x) // VALIDATION_SHARE
            common["validation_data"] = x[:held], y[:held]
            return model.fit(x[held:], y[held:], size.batch, **common)
        return model.fit(x, y, size.batch, **common)

    return fit


class _Rows(keras.utils.PyDataset):
    """Full batches of arrays by number."""

    def __init__(self, x: np.ndarray, y: np.ndarray, size: int) -> None:
        super().__init__()
        self.x, self.y, self.size = x, y, size

    def __len__(self) -> int:
        return len(self.x) // self.size

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(number * self.size, (number + 1) * self.size)
        return self.x[rows], self.y[rows]


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


def _mlp(width: int) -> Any:
    dense = keras.layers.Dense
    return keras.Sequential(
        [
            keras.Input((784,)),
            dense(width, activation="relu"),
            dense(width, activation="relu"),
            dense(10),
        ]
    )


def _stacked(name: str, layers: int, activation: str | None) -> Any:
    width = NARROW[name]
    dense = [keras.layers.Dense(width, activation=activation) for _ in range(layers)]
    return keras.Sequential([keras.Input((width,)), *dense])


def _nnx(name: str) -> Any:
    from benchmarks.contestants.nnx_models import MODULES
    from flax import nnx

    import callbax as cb

    return cb.Model(MODULES[name](nnx.Rngs(0)))


MODELS: dict[str, Callable[[], Any]] = {
    "cnn": lambda: _nnx("cnn"),
    "convolution": _convolution,
    "deep": lambda: _stacked("deep", DEEP_LAYERS, "relu"),
    "gpt": lambda: _nnx("gpt"),
    "gpt-25m": lambda: _nnx("gpt-25m"),
    "large": lambda: _stacked("large", 1, None),
    "lstm": _lstm,
    "mlp": lambda: _mlp(512),
    "mlp-4096": lambda: _mlp(4096),
    "resnet-18": lambda: _nnx("resnet-18"),
    "transformer": _transformer,
}
