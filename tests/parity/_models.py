"""The models and the data that the cases share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

EMA = [
    (0.0, None, None),
    (0.5, None, None),
    (1.0, None, None),
    (0.5, 1, None),
    (0.9, 2, None),
    (0.5, 2, 2),
]
"""``ema_momentum``, ``ema_overwrite_frequency`` and ``gradient_accumulation_steps``."""


def averaging(momentum: float, every: int | None, steps: int | None) -> Callable[[Any], Any]:
    """Makes an optimizer that keeps averages of the weights."""
    return lambda lib: lib.optimizers.SGD(
        learning_rate=0.1,
        momentum=0.9,
        use_ema=True,
        ema_momentum=momentum,
        ema_overwrite_frequency=every,
        gradient_accumulation_steps=steps,
    )


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda lib: lib.optimizers.SGD(learning_rate=0.1),
    "momentum": lambda lib: lib.optimizers.SGD(learning_rate=0.1, momentum=0.9),
    "nesterov": lambda lib: lib.optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda lib: lib.optimizers.RMSprop(learning_rate=0.05),
    "adam": lambda lib: lib.optimizers.Adam(learning_rate=0.05),
    "by name": lambda lib: "rmsprop",
    **{f"averaging{options}": averaging(*options) for options in EMA},
}

NETS: dict[str, Callable[[Any], list[Any]]] = {
    "linear": lambda layers: [layers.Input((3,)), layers.Dense(1)],
    "sigmoid": lambda layers: [layers.Input((3,)), layers.Dense(1, activation="sigmoid")],
    "softmax": lambda layers: [
        layers.Input((3,)),
        layers.Dense(4, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ],
    "flatten": lambda layers: [
        layers.Input((2, 3)),
        layers.Flatten(),
        layers.Dense(4, activation="tanh"),
        layers.Dense(1, use_bias=False),
    ],
}

_draw = np.random.default_rng(20)
_ROWS = 80
_CLASSES = _draw.integers(0, 3, _ROWS)
INPUTS = {
    "flat": _draw.normal(size=(_ROWS, 3)).astype("float32"),
    "square": _draw.normal(size=(_ROWS, 2, 3)).astype("float32"),
}
TARGETS = {
    "real": _draw.normal(size=(_ROWS, 1)).astype("float32"),
    "binary": (_CLASSES > 0).astype("float32")[:, None],
    "class": _CLASSES.astype("int32"),
    "class column": _CLASSES.astype("int32")[:, None],
    "one-hot": np.eye(3, dtype="float32")[_CLASSES],
}
WEIGHTS = _draw.uniform(0.2, 2.0, size=_ROWS).astype("float32")


@dataclass(frozen=True)
class Model:
    """A model by names; equal ones share one compiled Keras model."""

    net: str = "linear"
    target: str = "real"
    loss: str = "mse"
    metrics: tuple[str, ...] = ("mae",)
    weighted_metrics: tuple[str, ...] = ()
    optimizer: str = "sgd"

    def build(self, lib: Any, **more: Any) -> Any:
        """Builds and compiles it in a library, with weights that only depend on shapes."""
        model = lib.Sequential(NETS[self.net](lib.layers))
        model.compile(
            optimizer=OPTIMIZERS[self.optimizer](lib),
            loss=self.loss,
            metrics=list(self.metrics) or None,
            weighted_metrics=list(self.weighted_metrics) or None,
            **more,
        )
        model.set_weights(first_weights(model))
        return model


def first_weights(model: Any) -> list[np.ndarray]:
    """Weights that only depend on the shapes."""
    draw = np.random.default_rng(7)
    return [draw.normal(0, 0.5, w.shape).astype("float32") for w in model.get_weights()]
