import contextlib
import io
import os
import pty
import re
import select
import sys
import time
import types

import keras
import pytest
import rich

from callbax.callbacks import Callback, CallbackList, LambdaCallback, ProgbarLogger

FULL = "━" * 20
FINAL = {"loss": 0.5, "mae": 12.0, "val_loss": 1e-5}


def fit(hooks, epochs=2, steps=3):
    hooks.on_train_begin({})
    for epoch in range(epochs):
        hooks.on_epoch_begin(epoch, {})
        for batch in range(steps):
            hooks.on_train_batch_begin(batch, {})
            hooks.on_train_batch_end(batch, {"loss": 1.0 / (batch + 1), "mae": 12.0})
        hooks.on_test_begin({})
        hooks.on_test_batch_end(0, {"loss": 9.0})
        hooks.on_test_end({"loss": 9.0})
        hooks.on_epoch_end(epoch, dict(FINAL))
    hooks.on_train_end({})


def evaluate(hooks, mode="test", steps=3):
    getattr(hooks, f"on_{mode}_begin")({})
    for batch in range(steps):
        getattr(hooks, f"on_{mode}_batch_end")(batch, {"loss": 9.0})
    getattr(hooks, f"on_{mode}_end")({"loss": 9.0} if mode == "test" else {})


def bar(list_class=CallbackList, verbose=1, epochs=2, steps=3, callbacks=None):
    return list_class(callbacks, add_progbar=True, verbose=verbose, epochs=epochs, steps=steps)


def without_times(text):
    return re.sub(r"\b\d+(s|ms|us)\b", "T", text)


@pytest.mark.parametrize(
    ("run", "settings"),
    [
        (fit, {}),
        (fit, {"epochs": 1}),
        (fit, {"steps": None}),
        (lambda hooks: fit(hooks, steps=11), {"steps": 11}),
        (evaluate, {"epochs": 1}),
        (lambda hooks: evaluate(hooks, "predict"), {"epochs": 1}),
    ],
)
def test_verbose_2_prints_the_lines_of_keras(run, settings, capsys):
    run(bar(keras.callbacks.CallbackList, verbose=2, **settings))
    theirs = without_times(capsys.readouterr().out)
    run(bar(verbose=2, **settings))
    assert without_times(capsys.readouterr().out) == theirs


@pytest.mark.parametrize("verbose", [1, "auto", 2])
def test_a_file_gets_clean_lines(verbose, capsys):
    fit(bar(verbose=verbose))
    line = "3/3 - T - T/step - loss: 0.5000 - mae: 12.0000 - val_loss: 1.0000e-05\n"
    assert without_times(capsys.readouterr().out) == f"Epoch 1/2\n{line}Epoch 2/2\n{line}"


@pytest.mark.parametrize("verbose", [0, 3])
def test_shows_no_bar_otherwise(verbose, capsys):
    fit(bar(verbose=verbose, epochs=1))
    assert capsys.readouterr().out == ""


def test_a_cut_epoch_shows_the_steps_it_ran(capsys):
    hooks = bar(verbose=2, epochs=1, steps=10)
    fit(hooks, epochs=1, steps=4)
    assert capsys.readouterr().out.startswith(" 4/10 - ")


def test_more_steps_than_were_said_fill_the_bar(capsys):
    fit(bar(verbose=2, epochs=1, steps=2), epochs=1, steps=4)
    assert capsys.readouterr().out.startswith("4/4 - ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.0000e+00"),
        (-0.5, "-0.5000"),
        ([1.0, 2.0], "1.5000"),
        ("text", "text"),
        (7, "7.0000"),
    ],
)
def test_values_are_shown_as_given(value, shown, capsys):
    hooks = bar(verbose=2, epochs=1)
    hooks.on_epoch_begin(0)
    hooks.on_epoch_end(0, {"metric": value})
    assert capsys.readouterr().out.endswith(f" - metric: {shown}\n")


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_an_epoch_that_an_earlier_run_began_is_shown_from_where_it_continues(verbose, capsys):
    hooks = bar(verbose=verbose, steps=500)
    hooks.on_train_begin({})
    hooks.resume(1, {})
    for batch in (497, 498, 499):
        time.sleep(0.02)
        hooks.on_train_batch_end(batch, {"loss": 1.0})
    hooks.on_epoch_end(1, {"loss": 0.5})
    shown = re.fullmatch(
        r"Epoch 2/2\n500/500 - 0s - (\d+)ms/step - loss: 0.5000\n", capsys.readouterr().out
    )
    assert bool(shown) is (verbose > 0)
    # Only the steps of this run are timed: over all 500 it would be less than a millisecond.
    assert not shown or int(shown[1]) >= 20


