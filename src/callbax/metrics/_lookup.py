"""Names of metrics, and the way from what a user passed to a metric."""

from collections.abc import Callable, Sequence
from typing import Any

from callbax._core._errors import explain
from callbax._core._registry import Registry
from callbax._core._types import MetricLike
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
            METRICS.lookup(identifier, where=f"compile(metrics=[{identifier!r}])")
    else:
        found, _ = METRICS.resolve(identifier, where="compile(metrics=[...])")
        is_keras_metric(found)


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
        TypeError: The identifier is not one of these.

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
        if all(hasattr(found, method) for method in ("empty", "update", "compute")):
            metric: Metric = found
            return metric
        if is_keras_metric(found):
            return KerasMetric(found, y_true_shape, y_pred_shape)
        return MeanMetricWrapper(found, name=object_name(found))
    by_shape = CHOSEN_BY_SHAPE.get(identifier.lower())
    name = by_shape[label_kind(y_true_shape, y_pred_shape)] if by_shape else identifier
    make = METRICS.lookup(name, where=f"compile(metrics=[{identifier!r}])")
    from_logits = by_shape is CROSSENTROPIES and getattr(loss, "from_logits", False)
    made: Metric = make(name=identifier, **({"from_logits": True} if from_logits else {}))
    return made
