"""Losses over learning rates."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from callbax._pictures._figure import figure_of, new_axes


def draw_rates(
    rates: Sequence[float],
    losses: Sequence[float],
    smooth: Sequence[float],
    suggestion: float | None,
    *,
    ax: Axes | None,
) -> Figure:
    """Draws what the loss did as the learning rate grew.

    Args:
        rates: The learning rates.
        losses: The loss of the batch at each.
        smooth: The same, smoothed.
        suggestion: The rate to mark; None marks none.
        ax: Where; None makes a figure.
    """
    if ax is None:
        ax = new_axes(height=3.6)[0]
    ax.plot(rates, losses, color="C0", alpha=0.3, lw=1, label="loss of the batch")
    ax.plot(rates, smooth, color="C0", label="smoothed")
    if suggestion is not None:
        height = float(np.interp(suggestion, rates, smooth))
        told = f"suggestion: {suggestion:.2e}"
        ax.plot([suggestion], [height], "o", color="C3", label=told, zorder=5)
    low, high = _span([value for value in smooth if np.isfinite(value)])
    ax.set_ylim(low, high)
    ax.set_xscale("log")
    ax.set_xlabel("learning rate")
    ax.set_ylabel("loss")
    ax.grid(alpha=0.25)
    ax.legend(fontsize="small")
    return figure_of(ax)


def _span(smooth: Sequence[float]) -> tuple[float | None, float | None]:
    """Returns the range in which the fall can be seen: the explosion at the end is cut."""
    if not smooth:
        return None, None
    low, start = min(smooth), smooth[0]
    high = max(start, min(max(smooth), start + 1.5 * (start - low) + 1e-12))
    room = 0.08 * (high - low or 1.0)
    return low - room, high + room
