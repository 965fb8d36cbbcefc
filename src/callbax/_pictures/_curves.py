"""The curves of a training run."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from callbax._core._errors import closest, explain
from callbax._core._run_events import RunEvent
from callbax._pictures._figure import figure_of, new_axes

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""Key -> where its values lie, in epochs, and the values."""
Marks = Sequence[tuple[float, RunEvent]]
"""Times, and what happened then."""

_RATE = "learning_rate"
_UNTOLD = "_nolegend_"
"""What matplotlib leaves out of legends."""
_FEW = 30
"""Up to how many values each of them is marked by a dot."""


def draw_history(
    curves: Curves,
    marks: Marks,
    *,
    keys: str | Sequence[str] | None,
    ax: Axes | Sequence[Axes] | None,
) -> Figure:
    """Draws each key with its ``val_`` key, and what callbacks did.

    Args:
        curves: What was recorded.
        marks: What callbacks did.
        keys: Which keys to draw; None for all, or for the loss alone in a single one of axes.
        ax: Where; None makes a figure.

    Raises:
        ValueError: Nothing was recorded under a key, or there are not as many axes as keys.
    """
    wanted = _keys(curves, keys, single=isinstance(ax, Axes))
    if ax is None:
        axes = new_axes(len(wanted), height=2.2 if len(wanted) > 1 else 3.6)
    else:
        axes = [ax] if isinstance(ax, Axes) else list(ax)
    if len(axes) != len(wanted):
        raise ValueError(
            explain(
                f"history.plot(ax=[... {len(axes)} axes])",
                expected=f"one of axes for each of {', '.join(wanted)}",
                received=f"{len(axes)}",
                action="Name as many `keys` as you pass axes.",
            )
        )
    for key, panel in zip(wanted, axes, strict=True):
        _draw_panel(panel, key, curves)
        _draw_marks(panel, key, marks, told=panel is axes[0])
        _finish(panel, key)
    axes[-1].set_xlabel("epoch")
    return figure_of(axes[0])


def _keys(curves: Curves, keys: str | Sequence[str] | None, *, single: bool) -> list[str]:
    bases = {key: key.removeprefix("val_") for key in curves}
    # A key such as `val_f1`, which a callback adds, need not have another.
    known = list(dict.fromkeys(base if base in curves else key for key, base in bases.items()))
    known.sort(key=lambda key: (key == _RATE, key != "loss"))
    if not known:
        raise ValueError(
            explain(
                "history.plot()",
                expected="a run of at least one epoch",
                received="a History in which nothing is recorded",
                action="Call it on what `fit` returns.",
            )
        )
    if keys is None:
        changed = [key for key in known if key != _RATE or len(set(curves[key][1])) > 1]
        return (changed[:1] if single else changed) or known[:1]
    wanted = [keys] if isinstance(keys, str) else list(keys)
    for key in wanted:
        if key not in curves:
            raise ValueError(
                explain(
                    f"history.plot(keys={wanted!r})",
                    expected="keys of what was recorded",
                    received=repr(key),
                    action=closest(key, curves),
                )
            )
    return wanted


def _draw_panel(panel: Axes, key: str, curves: Curves) -> None:
    x, y = curves[key]
    dot = "." if len(y) <= _FEW else ""
    if key == _RATE:
        # It holds from the end of the epoch before to that of its own.
        panel.plot(x, y, color="C2", drawstyle="steps-pre", marker=dot, label="learning rate")
        if min(y) > 0 and max(y) >= 10 * min(y):
            panel.set_yscale("log")
        return
    panel.plot(x, y, color="C0", marker=dot, label=key if key.startswith("val_") else "training")
    if (validated := f"val_{key}") in curves:
        x, y = curves[validated]
        dot = "." if len(y) <= _FEW else ""
        panel.plot(x, y, color="C1", marker=dot, label="validation")


def _draw_marks(panel: Axes, key: str, marks: Marks, *, told: bool) -> None:
    """Draws what callbacks did.

    Args:
        panel: Where.
        key: The key whose curve is there.
        marks: What callbacks did.
        told: Whether the legend is to say what lines across all panels are.
    """
    reduced = "learning rate reduced" if told else _UNTOLD
    for time, event in marks:
        if event.kind == "stop":
            label = f"stopped by {event.by}" if told else _UNTOLD
            panel.axvline(time, color="C3", ls="--", lw=1, label=label)
        elif event.kind == "learning_rate":
            panel.axvline(time, color="0.6", ls=":", lw=1, label=reduced, zorder=0)
            reduced = _UNTOLD
        elif event.value is not None and key in (event.key, (event.key or "").removeprefix("val_")):
            label = f"best: {event.value:.4g}, epoch {_numbered(time)}"
            panel.plot([time], [event.value], "*", color="C3", ms=11, label=label, zorder=5)


def _finish(panel: Axes, key: str) -> None:
    panel.set_ylabel("learning rate" if key == _RATE else key)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.grid(alpha=0.25)
    labels = panel.get_legend_handles_labels()[1]
    if len(labels) > 1:
        panel.legend(fontsize="small")


def _numbered(time: float) -> str:
    """Writes the epoch that a time lies in, counted from 1."""
    return str(int(np.ceil(time)))
