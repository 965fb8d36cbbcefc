"""How the time of a run grows with batches, hooks, arrays and parameters: one figure, four curves.

``python -m benchmarks.scaling`` prints the slopes and draws ``docs/scaling.png``. A point is the
shortest of several runs that take turns, warm, with the data on the device; a slope is that of the
logarithms over the last points, where what every run costs no longer shows.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from benchmarks.peers import ROOT

import callbax as cb

FIGURE = ROOT / "docs" / "scaling.png"
_BATCH, _WIDTH, _STEPS, _TURNS, _LAST = 32, 16, 200, 3, 3


class Reading(cb.callbacks.Callback):
    """Reads the loss."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keeps it."""
        self.loss = logs["loss"]


@dataclass(frozen=True)
class Curve:
    """One way in which a run grows.

    Attributes:
        name: What grows, for the figure.
        sizes: How much of it.
        make: Size -> the run that is timed.
    """

    name: str
    sizes: tuple[int, ...]
    make: Callable[[int], Callable[[], object]]


def _run(
    steps: int = _STEPS, hooks: int = 1, layers: int = 1, width: int = _WIDTH
) -> Callable[[], object]:
    rows = steps * _BATCH
    rng = np.random.default_rng(0)
    x, y = jax.device_put(rng.random((2, rows, width), dtype=np.float32))
    model = cb.Sequential([cb.layers.Dense(width) for _ in range(layers)])
    model.compile("sgd", "mse")
    callbacks = [Reading() for _ in range(hooks)]
    return lambda: model.fit(x, y, _BATCH, verbose=0, callbacks=callbacks)


CURVES = (
    Curve("batches", (250, 500, 1_000, 2_000, 4_000, 8_000), lambda n: _run(steps=n)),
    Curve("hooks", (1, 10, 30, 100, 300, 1_000), lambda n: _run(hooks=n)),
    Curve("arrays", (2, 10, 30, 100, 200, 400), lambda n: _run(layers=n // 2)),
    Curve("parameters", (10**4, 10**5, 10**6, 4 * 10**6), lambda n: _run(width=int(n**0.5))),
)


def measured(curve: Curve) -> list[float]:
    """Returns the seconds of a run of each size."""
    runs = [curve.make(size) for size in curve.sizes]
    for run in runs:
        run()
    best = [float("inf")] * len(runs)
    for _ in range(_TURNS):
        for number, run in enumerate(runs):
            started = time.perf_counter()
            run()
            best[number] = min(best[number], time.perf_counter() - started)
    return best


def slope(sizes: tuple[int, ...], seconds: list[float]) -> float:
    """Returns the exponent with which the last points grow: 1 if the time is in proportion."""
    return float(np.polyfit(np.log(sizes[-_LAST:]), np.log(seconds[-_LAST:]), 1)[0])


def draw(results: dict[str, list[float]], path: Path) -> None:
    """Draws all curves, one beside the other."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(1, len(CURVES), figsize=(13, 3.2), layout="constrained")
    for curve, ax in zip(CURVES, axes, strict=True):
        seconds = results[curve.name]
        ax.loglog(curve.sizes, np.multiply(seconds, 1e3), "o-")
        ax.set_title(f"{curve.name}: slope {slope(curve.sizes, seconds):.2f}")
        ax.set_xlabel(curve.name)
        ax.grid(alpha=0.3, which="both")
        for axis in (ax.xaxis, ax.yaxis):  # labels between powers of ten lie over each other
            axis.set_minor_formatter(ticker.NullFormatter())
    axes[0].set_ylabel("milliseconds of a fit")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measures, prints one JSON line per curve, and draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    asked = parser.parse_args()
    results = {}
    for curve in CURVES:
        results[curve.name] = measured(curve)
        told = {"curve": curve.name, "sizes": curve.sizes, "seconds": results[curve.name]}
        told["slope"] = round(slope(curve.sizes, results[curve.name]), 2)
        print(json.dumps(told), flush=True)
    draw(results, asked.figure)


if __name__ == "__main__":
    main()
