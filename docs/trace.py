"""Writes docs/trace.png: what `callbacks.Trace` wrote of a run, as a picture.

``python docs/trace.py`` trains a model; ``python docs/trace.py trace.json`` draws a file of yours.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import callbax as cb

PICTURE = Path(__file__).parent / "trace.png"
TRACKS = ("device", "hooks", "data", "records")
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
SHOWN = 0.4
"""Share of the run's time that is shown, from its middle."""
THIN = 0.001
"""Share of the picture's width that the shortest stretch of time gets, to be seen."""


class Norms(cb.callbacks.Callback):
    """Reads the weights every now and then."""

    execution = "fused"

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch % 40 == 39:
            self.norms = [float(np.linalg.norm(weight)) for weight in self.model.get_weights()]


class Watch(cb.callbacks.Callback):
    """Looks at the loss of every batch."""

    execution = "fused"

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        time.sleep(2e-4 if logs["loss"] else 0)


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields batches, of which every 25th takes its time."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 128)).astype("float32")
    for number in range(1_000_000):
        time.sleep(0.03 if number % 25 == 24 else 0)
        yield x, x[:, :1]


def recorded() -> list[dict[str, Any]]:
    """Returns what a trace holds of a fit."""
    dense = cb.layers.Dense
    model = cb.Sequential([dense(512, "relu"), dense(512, "relu"), dense(1)])
    model.compile("adam", "mse")
    fit: dict[str, Any] = {"steps_per_epoch": 150, "verbose": 0}
    model.fit(batches(), epochs=1, **fit)  # what is compiled here is not in the picture
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.json")
        resume = cb.callbacks.Checkpoint(os.path.join(folder, "run"), "60 batches")
        callbacks = [Watch(), Norms(), cb.callbacks.Trace(path)]
        model.fit(batches(), epochs=2, callbacks=callbacks, resume=resume, **fit)
        return events_in(path)


def events_in(path: str) -> list[dict[str, Any]]:
    """Returns the stretches of time that a file holds."""
    with open(path, encoding="utf-8") as file:
        return [event for event in json.load(file) if event["ph"] == "X"]


def draw(events: list[dict[str, Any]], path: Path) -> None:
    """Draws the middle of a run, a row for each track."""
    end = max(event["ts"] + event["dur"] for event in events) / 1e6
    first, last = end * (0.5 - SHOWN / 2), end * (0.5 + SHOWN / 2)
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    colours: dict[str, str] = {}
    for event in events:
        began, lasted = event["ts"] / 1e6, event["dur"] / 1e6
        if began > last or began + lasted < first:
            continue
        name = label(event)
        colour = colours.setdefault(name, COLOURS[len(colours) % len(COLOURS)])
        width = max(lasted, (last - first) * THIN)
        row = TRACKS.index(event["cat"])
        edge = {"edgecolor": "white", "linewidth": 0.4} if event["cat"] == "device" else {}
        axes.barh(row, width, left=began, height=0.7, color=colour, **edge)
    for name, colour in colours.items():
        axes.barh(0, 0, color=colour, label=name)
    axes.set(xlim=(first, last), yticks=range(len(TRACKS)), yticklabels=TRACKS)
    axes.set_xlabel("seconds since the run began")
    axes.invert_yaxis()
    axes.spines[["top", "right", "left"]].set_visible(False)
    if colours:
        figure.legend(loc="outside upper center", ncols=len(colours), frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def label(event: dict[str, Any]) -> str:
    """Returns what a stretch of time is called in the legend."""
    if event["cat"] == "hooks":
        name: str = event["name"]
        return name.partition(".")[0]
    return {"device": "executions", "data": "waits for data", "records": "writing"}[event["cat"]]


if __name__ == "__main__":
    draw(events_in(sys.argv[1]) if sys.argv[1:] else recorded(), PICTURE)
