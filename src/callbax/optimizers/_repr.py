"""How an optimizer is shown."""

from collections.abc import Iterator
from typing import Any

from callbax._core._config import config_of, parameters
from callbax._core._markup import table


def told(optimizer: Any) -> str:
    """Returns the call that makes an optimizer: its rate, and what is not as by default.

    The rate is the one at the current batch; a schedule is named by its class.

    Args:
        optimizer: An `Optimizer`.
    """
    arguments = [f"{name}={value}" for name, value in _arguments(optimizer)]
    return f"{type(optimizer).__name__}({', '.join(arguments)})"


def told_in_html(optimizer: Any) -> str:
    """Returns what a notebook shows of an optimizer: its rate and all its other arguments."""
    rows = list(_arguments(optimizer, defaults_too=True))
    return table(("", "value"), rows, title=type(optimizer).__name__)


def _arguments(optimizer: Any, *, defaults_too: bool = False) -> Iterator[tuple[str, str]]:
    schedule = optimizer.live.schedule
    if schedule is not None:
        yield "learning_rate", getattr(schedule, "__name__", type(schedule).__name__)
    elif not optimizer.live.is_hidden:
        try:
            yield "learning_rate", f"{float(optimizer.learning_rate):.6g}"
        except ValueError:  # several models use it, each with a rate of its own
            yield "learning_rate", "..."
    defaults = parameters(type(optimizer))
    leave_out = ("lr", "learning_rate", "name", "transformation")
    try:
        found = config_of(optimizer, leave_out=leave_out)
    except ValueError:  # likewise
        return
    for name, value in found.items():
        if defaults_too or value != defaults[name].default:
            yield name, repr(value)
