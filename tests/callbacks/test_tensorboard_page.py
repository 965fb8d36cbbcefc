"""What the real TensorBoard server makes of the files, and how its page looks in a browser."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from tests.callbacks.browser import CHROMIUM, PATIENCE, Browser

from callbax.callbacks import TensorBoard
from callbax.callbacks.tensorboard._events import EventFile
from callbax.layers import Dense
from callbax.models import Sequential
from callbax.optimizers import Adam
from callbax.optimizers.schedules import CosineDecay

EPOCHS, BATCHES = 20, 8
OUT = Path(__file__).parents[2] / "out"
# Every tag matches, so that all charts stand side by side.
CHARTS = "#scalars&tagFilter=.&_smoothingWeight=0"
SIZES = """
function images(node) {
  return [...node.childNodes, ...(node.shadowRoot?.childNodes ?? [])].flatMap(
    (each) => (each.tagName == "IMG" ? [[each.width, each.height]] : images(each)));
}
images(document).filter(([width, height]) => height)
"""
COLOURS = [(255, 112, 67), (0, 119, 187), (204, 51, 17)]
"""Those of the first three runs that the page has found, of which one has no curves."""


def trained(log_dir, **options):
    """Trains a model, which writes to a directory."""
    layers = [Dense(8, activation="relu", input_shape=(4,)), Dense(2)]
    model = Sequential(layers, seed=0, name="net")
    model.compile(Adam(CosineDecay(0.02, EPOCHS * BATCHES)), "mse", metrics=["mae"])
    random = np.random.default_rng(0)
    x = random.normal(size=(320, 4)).astype("float32")
    y = x[:, :2] + random.normal(scale=0.3, size=(320, 2)).astype("float32")
    callback = TensorBoard(log_dir, update_freq="batch", histogram_freq=5, **options)
    model.fit(x, y, epochs=EPOCHS, verbose=0, validation_split=0.2, callbacks=callback)


@contextmanager
def served(log_dir, output):
    """Serves a directory on localhost, and yields the address."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(log_dir), "--port", "0"]
    with output.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield wait_for(lambda: re.search(r"http://localhost:\d+", output.read_text()))[0]
    finally:
        server.terminate()
        server.wait(PATIENCE)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Trains, serves what was written on localhost, and yields the address."""
    log_dir = tmp_path_factory.mktemp("logs")
    trained(log_dir / "1", write_images=True, hparams={"width": 8, "kind": "small"})
    with served(log_dir, tmp_path_factory.mktemp("server") / "output.txt") as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        # It is a package of the system, which `make test` cannot install; `.ci/run` does.
        pytest.skip("no browser: install Debian's chromium")
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


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
    tags = wait_for(
        lambda: "1/validation" in ask(page, "scalars/tags") and ask(page, "scalars/tags")
    )
    assert {run: sorted(found) for run, found in tags.items()} == {
        "1/train": ["batch_loss", "batch_mae", "epoch_learning_rate", "epoch_loss", "epoch_mae"],
        "1/validation": [
            "epoch_loss",
            "epoch_mae",
            "evaluation_loss_vs_iterations",
            "evaluation_mae_vs_iterations",
        ],
    }
    steps = range(1, EPOCHS * BATCHES + 1)
    path = "scalars/scalars?run=1%2Ftrain&tag=batch_loss"
    points = wait_for(lambda: len(found := ask(page, path)) == len(steps) and found)
    assert [step for _, step, _ in points] == list(steps)


@pytest.mark.parametrize(
    ("path", "count"), [("histograms/tags", 4), ("images/tags", 4), ("text/tags", 1)]
)
def test_the_server_knows_what_is_no_scalar(page, path, count):
    assert len(wait_for(lambda: ask(page, path).get("1/train"))) == count


def test_the_server_draws_the_graph(page):
    info = wait_for(lambda: ask(page, "graphs/info").get("1/train"))
    assert info["tags"]["keras"]["conceptual_graph"]
    path = f"{page}/data/plugin/graphs/graph?run=1%2Ftrain&tag=keras&conceptual=true"
    with urllib.request.urlopen(path, timeout=PATIENCE) as answer:
        assert answer.read().count(b"node {") == 3


def test_the_page_shows_the_curves(page, browser):
    wait_for(lambda: "1/validation" in ask(page, "scalars/tags"))
    browser.open(f"{page}/{CHARTS}")
    browser.wait_for("batch_loss", "1/train", "1/validation")
    picture = OUT / "tensorboard.png"
    wait_for(lambda: sum(count > 500 for count in drawn(browser, picture)) == 2)


def drawn(browser, picture):
    """Takes a picture of the page, and returns the number of pixels of each colour of a run."""
    browser.picture(picture)
    charts = matplotlib.image.imread(picture)[:, 400:, :3] * 255
    return [(np.abs(charts - colour) < 2).all(-1).sum() for colour in COLOURS]


def test_the_page_opens_with_the_layers(page, browser):
    browser.open(f"{page}/#graphs")
    browser.wait_for("Main Graph", "dense", "dense_1", "input_layer")
    browser.picture(OUT / "tensorboard-graph.png")


def test_the_page_fails_on_a_conceptual_graph_alone(browser, tmp_path, monkeypatch):
    """What the test above looks for is not there by itself."""
    monkeypatch.setattr(EventFile, "add_graph", lambda self, graph: None)
    trained(tmp_path / "logs")
    with served(tmp_path / "logs", tmp_path / "output.txt") as address:
        wait_for(lambda: ask(address, "graphs/info").get("train"))
        browser.open(f"{address}/#graphs")
        found = browser.wait_for("Graph type", "keras")
        wait_for(lambda: "Malformed GraphDef" in " ".join(browser.texts()))
    assert "dense_1" not in found


def test_the_page_shows_hyperparameters_beside_results(page, browser):
    browser.open(f"{page}/#hparams")
    wanted = ("width", "8.0000", "small", "train.epoch_loss", "validation.epoch_loss")
    browser.wait_for(*wanted)


def test_no_picture_of_a_weight_is_a_column(page, browser):
    browser.open(f"{page}/#images")
    browser.wait_for("net/dense/bias/image", "net/dense_1/kernel/image")
    sizes = wait_for(lambda: len(found := browser.evaluate(SIZES) or []) == 4 and found)
    assert all(0 < height <= width for width, height in sizes)
