"""The distribution that models take when they are made."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callbax.distribution._distributions import Distribution

_CURRENT: ContextVar["Distribution | None"] = ContextVar("distribution", default=None)


def distribution() -> "Distribution | None":
    """Returns what `set_distribution` was given last; None if nothing was."""
    return _CURRENT.get()


def set_distribution(value: "Distribution | None") -> None:
    """Lets models that are made from now on take a distribution.

    A model reads it once, when it is made, and keeps it.

    Args:
        value: The distribution; None for none.

    Example:
        >>> from callbax.distribution import DataParallel
        >>> set_distribution(DataParallel(devices=["cpu:0"]))
        >>> distribution().num_model_replicas
        1
        >>> set_distribution(None)
    """
    _CURRENT.set(value)
