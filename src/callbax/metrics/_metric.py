"""The base class of metrics: a pure core, and Keras's stateful methods on top."""

from collections.abc import Mapping
from typing import Any, NoReturn, Self

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from callbax._core._config import config_of
from callbax._core._errors import explain
from callbax._core._naming import auto_name
from callbax._core._types import Array, PyTree, Shape


class Metric:
    """Measures a model over many batches.

    Subclass it for a metric of your own: override `empty`, `update` and `compute`. They run inside
    a compiled loop, so they must be pure, written in ``jax.numpy``, and the state must keep its
    shapes and dtypes. For the mean of a value per sample, pass a plain function of
    (y_true, y_pred) instead.

    Args:
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Attributes:
        direction: "up" if higher is better, "down" if lower is, ``None`` if unknown;
            callbacks that monitor the metric read it.

    Example:
        >>> class Largest(Metric):
        ...     direction = "up"
        ...     def empty(self):
        ...         return jnp.float32(-jnp.inf)
        ...     def update(self, state, y_true, y_pred, sample_weight=None):
        ...         return jnp.maximum(state, jnp.max(y_pred))
        ...     def compute(self, state):
        ...         return state
        >>> largest = Largest()
        >>> largest.update_state(None, jnp.array([1.0, 3.0]))
        >>> float(largest(None, jnp.array([2.0])))
        3.0

    Differs from Keras: the state is a value that goes in and out, not variables of the object.

    Source: ``keras.metrics.Metric``.
    """

    direction: str | None = None
    _state: PyTree = None

    def __init__(self, name: str | None = None, dtype: DTypeLike | None = None) -> None:
        self.name: str = name or auto_name(type(self).__name__)
        self.dtype: np.dtype[Any] = jnp.dtype(dtype or jnp.float32)

    def shaped(self, y_true_shape: Shape, y_pred_shape: Shape) -> Self:
        """Returns the metric for batches of these shapes.

        Override it if the state's shapes depend on them; a model asks before the first batch.

        Args:
            y_true_shape: Shape of a batch of labels.
            y_pred_shape: Shape of a batch of predictions.
        """
        return self

    def empty(self) -> PyTree:
        """Returns the state before any batch: a pytree of arrays, not ``None``."""
        self._refuse("empty(self)")

    def update(self, state: PyTree, *args: Any, **kwargs: Any) -> PyTree:
        """Returns the state after one more batch.

        Args:
            state: The state so far.
            *args: ``y_true``, ``y_pred`` and ``sample_weight=None``.
            **kwargs: Likewise, by name.
        """
        self._refuse("update(self, state, y_true, y_pred, sample_weight=None)")

    def compute(self, state: PyTree) -> Array:
        """Returns the value over all batches seen, a scalar."""
        self._refuse("compute(self, state)")

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Takes in one more batch, outside of ``fit``; arguments as for `update`."""
        self._state = self.update(self._current(), *args, **kwargs)

    def result(self) -> Array:
        """Returns the value over the batches since the last `reset_state`."""
        return self.compute(self._current())

    def reset_state(self) -> None:
        """Forgets all batches."""
        self._state = None

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        """Takes in one more batch and returns the value so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, from which `from_config` makes an equal metric."""
        return config_of(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes a metric from what `get_config` returned.

        Args:
            config: The constructor's arguments by name.
        """
        return cls(**config)

    def _current(self) -> PyTree:
        return self.empty() if self._state is None else self._state

    def _refuse(self, method: str) -> NoReturn:
        raise NotImplementedError(
            explain(
                type(self).__name__,
                expected=f"a metric that overrides `{method}`",
                received="one that does not",
                action="Define `empty`, `update` and `compute`, or pass a plain function of "
                "(y_true, y_pred). Variables and `update_state` of Keras's own metrics have no "
                "place in a compiled loop.",
            )
        )
