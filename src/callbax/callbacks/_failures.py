"""What happens if a callback fails: the run ends, or continues without the callback."""

import traceback
from collections.abc import Mapping
from typing import Any, Literal

from callbax._core._errors import closest, describe, explain
from callbax._core._warnings import warn

OnFailure = Literal["raise", "warn"]
"""Whether a failing callback ends the run; see `Callback`."""
Failures = OnFailure | Mapping[Any, OnFailure] | None
"""What overrides the callbacks' own: for all, or for classes and single callbacks."""

ON_FAILURE = ("raise", "warn")
_FRAMES = 30
"""Frames of a traceback that are shown, the innermost ones."""


def failure_policy(callback: object) -> str:
    """Returns a callback's own `on_failure`; "raise" for one that knows nothing of it."""
    policy = getattr(callback, "on_failure", "raise")
    return policy if isinstance(policy, str) else "raise"


def is_user_s(callback: object) -> bool:
    """Returns whether it is a callback, and no part of the run that is called like one."""
    return getattr(type(callback), "belongs_to_run", False) is not True


def check_failure_policy(where: str, policy: object) -> None:
    """Raises for a policy that does not exist.

    Raises:
        ValueError: It is neither "raise" nor "warn".
    """
    if policy not in ON_FAILURE:
        raise ValueError(
            explain(
                where,
                expected='"raise" or "warn"',
                received=describe(policy),
                action=closest(policy, ON_FAILURE),
            )
        )


class FailurePolicies:
    """Says for each callback whether its failures end the run.

    Args:
        given: One policy for all, or class or callback -> policy; what it does not name goes by
            its own `on_failure`.

    Raises:
        ValueError: A policy does not exist.
        TypeError: Neither a policy nor a dict of them.
    """

    def __init__(self, given: Failures = None) -> None:
        if not isinstance(given, str | Mapping | None):
            raise TypeError(
                explain(
                    "callback_failures",
                    expected='"raise", "warn", or a dict of classes or callbacks to one of them',
                    received=describe(given),
                    action="Leave it out to go by each callback's own `on_failure`.",
                )
            )
        if isinstance(given, str):
            check_failure_policy(f"callback_failures={given!r}", given)
        for key, policy in given.items() if isinstance(given, Mapping) else ():
            name = key.__name__ if isinstance(key, type) else type(key).__name__
            check_failure_policy(f"callback_failures={{{name}: {policy!r}}}", policy)
        self.given = given

    def of(self, callback: object, *, begins: bool = False) -> str:
        """Returns "raise" or "warn" for a callback.

        Args:
            callback: The callback.
            begins: Whether the run begins: what callbax's loggers have by default is then to raise,
                as nothing is lost yet.
        """
        if not is_user_s(callback):
            return "raise"
        if isinstance(self.given, str):
            return self.given
        if self.given is not None:
            # By identity and by class: callbacks may compare in any way.
            for key, policy in self.given.items():
                if key is callback:
                    return policy
            for kind in type(callback).__mro__:
                if kind in self.given:
                    return self.given[kind]
        shipped = type(callback).__module__.startswith("callbax.")
        if begins and shipped and "on_failure" not in getattr(callback, "__dict__", {}):
            return "raise"
        return failure_policy(callback)


def told(name: str, place: str, error: BaseException) -> str:
    """Returns the warning of a callback that failed and is switched off, with the traceback.

    Args:
        name: Callback and method, as in ``CSVLogger.on_epoch_end``.
        place: Epoch and batch, if any: ``"epoch=1, batch=2"``.
        error: Its exception.
    """
    # Without the frame that called the hook.
    below = error.__traceback__.tb_next if error.__traceback__ is not None else None
    lines = traceback.format_exception(type(error), error, below, limit=-_FRAMES)
    at = f" ({place})" if place else ""
    return (
        f"`{name}` failed{at}. The run continues without this callback; with "
        f'`on_failure="raise"` it would have ended.\n{"".join(lines).rstrip()}'
    )


def tear_down(callback: Any, error: BaseException | None) -> None:
    """Lets a callback close what it holds open; tells of a failure without raising it."""
    try:
        callback.teardown()
    except Exception as failure:
        cause = f"{type(failure).__name__}: {failure}"
        failed = f"`{type(callback).__name__}.teardown` failed with {cause}."
        if error is None:
            warn(f"{failed} The run itself is not affected.", RuntimeWarning)
        else:
            error.add_note(failed)