def test_evaluate_after_fit_shows_again(capsys):
    mine = ProgbarLogger()
    fit(bar(verbose=2, callbacks=[mine]))
    capsys.readouterr()
    evaluate(bar(verbose=2, callbacks=[mine]))
    assert "3/3 - " in capsys.readouterr().out


def test_output_goes_where_stdout_points_at_the_time(monkeypatch):
    hooks = bar(verbose=2, epochs=1)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    fit(hooks, epochs=1)
    assert "3/3 - " in out.getvalue()


@pytest.fixture
def in_terminal(monkeypatch):
    """Runs a function with a terminal as standard output; returns what was written to it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rich, "_console", None)

    def run(function):
        master, slave = pty.openpty()
        with os.fdopen(slave, "w", encoding="utf-8") as stdout:
            with contextlib.redirect_stdout(stdout):
                function()
                assert sys.stdout is stdout, "the bar keeps the standard output"
            stdout.flush()
            written = b""
            while select.select([master], [], [], 0.05)[0]:
                written += os.read(master, 1 << 16)
        os.close(master)
        return written.decode().replace("\r\n", "\n")

    return run


def visible(text):
    """The lines that stay on a screen, after cursor movements and erasures."""
    lines, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|[\s\S]", text):
        if token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token == "\r":
            column = 0
        elif token.endswith("A") and len(token) > 1:
            row -= int(token[2:-1])
        elif token == "\x1b[2K":
            lines[row] = ""
        elif len(token) == 1:
            lines[row] = lines[row].ljust(column)[:column] + token
            column += 1
        if token == "\n":
            column = 0
    return [without_times(line.rstrip()) for line in lines]


def test_a_terminal_gets_a_bar(in_terminal):
    text = in_terminal(lambda: fit(bar()))
    assert text.endswith("\x1b[?25h")
    assert f"\x1b[0m{'━' * 6}{'─' * 14}" in text  # One step of three.
    line = f"3/3 {FULL} T T/step - loss: 0.5000 - mae: 12.0000 - val_loss: 1.0000e-05"
    assert visible(text) == ["Epoch 1/2", line, "Epoch 2/2", line, ""]


def test_prints_of_others_stay_above_the_bar(in_terminal):
    talk = LambdaCallback(on_train_batch_begin=lambda batch, logs: print("batch", batch))
    text = in_terminal(lambda: fit(bar(epochs=1, callbacks=[talk]), epochs=1))
    assert visible(text)[:3] == ["batch 0", "batch 1", "batch 2"]


def test_an_unknown_number_of_steps(in_terminal):
    text = in_terminal(lambda: evaluate(bar(epochs=1, steps=None)))
    assert "      1/Unknown" in text
    assert visible(text) == [f"3/3 {FULL} T T/step - loss: 9.0000", ""]


def test_a_bar_inside_a_bar(in_terminal):
    inner = LambdaCallback(on_epoch_end=lambda epoch, logs: evaluate(bar(epochs=1)))
    text = in_terminal(lambda: fit(bar(epochs=1, callbacks=[inner]), epochs=1))
    assert visible(text) == [
        f"3/3 {FULL} T T/step - loss: 9.0000",
        f"3/3 {FULL} T T/step - loss: 0.5000 - mae: 12.0000 - val_loss: 1.0000e-05",
        "",
    ]


def test_teardown_gives_the_terminal_back(in_terminal):
    class Breaks(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise RuntimeError

    def run():
        hooks = bar(callbacks=[Breaks()])
        with pytest.raises(RuntimeError):
            fit(hooks)
        hooks.teardown()
        hooks.teardown()

    text = in_terminal(run)
    assert text.endswith("\x1b[?25h")
    assert visible(text)[1].startswith("2/3 ━")


def test_a_notebook_gets_an_output_that_changes_in_place(monkeypatch):
    shown = []
    handle = types.SimpleNamespace(update=lambda data, raw: shown.append(data["text/plain"]))
    fake = types.SimpleNamespace(display=lambda data, raw, display_id: handle)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    monkeypatch.setattr(sys, "stdout", stream)
    evaluate(bar(epochs=1))
    assert shown[0] == f"0/3 {'─' * 20}"
    assert without_times(shown[-1]) == f"3/3 {FULL} T T/step - loss: 9.0000"
    assert stream.getvalue() == ""
