"""Names of optimizers, and the way from what a user passed to an optimizer."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import optax

from callbax._core._registry import Registry
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers.optax_optimizer import OptaxOptimizer

OptimizerLike: TypeAlias = (
    str | Optimizer | type[Optimizer] | optax.GradientTransformation | Mapping[str, Any]
)
"""A name, an `Optimizer` or its class, an optax transformation, or a config."""
OPTIMIZERS = Registry("optimizer", alternatives="an `Optimizer`, or an optax transformation")


def get(identifier: OptimizerLike | None, *, where: str | None = None) -> Optimizer | None:
    """Finds the optimizer that a user meant.

    Args:
        identifier: A name in any case, an `Optimizer` or a class of one, an
            ``optax.GradientTransformation``, a dict of ``class_name`` and ``config``, or ``None``.
        where: The public call to name in an error, without backticks.

    Returns:
        The optimizer; ``None`` for ``None``.

    Raises:
        ValueError: No optimizer has that name.
        TypeError: The identifier is not one of these.

    Example:
        >>> float(get("RMSprop").learning_rate)
        0.0010000000474974513
        >>> get(optax.adam(0.01)).transformation(0.0).init
        <function ...>

    Source: ``keras.optimizers.get``.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, optax.GradientTransformation):
        return OptaxOptimizer(identifier)
    named = f"optimizers.get({identifier!r})" if isinstance(identifier, str) else None
    found, config = OPTIMIZERS.resolve(identifier, where=where or named or "optimizers.get(...)")
    if not isinstance(found, type) or not issubclass(found, Optimizer):
        raise OPTIMIZERS.reject(identifier, where=where or "optimizers.get(...)")
    return found.from_config(config)
