"""The states of all callbacks of a run, each under a key of its own."""

from collections.abc import Iterable, Mapping
from typing import Any

from callbax._core._warnings import warn


def collect_states(callbacks: Iterable[Any]) -> dict[str, Any]:
    """Returns key -> state of every callback that has one.

    Args:
        callbacks: In the order of the run. One has a state if its class defines ``state_dict``
            and ``load_state_dict``.
    """
    return {key: callback.state_dict() for key, callback in _stateful(callbacks).items()}


def restore_states(callbacks: Iterable[Any], states: Mapping[str, Any]) -> None:
    """Gives every callback its state back; warns of those that have none and of states left over.

    Args:
        callbacks: In the order in which their states were collected.
        states: What `collect_states` returned.
    """
    stateful = _stateful(callbacks)
    for key in stateful.keys() & states.keys():
        stateful[key].load_state_dict(states[key])
    unmatched = sorted(stateful.keys() ^ states.keys())
    if unmatched:
        warn(
            f"The callbacks differ from those of the recorded run: {', '.join(unmatched)} "
            f"{'was' if len(unmatched) == 1 else 'were'} not restored. Pass the same callbacks in "
            "the same order to continue exactly."
        )


def _stateful(callbacks: Iterable[Any]) -> dict[str, Any]:
    """Returns key -> callback: its class name, then with _1, _2... for others of that name."""
    keyed: dict[str, Any] = {}
    for callback in callbacks:
        # Asked of the class: a mock would answer everything.
        if all(hasattr(type(callback), name) for name in ("state_dict", "load_state_dict")):
            name, number = type(callback).__name__, 1
            key = name
            while key in keyed:
                key, number = f"{name}_{number}", number + 1
            keyed[key] = callback
    return keyed
