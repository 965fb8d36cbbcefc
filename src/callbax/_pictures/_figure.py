"""Figures: new ones, and those that the user's axes belong to."""

import importlib
import io
from typing import Any

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure


class Picture(Figure):
    """A figure that a notebook shows once.

    pyplot shows its figures at the end of a cell, and the notebook what the cell's last line
    returns: this one leaves pyplot when the notebook shows it.
    """

    def _ipython_display_(self) -> None:
        pyplot.close(self)
        file = io.BytesIO()
        self.savefig(file, format="png")
        data: dict[str, Any] = {"image/png": file.getvalue(), "text/plain": repr(self)}
        importlib.import_module("IPython.display").display(data, raw=True)


def new_axes(rows: int = 1, *, height: float = 3.0, width: float = 7.0) -> list[Axes]:
    """Returns the axes of a new figure, one below the other, with one common x axis.

    Args:
        rows: How many.
        height: Height of each in inches.
        width: Width in inches.
    """
    figure = pyplot.figure(
        FigureClass=Picture, figsize=(width, height * rows), layout="constrained"
    )
    return list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])


def figure_of(axes: Axes) -> Figure:
    """Returns the figure that axes belong to, the outermost one."""
    figure = axes.get_figure()
    while not isinstance(figure, Figure):
        if figure is None:
            raise ValueError("These axes were removed from their figure.")
        figure = figure.get_figure()
    return figure
