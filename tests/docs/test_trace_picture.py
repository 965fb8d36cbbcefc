"""The picture of a trace is there, small, and can be drawn of any trace."""

import importlib.util
from pathlib import Path

import numpy as np
from matplotlib import image

import callbax as cb

DOCS = Path(__file__).parents[2] / "docs"


def script():
    spec = importlib.util.spec_from_file_location("trace_picture", DOCS / "trace.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_a_small_picture():
    assert "](trace.png)" in (DOCS / "costs.md").read_text()
    assert 5_000 < (DOCS / "trace.png").stat().st_size < 60_000


def test_a_trace_is_drawn_row_by_row(tmp_path):
    x = np.zeros((32, 2), "float32")
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    trace = tmp_path / "trace.json"
    model.fit(x, x[:, :1], batch_size=4, verbose=0, callbacks=[cb.callbacks.Trace(trace)])
    drawing, path = script(), tmp_path / "trace.png"
    events = drawing.events_in(trace)
    assert {event["cat"] for event in events} <= set(drawing.TRACKS)
    assert {drawing.label(event) for event in events} >= {"executions", "History"}
    shown = [
        {"cat": "device", "name": "4 steps", "ts": 0.0, "dur": 9e5},
        {"cat": "hooks", "name": "Norms.on_epoch_end", "ts": 9e5, "dur": 1e5},
    ]
    drawing.draw(shown, path)
    colours = {tuple(pixel) for pixel in (image.imread(path)[..., :3] * 255).round().reshape(-1, 3)}
    assert {(0x44, 0x77, 0xAA)} <= colours
    drawing.draw(events, path)
    assert path.stat().st_size > 1_000
