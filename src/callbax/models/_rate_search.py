"""The search for a learning rate: the loss of a few steps as the rate grows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from callbax._core._arguments import count, number
from callbax._core._errors import explain
from callbax._core._hooks import Logs
from callbax._pictures._load import load_pictures
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._model_view import model_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SMOOTHING = 0.9
_EXPLODED = 4.0
"""How many times its least value the loss must be for the search to end."""
_WINDOWS = 12
"""Into how many windows the steps are divided to smooth their losses."""
_BEGUN = 0.1
"""Share of the fall after which it counts as begun."""
_FEWEST = 10
"""Steps below which there is nothing to be seen."""


@dataclass(frozen=True)
class LearningRateSearch:
    """What ``model.find_learning_rate`` found.

    Attributes:
        rates: The learning rate of each step, growing.
        losses: The loss of its batch.
        smooth: The same, smoothed.
        suggestion: The rate in the middle, on a logarithmic scale, of the fall of the smoothed
            loss: from where a tenth of it is done to the least loss. None if the loss did not fall
            by more than its noise.

    Example:
        >>> rates = rates_to_try(1e-4, 1.0, 13)
        >>> losses = [2.0, 2.0, 2.0, 2.0, 2.0, 1.8, 1.5, 1.2, 0.9, 0.5, 0.5, 5.0, 9.0]
        >>> LearningRateSearch.of(rates, losses)
        <LearningRateSearch: suggestion 0.0147, of 13 rates from 0.0001 to 1>
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]
    suggestion: float | None

    @classmethod
    def of(cls, rates: Sequence[float], losses: Sequence[float]) -> "LearningRateSearch":
        """Returns what the losses at some rates tell.

        Args:
            rates: The learning rates, growing.
            losses: The loss of a batch at each.
        """
        smooth = smoothed(losses)
        found = suggested(rates, losses, smooth)
        return cls(tuple(rates), tuple(losses), tuple(smooth), found)

    def plot(self, *, ax: "Axes | None" = None) -> "Figure":
        """Draws the loss over the learning rate, the suggestion marked.

        Args:
            ax: Where to draw; by default a new figure.

        Returns:
            The figure.

        Raises:
            ImportError: matplotlib is not installed.
        """
        pictures = load_pictures("find_learning_rate(...).plot()")
        return pictures.draw_rates(self.rates, self.losses, self.smooth, self.suggestion, ax=ax)

    def __repr__(self) -> str:
        """Returns the suggestion, and what was tried."""
        told = "none" if self.suggestion is None else f"{self.suggestion:.3g}"
        if not self.rates:
            return "<LearningRateSearch: no steps>"
        return (
            f"<LearningRateSearch: suggestion {told}, of {len(self.rates)} rates from "
            f"{self.rates[0]:.3g} to {self.rates[-1]:.3g}>"
        )


class Climb(Callback):
    """Lets the learning rate grow with every batch, and stops when the loss explodes.

    Args:
        rates: The rates to try.

    Attributes:
        losses: The loss of the batch at each so far.
    """

    execution: Execution = "exact"
    adds_logs: tuple[str, ...] | None = ()

    def __init__(self, rates: Sequence[float]) -> None:
        self.rates = rates
        self.losses: list[float] = []
        self._mean = _Mean()
        self._least = math.inf

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Sets the rate of the batch."""
        model_of(self).optimizer.learning_rate = self.rates[len(self.losses)]

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Records its loss; a loss that is not finite ends the search and is left out."""
        model = model_of(self)
        loss = float(model.batch_loss)
        if not math.isfinite(loss):
            model.stop_training = True
            return
        self.losses.append(loss)
        smooth = self._mean.with_one_more(loss)
        self._least = min(self._least, smooth)
        limit = self._least + max((_EXPLODED - 1) * abs(self._least), abs(self.losses[0]))
        if smooth > limit or len(self.losses) == len(self.rates):
            model.stop_training = True


class _Mean:
    """A moving mean, without the pull of its start towards 0."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def with_one_more(self, value: float) -> float:
        self._sum = _SMOOTHING * self._sum + (1 - _SMOOTHING) * value
        self._count += 1
        return self._sum / (1 - _SMOOTHING**self._count)


def rates_to_try(lowest: float, highest: float, steps: int) -> list[float]:
    """Returns rates from the lowest to the highest, each the same factor above the last.

    Raises:
        ValueError: They do not grow, or are too few.
    """
    where = "find_learning_rate"
    count(where, "steps", steps, least=_FEWEST)
    low, high = number(where, "lowest", lowest), number(where, "highest", highest)
    if not 0 < low < high < math.inf:
        raise ValueError(
            explain(
                f"{where}(lowest={lowest!r}, highest={highest!r})",
                expected="two rates above 0, the second one greater",
                received=f"{low:g} and {high:g}",
                action="Leave them out for 1e-07 to 10.",
            )
        )
    return [float(rate) for rate in np.geomspace(low, high, steps)]


def smoothed(losses: Sequence[float]) -> list[float]:
    """Returns losses without their noise and, other than a moving mean, without delay.

    They are means of medians, so that the explosion at the end does not show before it comes.
    """
    half = max(1, len(losses) // _WINDOWS // 2)
    medians = [float(np.median(near)) for near in _windows(losses, half)]
    return [float(np.mean(near)) for near in _windows(medians, max(1, half // 2))]


def _windows(values: Sequence[float], half: int) -> list[Sequence[float]]:
    """Returns for each value those around it."""
    return [values[max(0, place - half) : place + half + 1] for place in range(len(values))]


def suggested(
    rates: Sequence[float], losses: Sequence[float], smooth: Sequence[float]
) -> float | None:
    """Returns the middle of the fall on a logarithmic scale; None if it is no more than noise.

    Args:
        rates: The learning rates, growing.
        losses: The loss at each.
        smooth: The same, smoothed.
    """
    if len(smooth) < 2:
        return None
    end = int(np.argmin(smooth))
    start = float(np.median(smooth[: max(1, len(smooth) // _WINDOWS)]))
    fall = start - smooth[end]
    noise = float(np.std(np.subtract(losses, smooth)[: end + 1]))
    if fall <= 1.5 * noise:
        return None
    begin = max(n for n in range(end + 1) if smooth[n] >= start - _BEGUN * fall)
    return math.sqrt(rates[begin] * rates[end])
