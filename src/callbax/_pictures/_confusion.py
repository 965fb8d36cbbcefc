"""Confusion matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from callbax._pictures._figure import figure_of, new_axes

_MOST = 25
"""Up to how many classes the numbers are written."""


def draw_confusion(matrix: NDArray[Any], names: Sequence[str], *, ax: Axes | None) -> Figure:
    """Draws a confusion matrix: a row for each true class, a column for each predicted one.

    Args:
        matrix: Counts or shares, shape (classes, classes).
        names: The classes.
        ax: Where; None makes a figure.
    """
    count = len(names)
    if ax is None:
        size = float(np.clip(1.8 + 0.5 * count, 3.6, 12.0))
        ax = new_axes(height=size, width=size + 0.8)[0]
    image = ax.imshow(matrix, cmap="Blues", vmin=0)
    figure_of(ax).colorbar(image, ax=ax, shrink=0.8)
    turned = 90 if max(map(len, names)) > 3 else 0
    ax.set_xticks(range(count), names, rotation=turned)
    ax.set_yticks(range(count), names)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    if count > _MOST:
        return figure_of(ax)
    middle = float(matrix.max()) / 2
    whole = matrix.dtype.kind in "iu"
    for row, column in np.ndindex(*matrix.shape):
        value = matrix[row, column]
        color = "white" if value > middle else "black"
        told = f"{value:d}" if whole else f"{value:.2f}"
        ax.text(column, row, told, ha="center", va="center", color=color, fontsize="small")
    return figure_of(ax)
