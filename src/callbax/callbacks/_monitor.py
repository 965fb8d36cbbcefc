"""Watching one quantity in the logs: which way is better, and is this better?"""

import math
import warnings
from collections.abc import Mapping
from typing import Any

from callbax._core._errors import closest, explain
from callbax._core._hooks import Logs
from callbax.callbacks._number import as_number

MODES = ("auto", "min", "max")


class Monitor:
    """Reads one value from the logs and says whether it is an improvement.

    Held by callbacks that act on a metric. It keeps no best value: the callback does, under the
    attribute names that Keras's users read. It says when there is a value to act on: at the ends
    of epochs, and at those of validations within them if these bring the value. An epoch's logs
    repeat what its last validation brought; that is not acted on twice.

    Args:
        name: The key in the logs: ``"val_loss"``.
        mode: ``"min"``, ``"max"``, or ``"auto"``: down for a loss, else as the model's metric of
            that name says. Anything else warns and counts as ``"auto"``.
        min_delta: Least change that counts as an improvement, in units of the quantity; its sign
            does not matter.
        owner: Class name of the callback, for messages.

    Attributes:
        epoch: The epoch under way, counted from 0.

    Differs from Keras: NaN is never an improvement, whatever came before; values that are no
    number are warned about; comparisons are in double precision (Keras's on JAX are in float32).

    Example:
        >>> monitor = Monitor("loss", owner="EarlyStopping")
        >>> monitor.resolve(model=None)
        >>> monitor.improves(0.4, 0.5), monitor.improves(0.5, 0.5), monitor.improves(0.5, None)
        (True, False, True)
    """

    def __init__(self, name: str, mode: str = "auto", min_delta: float = 0, *, owner: str) -> None:
        if mode not in MODES:
            warnings.warn(
                f"{owner} mode '{mode}' is unknown, fallback to auto mode. {closest(mode, MODES)}",
                stacklevel=3,
            )
            mode = "auto"
        self.name = name
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.owner = owner
        self.epoch = 0
        self._judged = False
        self._higher_is_better: bool | None = None

    def resolve(self, model: Any) -> None:
        """Settles which way is better; the first call counts, and may come before any step.

        Args:
            model: A `ModelView`; asked only where mode and name do not say it.

        Raises:
            ValueError: Mode is "auto", and neither the name nor the model says which way.
        """
        if self._higher_is_better is not None:
            return
        direction = {"min": "down", "max": "up"}.get(self.mode)
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
        self._higher_is_better = direction == "up"

    @property
    def higher_is_better(self) -> bool:
        """Which way is better. Call `resolve` first."""
        return bool(self._higher_is_better)

    def comes_with_validations(self, model: Any) -> bool:
        """Says whether validations within epochs are what brings the value.

        Args:
            model: A `ModelView`.
        """
        # `is True`: a mock answers every attribute with something truthy.
        by_batch = getattr(model, "validates_by_batch", False) is True
        return by_batch and self.name.startswith("val_")

    def epoch_began(self, epoch: int) -> None:
        """Takes note of an epoch's begin."""
        self.epoch, self._judged = epoch, False

    def validation_ended(self, logs: Logs | None) -> bool:
        """Takes note of a validation within the epoch; says whether it brought the value."""
        brought = self.name.startswith("val_") and self.name in (logs or {})
        self._judged = self._judged or brought
        return brought

    def epoch_ended(self, logs: Logs | None, model: Any) -> bool:
        """Says whether the value is due, and no validation within the epoch has brought it.

        Args:
            logs: Logs of the epoch.
            model: A `ModelView`; settles which way is better, if need be.
        """
        self.resolve(model)
        missing = self.name not in (logs or {})
        return not (self._judged or (missing and self.comes_with_validations(model)))

    def state_dict(self) -> dict[str, Any]:
        """Returns whether a validation of this epoch brought the value."""
        return {"judged": self._judged}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up a recorded state."""
        self._judged = state["judged"]

    def read(self, logs: Logs | None) -> float | None:
        """Returns the monitored value, or None with a warning where it is missing or no number.

        NaN is returned as it is, with a warning.

        Args:
            logs: Logs of an epoch or a batch.
        """
        logs = logs or {}
        if self.name not in logs:
            warnings.warn(
                f"{self.owner} is conditioned on metric `{self.name}` which is not available. "
                f"Available metrics are: {', '.join(logs) or 'none'}.",
                stacklevel=3,
            )
            return None
        value = as_number(logs[self.name])
        if value is None:
            warnings.warn(
                f"{self.owner} is conditioned on metric `{self.name}`, which is not a number but "
                f"of type {type(logs[self.name]).__name__}; it is ignored.",
                stacklevel=3,
            )
        elif math.isnan(value):
            warnings.warn(
                f"{self.owner} is conditioned on metric `{self.name}`, which is NaN; that counts "
                "as no improvement.",
                stacklevel=3,
            )
        return value

    def improves(self, value: float, reference: float | None) -> bool:
        """Says whether a value is better than a reference by more than `min_delta`.

        Call `resolve` first.

        Args:
            value: The new value.
            reference: The best so far, or a baseline; None is worse than any number.
        """
        if math.isnan(value):
            return False
        if reference is None:
            return True
        if self._higher_is_better:
            return value - self.min_delta > reference
        return value + self.min_delta < reference
