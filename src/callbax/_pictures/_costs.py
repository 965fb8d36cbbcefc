"""What callbacks cost."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from callbax._pictures._figure import figure_of, new_axes


def draw_costs(
    costs: Mapping[str, Mapping[str, float]], remarks: Mapping[str, str], *, ax: Axes | None
) -> Figure:
    """Draws a bar for each callback, made of its hooks, the most expensive one on top.

    Args:
        costs: Name of a callback -> hook -> seconds.
        remarks: Name of a callback -> what else to say of it.
        ax: Where; None makes a figure.
    """
    if ax is None:
        ax = new_axes(height=1.4 + 0.35 * max(1, len(costs)))[0]
    names = sorted(costs, key=lambda name: sum(costs[name].values()))
    hooks = list(dict.fromkeys(hook for spent in costs.values() for hook in spent))
    left = dict.fromkeys(names, 0.0)
    for number, hook in enumerate(hooks):
        widths = [costs[name].get(hook, 0.0) for name in names]
        starts = [left[name] for name in names]
        ax.barh(names, widths, left=starts, color=f"C{number % 10}", label=hook, height=0.7)
        left = {name: left[name] + width for name, width in zip(names, widths, strict=True)}
    for place, name in enumerate(names):
        remark = f"  {remarks[name]}" if remarks.get(name) else ""
        ax.annotate(
            f"{_time(left[name])}{remark}",
            (left[name], place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.set_xlabel("seconds")
    ax.margins(x=0.35)
    ax.set_xlim(left=0)
    if hooks:
        ax.legend(fontsize="small", loc="lower right")
    else:
        ax.set_title("no callbacks", fontsize="medium")
    return figure_of(ax)


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-4 else f"{seconds * 1e6:.0f} µs"
