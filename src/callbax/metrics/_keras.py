"""Metric objects of Keras itself, which scripts that move over may still hand to ``compile``."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._types import Array, ArrayLike
from callbax.losses._keras import is_keras, need_jax
from callbax.metrics._metric import Metric

_WHERE = "compile(metrics=[...])"
State = tuple[Array, ...]


class KerasMetric(Metric):
    """A metric object of Keras as one of callbax, through its stateless methods.

    Args:
        metric: The object.
        y_true_shape: Shape of a batch of labels.
        y_pred_shape: Shape of a batch of predictions.
    """

    def __init__(
        self, metric: Any, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
    ) -> None:
        super().__init__(metric.name)
        self.metric = metric
        self.direction: str | None = getattr(metric, "_direction", None)
        if not metric.variables:  # some make them when they see the first shapes
            shapes = (y_true_shape, y_pred_shape)
            metric.update_state(*(np.zeros([d or 1 for d in s], "float32") for s in shapes))

    def empty(self) -> State:
        """Returns the variables before any batch."""
        return _values(self.metric.stateless_reset_state())

    def update(
        self,
        state: State,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> State:
        """Returns the variables after one more batch; arguments as for every metric."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        new = self.metric.stateless_update_state(list(state), y_true, y_pred, **weights)
        pairs = zip(_values(new), state, strict=True)
        return tuple(jnp.asarray(value, old.dtype) for value, old in pairs)

    def compute(self, state: State) -> Array:
        """Returns the value over all batches seen, a scalar.

        Raises:
            TypeError: The metric has several values.
        """
        value = self.metric.stateless_result(list(state))
        if isinstance(value, Mapping) or np.ndim(value):
            raise _refusal(self.metric, "one value", describe(value))
        return jnp.asarray(value)


def is_keras_metric(thing: object) -> bool:
    """Returns whether a thing is a metric object of Keras.

    Raises:
        TypeError: It is one that does not compare labels and predictions.
        ValueError: Keras does not run on JAX.
    """
    if isinstance(thing, Metric):
        return False
    if not is_keras(thing, "metrics", "Metric"):
        stateful = all(hasattr(thing, name) for name in ("update_state", "result", "reset_state"))
        if stateful and not isinstance(thing, type) and not hasattr(thing, "compute"):
            raise _refusal(thing, "pure methods `empty`, `update` and `compute`", "a stateful one")
        return False
    need_jax(_WHERE)
    update: Any = getattr(thing, "update_state")  # noqa: B009  only now it is known to be there
    taken = [name for name in inspect.signature(update).parameters if name != "sample_weight"]
    if len(taken) < 2:
        raise _refusal(thing, "labels and predictions", f"`update_state({', '.join(taken)})`")
    return True


def _refusal(metric: object, expected: str, received: str) -> TypeError:
    return TypeError(
        explain(
            _WHERE,
            expected=f"a metric with {expected}",
            received=f"a {type(metric).__name__} with {received}",
            action="Pass a function of (y_true, y_pred), or a `Metric` of your own.",
        )
    )


def _values(variables: Sequence[Any]) -> State:
    return tuple(jnp.asarray(getattr(variable, "value", variable)) for variable in variables)
