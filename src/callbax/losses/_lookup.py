"""Names of losses, and the way from what a user passed to a loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from callbax._core._naming import snake_case
from callbax._core._registry import Registry
from callbax._core._types import LossLike
from callbax.losses._functions import check_function
from callbax.losses._keras import KerasLoss, is_keras, need_jax
from callbax.losses._loss import Loss
from callbax.losses._shapes import label_kind
from callbax.losses._wrapper import LossFunctionWrapper

LOSSES = Registry(
    "loss", alternatives="a `Loss`, or a function of (y_true, y_pred) such as optax's"
)


def get(
    identifier: LossLike | type | None, *, where: str | None = None
) -> Callable[..., Any] | None:
    """Finds the loss that a user meant.

    Args:
        identifier: A name, a `Loss` or a class of one, a function of (y_true, y_pred), a dict
            of ``class_name`` and ``config``, or ``None``.
        where: The public call to name in an error, without backticks.

    Returns:
        A `Loss`, or a function; ``None`` for ``None``. As in Keras, "mean_squared_error" and
        "mse" are functions, "MeanSquaredError" is a `Loss`.

    Raises:
        ValueError: No loss has that name.
        TypeError: The identifier is not one of these.

    Example:
        >>> get("mse").__name__, get("MeanSquaredError").name
        ('mean_squared_error', 'mean_squared_error')

    Source: ``keras.losses.get``.
    """
    if identifier is None:
        return None
    found, config = LOSSES.resolve(identifier, where=where)
    return found(**config) if isinstance(found, type) else found


def check(identifier: LossLike | type | None) -> None:
    """Raises unless ``compile(loss=...)`` takes an identifier; nothing is made of it.

    Raises:
        ValueError: No loss has that name.
        TypeError: The identifier is not a loss.
    """
    where = f"compile(loss={identifier!r})" if isinstance(identifier, str) else "compile(loss=...)"
    if isinstance(identifier, str) and identifier.lower() in _CHOSEN_BY_SHAPE:
        return
    if identifier is not None:
        LOSSES.resolve(identifier, where=where)
        if isinstance(identifier, str | Mapping | type | Loss):
            return
        if is_keras(identifier, "losses", "Loss"):
            need_jax(where)
        else:
            check_function(where, identifier)


def resolve(
    identifier: LossLike | type | None,
    *,
    y_true_shape: Sequence[int | None],
    y_pred_shape: Sequence[int | None],
) -> Loss | None:
    """Makes a `Loss` of what a user passed to ``compile(loss=...)``.

    Args:
        identifier: What `get` takes, or "crossentropy" ("ce"): binary, sparse or categorical as
            the shapes say.
        y_true_shape: Shape of a batch of labels.
        y_pred_shape: Shape of a batch of predictions.

    Returns:
        The loss, named as the user wrote it; ``None`` for ``None``.

    Raises:
        ValueError: No loss has that name.
        TypeError: The identifier is not one of these.

    Example:
        >>> loss = resolve("ce", y_true_shape=(32,), y_pred_shape=(32, 10))
        >>> loss.name, loss.fn.__name__
        ('ce', 'sparse_categorical_crossentropy')

    Source: ``get_loss`` in Keras's ``compile_utils``.
    """
    chosen = identifier
    if isinstance(identifier, str) and identifier.lower() in _CHOSEN_BY_SHAPE:
        chosen = CROSSENTROPIES[label_kind(y_true_shape, y_pred_shape)]
    where = f"compile(loss={identifier!r})" if isinstance(identifier, str) else "compile(loss=...)"
    found = get(chosen, where=where)
    if found is None or isinstance(found, Loss):
        return found
    if is_keras(found, "losses", "Loss"):
        return KerasLoss(found)
    name = identifier if isinstance(identifier, str) else object_name(found)
    return LossFunctionWrapper(found, name=name)


_CHOSEN_BY_SHAPE = ("crossentropy", "ce")
CROSSENTROPIES = {
    "binary": "binary_crossentropy",
    "sparse": "sparse_categorical_crossentropy",
    "categorical": "categorical_crossentropy",
}


def object_name(thing: object) -> str:
    """Returns the name a loss or metric goes by: its own, its function's or its class's.

    Source: ``get_object_name`` in Keras.
    """
    if hasattr(thing, "name"):
        return str(thing.name)
    return snake_case(getattr(thing, "__name__", type(thing).__name__))
