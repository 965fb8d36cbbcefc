"""One quantity in the logs: which way is better, and is this better?"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from callbax._core._arguments import number
from callbax._core._errors import closest, describe, explain
from callbax._core._hooks import Logs
from callbax._core._warnings import warn
from callbax.callbacks._model_view import ModelView
from callbax.callbacks._number import as_number

MODES = ("auto", "min", "max")


def log_key(owner: str, argument: str, value: Any) -> str:
    """Returns what must be a key of the logs.

    Raises:
        TypeError: It is not a string.
    """
    if isinstance(value, str):
        return value
    raise TypeError(
        explain(
            f"{owner}({argument}=...)",
            expected="a key of the logs",
            received=describe(value),
            action='Pass a name such as "loss" or "val_accuracy".',
        )
    )


def known_mode(owner: str, argument: str, mode: Any) -> str:
    """Returns a mode; "auto", with a warning, for one that is unknown."""
    if isinstance(mode, str) and mode in MODES:
        return mode
    warn(f"{owner} {argument} '{mode}' is unknown, fallback to auto mode. {closest(mode, MODES)}")
    return "auto"


def least_change(owner: str, argument: str, value: Any) -> float:
    """Returns the least change that counts as an improvement; its sign does not matter.

    Raises:
        ValueError: It is not a number.
    """
    return abs(number(owner, argument, value))


class Monitored(Protocol):
    """The settings of a callback that acts on a metric; what is assigned to them counts."""

    @property
    def monitor(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def min_delta(self) -> float: ...


class Monitor:
    """Reads one value from the logs and tells whether it is an improvement.

    Held by callbacks that act on a metric. It keeps no settings and no best value: the callback
    does, under the attribute names that Keras's users read and assign. It tells when there is a
    value to act on: at the ends of epochs, and at those of validations within them if these bring
    the value. An epoch's logs repeat what its last validation brought; that is not acted on twice.

    Args:
        callback: Whose settings count. ``monitor`` is the key in the logs; ``mode`` is ``"min"``,
            ``"max"``, or ``"auto"``: down for a loss, else as the model's metric of that name
            says, and anything else counts as ``"auto"``; ``min_delta`` is the least change that
            counts as an improvement, in units of the quantity.

    Attributes:
        epoch: The current epoch, counted from 0.
        op: A function of (value, reference) that tells whether the value is better, in place of
            the direction; None for none.

    Differs from Keras: NaN is never an improvement, whatever came before; values that are not
    numbers are warned about; comparisons are in double precision (Keras's on JAX are in float32).

    Example:
        >>> from types import SimpleNamespace
        >>> monitor = Monitor(SimpleNamespace(monitor="loss", mode="auto", min_delta=0))
        >>> monitor.resolve(model=None)
        >>> monitor.improves(0.4, 0.5), monitor.improves(0.5, 0.5), monitor.improves(0.5, None)
        (True, False, True)
    """

    def __init__(self, callback: Monitored) -> None:
        self._callback = callback
        self.epoch = 0
        self.op: Callable[[Any, Any], Any] | None = None
        self._judged = False
        self._resolved: dict[tuple[str, str], bool] = {}

    @property
    def name(self) -> str:
        """The key in the logs."""
        return self._callback.monitor

    @property
    def owner(self) -> str:
        """Class name of the callback."""
        return type(self._callback).__name__

    def resolve(self, model: ModelView | None) -> None:
        """Settles which way is better, once for each pair of name and mode, before any step.

        Args:
            model: A `ModelView`; asked only if mode and name do not tell.

        Raises:
            ValueError: Mode is "auto", and neither the name nor the model says which way.
        """
        setting = self.name, self._callback.mode
        if self.op is not None or setting in self._resolved:
            return
        direction = {"min": "down", "max": "up"}.get(self._callback.mode)
        if direction is None:
            key = self.name.removeprefix("val_")
            known: Mapping[str, str | None] = getattr(model, "metric_directions", {})
            direction = known.get(key) or ("down" if key == "loss" else None)
            if direction is None:
                keys = {"loss", *known}
                raise ValueError(
                    explain(
                        f"{self.owner}(monitor={self.name!r})",
                        expected="a metric of which it is known whether higher or lower is better",
                        received=f"mode='auto' and no direction for {key!r}",
                        action="Pass `mode='max'` to look for the highest value or `mode='min'` "
                        f"for the lowest. {closest(key, keys)}",
                    )
                )
        self._resolved[setting] = direction == "up"

    @property
    def higher_is_better(self) -> bool:
        """Which way is better, also after name or mode were assigned in the middle of a run."""
        if self.op is not None:
            return bool(self.op(1.0, 0.0))
        self.resolve(getattr(self._callback, "model", None))
        return self._resolved[self.name, self._callback.mode]

    @property
    def known_direction(self) -> bool | None:
        """Whether higher is better; None before that was settled."""
        return self._resolved.get((self.name, self._callback.mode))

    def comes_with_validations(self, model: ModelView | None) -> bool:
        """Returns whether validations within epochs are what brings the value.

        Args:
            model: A `ModelView`.
        """
        # `is True`: a mock answers every attribute with something truthy.
        by_batch = getattr(model, "validates_by_batch", False) is True
        return by_batch and self.name.startswith("val_")

    def epoch_began(self, epoch: int) -> None:
        """Records the begin of an epoch."""
        self.epoch, self._judged = epoch, False

    def validation_ended(self, logs: Logs | None) -> bool:
        """Records a validation within the epoch; returns whether it brought the value."""
        brought = self.name.startswith("val_") and self.name in (logs or {})
        self._judged = self._judged or brought
        return brought

    def epoch_ended(self, logs: Logs | None, model: ModelView | None) -> bool:
        """Returns whether the value is due, and no validation within the epoch has brought it.

        Args:
            logs: Logs of the epoch.
            model: A `ModelView`.
        """
        missing = self.name not in (logs or {})
        return not (self._judged or (missing and self.comes_with_validations(model)))

    def state_dict(self) -> dict[str, Any]:
        """Returns the epoch, and whether a validation of it brought the value."""
        return {"epoch": self.epoch, "judged": self._judged}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state."""
        self.epoch, self._judged = state["epoch"], state["judged"]

    def read(self, logs: Logs | None) -> float | None:
        """Returns the monitored value, or None with a warning if it is missing or not a number.

        NaN is returned as it is, with a warning.

        Args:
            logs: Logs of an epoch or a batch.
        """
        logs = logs or {}
        if self.name not in logs:
            warn(
                f"{self.owner} is conditioned on metric `{self.name}` which is not available. "
                f"Available metrics are: {', '.join(logs) or 'none'}."
            )
            return None
        value = as_number(logs[self.name])
        if value is None:
            warn(
                f"{self.owner} is conditioned on metric `{self.name}`, which is not a number but "
                f"of type {type(logs[self.name]).__name__}; it is ignored."
            )
        elif math.isnan(value):
            warn(
                f"{self.owner} is conditioned on metric `{self.name}`, which is NaN; that counts "
                "as no improvement."
            )
        return value

    def improves(self, value: float, reference: float | None) -> bool:
        """Returns whether a value is better than a reference by more than ``min_delta``.

        Args:
            value: The new value.
            reference: The best so far, or a baseline; None is worse than any number.
        """
        if math.isnan(value):
            return False
        if reference is None:
            return True
        higher, change = self.higher_is_better, abs(self._callback.min_delta)
        value = value - change if higher else value + change
        if self.op is not None:
            return bool(self.op(value, reference))
        return value > reference if higher else value < reference
