"""A small fit that a callback is tried in, and all that it ends with."""

import copy
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from callbax import layers, optimizers, utils
from callbax._core._errors import explain
from callbax.models import Model, Sequential

ROWS, BATCH, EPOCHS = 22, 4, 3  # six batches in a pass, the last one of 2
_RNG = np.random.default_rng(0)
X = _RNG.normal(size=(ROWS, 4)).astype("float32")
Y = _RNG.normal(size=(ROWS, 1)).astype("float32")

MakeModel = Callable[[], Model | Sequential]


def make_model() -> Model | Sequential:
    """Returns a model that suits most callbacks: it has a metric, and averages of its weights."""
    model = Sequential([layers.Dense(3, "relu"), layers.Dropout(0.2, seed=1), layers.Dense(1)])
    model.compile(optimizers.Adam(0.01, use_ema=True), "mse", metrics=["mae"])
    return model


@dataclass(frozen=True)
class Trial:
    """A callback and the fit that it is tried in.

    Attributes:
        make: Returns a new callback.
        make_model: Returns a new compiled model for inputs of shape (batch, 4) and targets of
            shape (batch, 1).
        ignored: Attributes and keys of the state that may differ from one fit to another.
    """

    make: Callable[[], Any]
    make_model: MakeModel
    ignored: Collection[str]

    @property
    def name(self) -> str:
        """The class name of the callback."""
        return type(self.make()).__name__

    def new_model(self) -> Any:
        """Returns a model with the first weights that every trial starts from."""
        utils.set_random_seed(5)
        return self.make_model()

    def fit(self, callbacks: list[Any], model: Any = None) -> dict[str, Any]:
        """Fits; returns the weights and the History that it ends with."""
        model = self.new_model() if model is None else model
        rest: dict[str, Any] = {"verbose": 0, "callbacks": callbacks}
        model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, validation_data=(X[:8], Y[:8]), **rest)
        return {"weights": model.get_weights(), "history": dict(model.history.history)}

    def ends_with(self, callback: Any) -> dict[str, Any]:
        """Returns what a callback holds: its own attributes, and its state if it has one."""
        hidden = {"_model", "params", "model", *self.ignored}
        own = {k: copy.copy(v) for k, v in vars(callback).items() if _plain(v)}
        found = {name: value for name, value in own.items() if name not in hidden}
        if has_state(callback):
            state = callback.state_dict()
            found |= {f"state {k!r}": v for k, v in state.items() if k not in self.ignored}
        return found


def has_state(callback: object) -> bool:
    """Returns whether backups keep a callback's state."""
    return all(hasattr(type(callback), name) for name in ("state_dict", "load_state_dict"))


def failed(where: str, *, expected: str, received: str, action: str) -> AssertionError:
    """Returns what a check raises, in four beats."""
    message = explain(
        f"check_callback({where})", expected=expected, received=received, action=action
    )
    return AssertionError(message)


def _plain(value: object) -> bool:
    """Returns whether a value can be compared: numbers, strings, None, arrays, and of these."""
    if isinstance(value, dict):
        return all(_plain(key) and _plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    simple = isinstance(value, bool | int | float | str | None)
    return simple or (hasattr(value, "dtype") and hasattr(value, "shape"))
