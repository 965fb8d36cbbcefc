"""What the real TensorBoard server makes of the files, and how its page looks in a browser."""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from callbax.callbacks import TensorBoard
from callbax.layers import Dense
from callbax.models import Sequential
from callbax.optimizers import Adam
from callbax.optimizers.schedules import CosineDecay

EPOCHS, BATCHES = 20, 8
SCREENSHOT = Path(__file__).parents[2] / "out" / "tensorboard.png"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1480,1040",
    "--virtual-time-budget=20000",
)
# Every tag matches, so that all charts stand side by side.
CHARTS = "#scalars&tagFilter=.&_smoothingWeight=0"
COLOURS = {"train": (255, 112, 67), "validation": (0, 119, 187)}
PATIENCE = 60


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Trains, serves what was written on localhost, and yields the address."""
    log_dir = tmp_path_factory.mktemp("logs")
    model = Sequential([Dense(8, activation="relu", input_shape=(4,)), Dense(2)], seed=0)
    model.compile(Adam(CosineDecay(0.02, EPOCHS * BATCHES)), "mse", metrics=["mae"])
    random = np.random.default_rng(0)
    x = random.normal(size=(320, 4)).astype("float32")
    y = x[:, :2] + random.normal(scale=0.3, size=(320, 2)).astype("float32")
    callback = TensorBoard(log_dir, update_freq="batch", histogram_freq=5, write_images=True)
    model.fit(x, y, epochs=EPOCHS, verbose=0, validation_split=0.2, callbacks=callback)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(log_dir), "--port", "0"]
    output = log_dir / "server.txt"
    with output.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield wait_for(lambda: re.search(r"http://localhost:\d+", output.read_text()))[0]
    finally:
        server.terminate()
        server.wait(PATIENCE)


def wait_for(look):
    """Returns what there is as soon as there is something."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, f"nothing after {PATIENCE} s"
        time.sleep(0.2)
    return found


def ask(page, path):
    with urllib.request.urlopen(f"{page}/data/plugin/{path}", timeout=PATIENCE) as answer:
        return json.load(answer)


def test_the_server_reads_every_point(page):
    tags = wait_for(lambda: "validation" in ask(page, "scalars/tags") and ask(page, "scalars/tags"))
    assert {run: sorted(found) for run, found in tags.items()} == {
        "train": ["batch_loss", "batch_mae", "epoch_learning_rate", "epoch_loss", "epoch_mae"],
        "validation": [
            "epoch_loss",
            "epoch_mae",
            "evaluation_loss_vs_iterations",
            "evaluation_mae_vs_iterations",
        ],
    }
    steps = range(1, EPOCHS * BATCHES + 1)
    path = "scalars/scalars?run=train&tag=batch_loss"
    points = wait_for(lambda: len(found := ask(page, path)) == len(steps) and found)
    assert [step for _, step, _ in points] == list(steps)


@pytest.mark.parametrize(
    ("path", "count"), [("histograms/tags", 4), ("images/tags", 4), ("text/tags", 1)]
)
def test_the_server_knows_what_is_no_scalar(page, path, count):
    assert len(wait_for(lambda: ask(page, path).get("train"))) == count


def test_the_server_draws_the_graph(page):
    info = wait_for(lambda: ask(page, "graphs/info").get("train"))
    assert info["tags"]["keras"]["conceptual_graph"]
    path = f"{page}/data/plugin/graphs/graph?run=train&tag=keras&conceptual=true"
    with urllib.request.urlopen(path, timeout=PATIENCE) as answer:
        assert answer.read().count(b"node {") == 3


@pytest.mark.skipif(CHROMIUM is None, reason="no browser: install Debian's chromium")
def test_the_page_shows_the_curves(page, tmp_path):
    wait_for(lambda: "validation" in ask(page, "scalars/tags"))
    SCREENSHOT.parent.mkdir(exist_ok=True)
    SCREENSHOT.unlink(missing_ok=True)
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    wanted = ([f"--screenshot={SCREENSHOT}", f"{page}/{CHARTS}"], ["--dump-dom", f"{page}/"])
    dom = b""
    for what in wanted:
        command = [CHROMIUM, *FLAGS, profile, *what]
        dom = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE).stdout
    for words in (b"batch_loss", b"train", b"validation"):
        assert words in dom
    charts = matplotlib.image.imread(SCREENSHOT)[:, 400:, :3] * 255
    for run, colour in COLOURS.items():
        drawn = (np.abs(charts - colour) < 2).all(-1).sum()
        assert drawn > 500, f"{drawn} pixels of the curves of {run}"
