"""Names of metrics, and the way from what a user passed to a metric."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from callbax._core._config import parameters
from callbax._core._errors import explain
from callbax._core._registry import Registry
from callbax._core._types import MetricLike
from callbax.losses._functions import check_function
from callbax.losses._lookup import CROSSENTROPIES, object_name
from callbax.losses._shapes import label_kind
from callbax.metrics._keras import KerasMetric, is_keras_metric
from callbax.metrics._metric import Metric
from callbax.metrics._wrapper import MeanMetricWrapper

METRICS = Registry(
    "metric", alternatives="a `Metric`, or a function of (y_true, y_pred) such as optax's losses"
)

ACCURACIES = {
    "binary": "binary_accuracy",
    "sparse": "sparse_categorical_accuracy",
    "categorical": "categorical_accuracy",
}
CHOSEN_BY_SHAPE = {
    "accuracy": ACCURACIES,
    "acc": ACCURACIES,
    "crossentropy": CROSSENTROPIES,
    "ce": CROSSENTROPIES,
}

_METHODS = ("empty", "update", "compute")
"""What makes an object a metric of callbax."""


def get(
    identifier: MetricLike | type | None, *, where: str | None = None
) -> Callable[..., Any] | None:
    """Finds the metric that a user meant.

    Args:
        identifier: A name, a `Metric` or a class of one, a function of (y_true, y_pred), a dict
            of ``class_name`` and ``config``, or ``None``.
        where: The public call to name in an error, without backticks.

    Returns:
        A `Metric`, or the function that was passed; ``None`` for ``None``.

    Raises:
        ValueError: No metric has that name.
        TypeError: The identifier is not one of these.

    Example:
        >>> get("mse").name
        'mean_squared_error'

    Source: ``keras.metrics.get``.
    """
    if identifier is None:
        return None
    found, config = METRICS.resolve(identifier, where=where)
    return found(**config) if isinstance(found, type) else found


def check(identifier: MetricLike | type | None) -> None:
    """Raises unless ``compile(metrics=[...])`` takes an identifier; nothing is made of it.

    Raises:
        ValueError: No metric has that name, or it is None.
        TypeError: The identifier is not a metric.
    """
    if identifier is None:
        raise ValueError(
            explain(
                "compile(metrics=[...])",
                expected="a metric in every place",
                received="None",
                action="Leave it out.",
            )
        )
    if isinstance(identifier, str):
        if identifier.lower() not in CHOSEN_BY_SHAPE:
            _need_no_arguments(identifier)
    else:
        found, _ = METRICS.resolve(identifier, where="compile(metrics=[...])")
        is_metric = all(hasattr(found, method) for method in _METHODS)
        if not is_keras_metric(found) and not is_metric and not isinstance(identifier, Mapping):
            check_function("compile(metrics=[...])", found)


def resolve(
    identifier: MetricLike | type | None,
    *,
    y_true_shape: Sequence[int | None],
    y_pred_shape: Sequence[int | None],
    loss: object = None,
) -> Metric:
    """Makes a `Metric` of one of those that a user passed to ``compile(metrics=[...])``.

    Args:
        identifier: What `get` takes, or "accuracy" ("acc") or "crossentropy" ("ce"): binary,
            sparse or categorical as the shapes say.
        y_true_shape: Shape of a batch of labels.
        y_pred_shape: Shape of a batch of predictions.
        loss: The loss of that output; "crossentropy" follows its ``from_logits``.

    Returns:
        The metric, named as the user wrote it.

    Raises:
        ValueError: No metric has that name, or it is ``None``.
        TypeError: The identifier is not one of these, or has several values.

    Example:
        >>> metric = resolve("acc", y_true_shape=(32,), y_pred_shape=(32, 10))
        >>> metric.name, type(metric).__name__
        ('acc', 'SparseCategoricalAccuracy')

    An object of Keras's own works too, if Keras runs on JAX.

    Differs from Keras: "crossentropy" is known here too, as in TensorFlow 2.

    Source: ``get_metric`` in Keras's ``compile_utils``.
    """
    check(identifier)
    if not isinstance(identifier, str):
        found: Any = get(identifier, where="compile(metrics=[...])")
        if all(hasattr(found, method) for method in _METHODS):
            if hasattr(found, "shaped"):
                found = found.shaped(y_true_shape, y_pred_shape)
            return _need_one_value(found)
        if is_keras_metric(found):
            return KerasMetric(found, y_true_shape, y_pred_shape)
        return MeanMetricWrapper(found, name=object_name(found))
    by_shape = CHOSEN_BY_SHAPE.get(identifier.lower())
    name = by_shape[label_kind(y_true_shape, y_pred_shape)] if by_shape else identifier
    make = METRICS.lookup(name, where=f"compile(metrics=[{identifier!r}])")
    from_logits = by_shape is CROSSENTROPIES and getattr(loss, "from_logits", False)
    made: Metric = make(name=identifier, **({"from_logits": True} if from_logits else {}))
    return _need_one_value(made.shaped(y_true_shape, y_pred_shape))


def _need_no_arguments(name: str) -> None:
    """Raises if a metric of a name cannot be made without arguments, or if there is none."""
    found = METRICS.lookup(name, where=f"compile(metrics=[{name!r}])")
    arguments = parameters(found) if isinstance(found, type) else {}
    needed = [of for of, given in arguments.items() if given.default is given.empty]
    if needed:
        raise ValueError(
            explain(
                f"compile(metrics=[{name!r}])",
                expected=f"a metric that is made without arguments, or one with `{needed[0]}`",
                received=f'the name "{name}"',
                action=f"Pass `metrics.{found.__name__}({needed[0]}=...)`.",
            )
        )


def _need_one_value(metric: Metric) -> Metric:
    """Raises if a metric has several values: logs hold one number under each name."""
    values = jax.tree.leaves(jax.eval_shape(lambda: metric.compute(metric.empty())))
    if sum(math.prod(value.shape) for value in values) == 1:
        return metric
    received = " and ".join(str(value.shape) for value in values)
    raise TypeError(
        explain(
            "compile(metrics=[...])",
            expected="a metric with one value",
            received=f"a {type(metric).__name__} with values of shape {received}",
            action="Pass one threshold for each metric, or an `average` of the classes such as "
            '"macro".',
        )
    )
