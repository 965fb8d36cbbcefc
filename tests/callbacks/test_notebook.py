"""What a fit shows in a notebook, without one; `tests/jupyter` has a real one."""

import gc
import io
import sys
import time
import types

import pytest

from callbax.callbacks import CallbackList, ProgbarLogger
from callbax.callbacks._terminal._notebook import open_sheet


@pytest.fixture
def page(monkeypatch):
    """Makes the standard output a notebook's once it is entered, and keeps all that is shown."""
    shown = []

    def display(data, raw, display_id):
        shown.append([data])
        return types.SimpleNamespace(update=lambda data, raw: shown[-1].append(data))

    fake = types.SimpleNamespace(display=display)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()

    def enter():  # in the test, as pytest puts its own output there after the fixtures
        monkeypatch.setattr(sys, "stdout", stream)

    return types.SimpleNamespace(shown=shown, stream=stream, enter=enter)


def train(epochs, hooks, *, prints=None):
    hooks.on_train_begin({})
    for epoch in range(epochs):
        hooks.on_epoch_begin(epoch, {})
        hooks.on_train_batch_end(0, {"loss": 2.0 - epoch})
        if prints is not None:
            print(prints, epoch)
        hooks.on_epoch_end(epoch, {"accuracy": 0.5, "loss": 2.0 - epoch, "val_loss": 3.0})
    hooks.on_train_end({})
    hooks.teardown()


def bar(epochs):
    return CallbackList(ProgbarLogger(), verbose=1, epochs=epochs, steps=1)


def test_a_fit_is_one_output(page):
    page.enter()
    train(2, bar(2))
    assert len(page.shown) == 1
    assert page.shown[0][-1]["text/plain"].splitlines() == [
        "epoch    loss  val_loss  accuracy  time",
        "    1  2.0000    3.0000    0.5000    0s",
        "    2  1.0000    3.0000    0.5000    0s",
    ]
    assert page.stream.getvalue() == ""
    assert sys.stdout is page.stream


def test_the_bar_of_the_epoch_is_below_the_rows_before_it(page, monkeypatch):
    page.enter()
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    hooks = bar(2)
    hooks.on_train_begin({})
    hooks.on_epoch_begin(0, {})
    assert page.shown[0][-1]["text/plain"] == f"Epoch 1/2 0/1 {'─' * 20}"
    now[0] += 1
    hooks.on_epoch_end(0, {"loss": 0.5})
    now[0] += 1
    hooks.on_epoch_begin(1, {})
    assert page.shown[0][-1]["text/plain"].splitlines()[-1].startswith("Epoch 2/2 0/1 ─")
    assert page.shown[0][-1]["text/html"].endswith("</span></div>")
    hooks.teardown()


def test_prints_come_above_the_table_and_are_escaped(page):
    page.enter()
    train(2, bar(2), prints="<b>")
    lines = page.shown[0][-1]["text/plain"].splitlines()
    assert lines[:3] == ["<b> 0", "<b> 1", "epoch    loss  val_loss  accuracy  time"]
    html = page.shown[0][-1]["text/html"]
    assert "<b>" not in html
    assert html.index("&lt;b&gt; 1") < html.index("<table>")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\nb", "a\nb"),
        ("10%\r20%\r30%\n", "30%"),
        ("10%\r", "10%"),
        ("\x1b[31mred\x1b[0m\n", "red"),
        ("\n\nafter\n", "\n\nafter"),
    ],
)
def test_what_is_printed_is_shown_as_a_terminal_shows_it(page, written, shown):
    page.enter()
    sheet = open_sheet()
    print(written, end="")
    sheet.close()
    assert page.shown[0][-1]["text/plain"] == shown


def test_little_is_sent_for_many_quick_epochs(page, monkeypatch):
    page.enter()
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    hooks = bar(1000)
    hooks.on_train_begin({})
    for epoch in range(1000):
        hooks.on_epoch_begin(epoch, {})
        now[0] += 0.001
        hooks.on_epoch_end(epoch, {"loss": 0.5})
    hooks.on_train_end({})
    assert len(page.shown) == 1
    assert len(page.shown[0]) <= 12
    assert page.shown[0][-1]["text/plain"].splitlines()[-1].split()[:2] == ["1000", "0.5000"]
    assert page.shown[0][-1]["text/html"].count("<tr>") == 101


def test_the_standard_output_is_given_back_however_the_run_ends(page):
    page.enter()
    hooks = bar(2)
    hooks.on_train_begin({})
    assert sys.stdout is not page.stream
    hooks.teardown()
    assert sys.stdout is page.stream
    logger = ProgbarLogger()
    logger.set_params({"verbose": 1, "epochs": 1})
    logger.on_train_begin()
    del logger
    gc.collect()
    assert sys.stdout is page.stream


def test_an_output_that_somebody_else_has_taken_is_left_alone(page, monkeypatch):
    page.enter()
    sheet = open_sheet()
    others = io.StringIO()
    monkeypatch.setattr(sys, "stdout", others)
    sheet.close()
    assert sys.stdout is others


def test_a_run_within_a_run_prints_into_the_outer_one(page):
    page.enter()
    hooks = bar(1)
    hooks.on_train_begin({})
    train(1, bar(1))
    hooks.on_train_end({})
    assert len(page.shown) == 1
    assert "loss: 2.0000" in page.shown[0][-1]["text/plain"]


def test_elsewhere_there_is_no_sheet(capsys):
    before = sys.stdout
    assert open_sheet() is None
    assert sys.stdout is before
