"""The states of all callbacks of a run, each under a key of its own."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from callbax._core._fingerprint import configuration, fingerprint
from callbax._core._warnings import warn
from callbax.callbacks._callback import Callback

Settings = dict[str, dict[str, str]]
"""Key of a callback's state -> what the callback was made with: name -> value."""
SettingsView = Mapping[str, Mapping[str, str]]

_PLACES = ("dir", "path", "file", "filename", "directory", "root", "verbose", "allow_changes")
"""Ends of the names of settings that say where files go and what is told, not what is done."""


def _own_state(callback: Any) -> Any:
    return callback.state_dict()


def collect_states(
    callbacks: Iterable[Any], state_of: Callable[[Any], Any] = _own_state
) -> dict[str, Any]:
    """Returns key -> state of every callback that has one.

    Args:
        callbacks: In the order of the run. One has a state if its class defines ``state_dict``
            and ``load_state_dict``.
        state_of: Returns a callback's state; None leaves it out.
    """
    states = {key: state_of(callback) for key, callback in _stateful(callbacks).items()}
    return {key: state for key, state in states.items() if state is not None}


def collect_settings(callbacks: Iterable[Any]) -> Settings:
    """Returns key -> settings of every callback that has a state."""
    return {key: _settings(callback) for key, callback in _stateful(callbacks).items()}


def restore_states(
    callbacks: Iterable[Any],
    states: Mapping[str, Any],
    recorded: SettingsView | None = None,
    settings: SettingsView | None = None,
) -> None:
    """Gives every callback its state back; warns of those that have none and of states left over.

    Of several of one class, each gets the state of the one that was made as it is; only if none
    was does the order count.

    Args:
        callbacks: Those of the run.
        states: What `collect_states` returned.
        recorded: What `collect_settings` returned then; None if it is not known.
        settings: What it returned now, before the run began.
    """
    stateful = _stateful(callbacks)
    recorded, settings = recorded or {}, settings or {}
    matched = _matched(_classes(stateful), _classes(states), settings, recorded)
    for key, other in matched.items():
        stateful[key].load_state_dict(states[other])
    _warn_of_changes(matched, settings, recorded)
    unmatched = sorted((stateful.keys() - matched.keys()) | (states.keys() - matched.values()))
    if unmatched:
        warn(
            f"The callbacks differ from those of the recorded run: {', '.join(unmatched)} "
            f"{'was' if len(unmatched) == 1 else 'were'} not restored. Pass the same callbacks in "
            "the same order to continue exactly."
        )


def is_stateful(callback: object) -> bool:
    """Returns whether a callback has a state: its class defines both methods."""
    # Asked of the class: a mock would answer everything.
    return all(hasattr(type(callback), name) for name in ("state_dict", "load_state_dict"))


def numbered(callbacks: Iterable[Any]) -> dict[str, Any]:
    """Returns name -> callback: its class name, then with _1, _2... for others of that name."""
    keyed: dict[str, Any] = {}
    used: Counter[str] = Counter()  # from where to look on, or many of one name take their square
    for callback in callbacks:
        key = name = type(callback).__name__
        while key in keyed:
            used[name] += 1
            key = f"{name}_{used[name]}"
        keyed[key] = callback
    return keyed


def _stateful(callbacks: Iterable[Any]) -> dict[str, Any]:
    """Returns key -> callback of those that have a state."""
    return numbered(filter(is_stateful, callbacks))


def _matched(
    callbacks: Mapping[str, str],
    states: Mapping[str, str],
    settings: SettingsView,
    recorded: SettingsView,
) -> dict[str, str]:
    """Returns key of a callback -> key of the state that is its own; both are given by class."""
    left, matched = dict(states), dict[str, str]()

    def match(is_own: Callable[[str, str], bool]) -> None:
        for key in [key for key in callbacks if key not in matched]:
            alike = (other for other, cls in left.items() if cls == callbacks[key])
            own = next((other for other in alike if is_own(key, other)), None)
            if own is not None:
                matched[key] = own
                del left[own]

    match(lambda key, other: key == other and settings.get(key) == recorded.get(other))
    match(lambda key, other: settings.get(key) == recorded.get(other))
    match(lambda key, other: key == other)
    match(lambda key, other: True)
    return matched


def _classes(keyed: Mapping[str, Any]) -> dict[str, str]:
    """Returns key -> class name: the part before a number, if there is a key without one."""
    parts = {key: key.rpartition("_") for key in keyed}
    return {
        key: name if number.isdigit() and name in keyed else key
        for key, (name, _, number) in parts.items()
    }


def _settings(callback: object) -> dict[str, str]:
    return {name: fingerprint(value) for name, value in configuration(callback).items()}


def _warn_of_changes(
    matched: Mapping[str, str], settings: SettingsView, recorded: SettingsView
) -> None:
    changes = [
        f"{key}({name}={now}), which was {before}"
        for key, other in matched.items()
        for name, now in settings.get(key, {}).items()
        if (before := recorded.get(other, {}).get(name, now)) != now and not name.endswith(_PLACES)
    ]
    if changes:
        warn(
            f"The callbacks have other settings than in the recorded run: {'; '.join(changes)}. "
            "They continue with those of now."
        )


class Unrecorded:
    """Tells which callbacks keep something that no state holds: their attributes have changed.

    Args:
        callbacks: Those of a run that begins.
    """

    def __init__(self, callbacks: Iterable[Any]) -> None:
        self._before = [
            (callback, _attributes(callback))
            for callback in callbacks
            if not is_stateful(callback) and hasattr(callback, "__dict__")
        ]

    def names(self) -> list[str]:
        """Returns the callbacks' class names, each with the attributes that have changed."""
        changed: dict[str, list[str]] = {}
        for callback, before in self._before:
            now = _attributes(callback)
            for name in now:
                if name not in before or before[name] != now[name]:
                    changed.setdefault(type(callback).__name__, []).append(name)
        return [f"{name} ({', '.join(names)})" for name, names in changed.items()]


def _attributes(callback: object) -> dict[str, tuple[object, int | None]]:
    """Returns name -> an attribute's value or identity, and its length if it has one."""
    found: dict[str, tuple[object, int | None]] = {}
    known = {"params", "_model", *vars(Callback)}
    for name, value in vars(callback).items():
        if name not in known:
            plain = value is None or isinstance(value, str | bytes | int | float)
            sized = isinstance(value, list | dict | set | tuple)
            found[name] = (value if plain else id(value)), (len(value) if sized else None)
    return found
