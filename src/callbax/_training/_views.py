"""A model's weights and metrics as objects, live: as scripts written for Keras read them."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import explain
from callbax._core._types import Array, ArrayLike
from callbax._modules._protocol import Weight
from callbax._training._engine import Engine
from callbax._training._weights import with_weights


class WeightView:
    """One weight of a model, read and written as of the current batch.

    Args:
        engine: What runs the model.
        weight: How the weight is called.

    Attributes:
        path: Its name among the model's variables: ``sequential/dense/kernel``.
        name: The last part of that.
        trainable: Whether training changes it.
        shape: Its shape.
        dtype: Its dtype.

    Source: ``keras.Variable``, as far as callbacks use it.
    """

    def __init__(self, engine: Engine, weight: Weight) -> None:
        self._engine, self._weight = engine, weight
        self.path: str = weight.name
        self.name: str = weight.name.rpartition("/")[2]
        array = self.value
        self.trainable: bool = weight.path in engine.read_variables().params
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype: str = str(array.dtype)

    @property
    def value(self) -> Array:
        """The array at the current batch."""
        return self._engine.read_variables().weights[self._weight.path]

    def numpy(self) -> NDArray[Any]:
        """Returns a copy of the array."""
        return np.array(self.value)

    def assign(self, value: ArrayLike) -> None:
        """Replaces the array; in a hook it counts from the next step on.

        Raises:
            ValueError: The shape differs; nothing was changed.
        """
        if np.shape(value) != self.shape:
            raise ValueError(
                explain(
                    f"{self.path}.assign",
                    expected=f"an array of shape {self.shape}",
                    received=f"shape {np.shape(value)}",
                    action="Pass values for the whole weight.",
                )
            )
        state = self._engine.read()
        self._engine.write(with_weights(state, {self._weight.path: value}))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.numpy(), dtype)

    def __jax_array__(self) -> Array:
        return jnp.asarray(self.value)

    def __repr__(self) -> str:
        return f"<WeightView {self.path}, shape={self.shape}, dtype={self.dtype}>"


class MetricView:
    """What a model reports under one key, as of the current batch.

    Args:
        engine: What runs the model.
        name: The key of the logs.

    Attributes:
        name: The key of the logs.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self.name = engine, name

    def result(self) -> float:
        """Returns the value over the epoch so far; 0 between runs, when nothing was seen."""
        logs: dict[str, float] = self._engine.logs()
        return logs.get(self.name, 0.0)

    def __repr__(self) -> str:
        return f"<MetricView {self.name}>"


def weight_views(engine: Engine, *, trainable: bool | None = None) -> list[WeightView]:
    """Returns the weights of a model in Keras's order; none before it is built.

    Args:
        engine: What runs the model.
        trainable: Only those that training changes, or only the others; None for all.
    """
    if not engine.functional.built:
        return []
    views = [WeightView(engine, weight) for weight in engine.functional.weights()]
    return [view for view in views if trainable is None or view.trainable is trainable]
