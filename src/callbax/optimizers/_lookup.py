"""Names of optimizers, and the way from what a user passed to an optimizer."""

import inspect
from collections.abc import Mapping
from typing import Any, TypeAlias

import optax

from callbax._core._errors import describe, explain
from callbax._core._registry import Registry
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers._rate import takes_one_argument
from callbax.optimizers.optax_optimizer import OptaxOptimizer
from callbax.optimizers.schedules._schedule import LearningRateSchedule

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
    place = where or named or "optimizers.get(...)"
    if (action := _missing_call(identifier)) is not None:
        raise TypeError(
            explain(
                place,
                expected="an optimizer, or the name of one",
                received=_told(identifier),
                action=action,
            )
        )
    found, config = OPTIMIZERS.resolve(identifier, where=place)
    if not isinstance(found, type) or not issubclass(found, Optimizer):
        raise OPTIMIZERS.reject(identifier, where=place)
    return found.from_config(config)


def in_compile(identifier: object) -> str:
    """Returns how errors name ``compile`` with an optimizer."""
    told = repr(identifier) if isinstance(identifier, str) else "..."
    return f"compile(optimizer={told})"


def _missing_call(identifier: object) -> str | None:
    """Returns what to do about something that is one step from an optimizer; None for others."""
    name = getattr(identifier, "__name__", "")
    if isinstance(identifier, LearningRateSchedule):
        return "Make an optimizer with it: optimizers.Adam(learning_rate=schedule)."
    if isinstance(getattr(identifier, "tx", None), optax.GradientTransformation):
        return "Pass its transformation, `optimizer.tx`; callbax keeps the state itself."
    if isinstance(identifier, type) or not callable(identifier):
        return None
    if "learning_rate" in _parameters(identifier):
        return f"Call it: optax.{name}(learning_rate=0.001), or optax.{name}(schedule)."
    if _parameters(identifier) and takes_one_argument(identifier):
        return (
            "A schedule goes into an optimizer: optimizers.Adam(learning_rate=schedule), or "
            "optax.adam(schedule)."
        )
    return f"Call it: optax.{name}(...)." if _is_of_optax(identifier) else None


def _told(identifier: object) -> str:
    name = getattr(identifier, "__name__", None)
    if name is None or name == "<lambda>":
        return describe(identifier)
    return f"the function optax.{name}" if _is_of_optax(identifier) else f"the function {name}"


def _is_of_optax(function: object) -> bool:
    inside = "<locals>" in getattr(function, "__qualname__", "")
    return str(getattr(function, "__module__", "")).startswith("optax.") and not inside


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # some callables tell nothing
        return {}
