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


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("verbose", [0, 3, 4])
def test_shows_no_bar_otherwise(verbose, epochs, capsys):
    fit(bar(keras.callbacks.CallbackList, verbose=verbose, epochs=epochs), epochs)
    theirs = capsys.readouterr().out
    fit(bar(verbose=verbose, epochs=epochs), epochs)
    assert capsys.readouterr().out == theirs


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

    def run(function, encoding="utf-8"):
        master, slave = pty.openpty()
        with os.fdopen(slave, "w", encoding=encoding) as stdout:
            with contextlib.redirect_stdout(stdout):
                function()
                assert sys.stdout is stdout, "the bar keeps the standard output"
            if not stdout.closed:
                stdout.flush()
            written = b""
            while select.select([master], [], [], 0.05)[0]:
                try:
                    written += os.read(master, 1 << 16)
                except OSError:  # The other end is closed.
                    break
        os.close(master)
        return written.decode(encoding).replace("\r\n", "\n")

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
    assert visible(text)[:4] == ["Epoch 1/2", line, "Epoch 2/2", line]
    assert not any(visible(text)[4:])  # The validation's line is gone.
    assert "validation       1/Unknown" in text


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


# Times


class Clock:
    """A clock that stands still unless told."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def gauged(hooks, seconds_per_step, steps=None, log_keys=None):
    """Gives the hooks a model whose run takes so long."""
    gauge = types.SimpleNamespace(seconds_per_step=seconds_per_step, steps=steps)
    hooks.set_model(types.SimpleNamespace(gauge=gauge, log_keys=log_keys, history=None))
    return gauge


def test_the_time_of_a_step_is_the_measured_one_and_not_that_between_hooks(clock, capsys):
    hooks = bar(verbose=2, epochs=1, steps=100)
    gauge = gauged(hooks, None)
    hooks.on_train_begin({})
    hooks.on_epoch_begin(0, {})
    clock.now += 5  # compiling
    for batch in range(100):  # a burst of hooks
        clock.now += 4e-6
        hooks.on_train_batch_end(batch, {})
    gauge.seconds_per_step = 2.7e-3
    clock.now += 60  # validation
    hooks.on_epoch_end(0, {})
    assert capsys.readouterr().out == "100/100 - 65s - 3ms/step\n"


def test_nothing_is_said_of_what_is_left_before_there_is_a_measurement(clock, in_terminal):
    def run():
        hooks = bar(epochs=1, steps=100)
        gauge = gauged(hooks, None)
        hooks.on_train_begin({})
        hooks.on_epoch_begin(0, {})
        clock.now += 11
        hooks.on_train_batch_end(0, {})
        gauge.seconds_per_step = 2.0
        clock.now += 2
        hooks.on_train_batch_end(1, {})
        hooks.on_epoch_end(0, {})

    shown = re.sub(r"\x1b\[[0-9;]*m", "", in_terminal(run))
    first, second = re.findall(r"([12]/100 .*?) *\r", shown)[:2]
    assert first == f"1/100 {'─' * 20} 11s"
    assert second == f"2/100 {'─' * 20} 13s, 3:16 left 2s/step"


def test_a_model_without_a_gauge_is_timed_between_hooks(clock, capsys):
    hooks = bar(verbose=2, epochs=1, steps=3)
    hooks.on_train_begin({})
    hooks.on_epoch_begin(0, {})
    for batch, seconds in enumerate([30, 2, 2]):
        clock.now += seconds
        hooks.on_train_batch_end(batch, {})
    hooks.on_epoch_end(0, {})
    assert capsys.readouterr().out == "3/3 - 34s - 2s/step\n"


def test_a_file_gets_a_line_per_tenth_of_a_long_epoch(clock, capsys):
    hooks = bar(epochs=1, steps=100)
    gauged(hooks, 2.0)
    hooks.on_train_begin({})
    hooks.on_epoch_begin(0, {})
    for batch in range(100):
        clock.now += 2
        hooks.on_train_batch_end(batch, {"loss": 0.5})
    hooks.on_epoch_end(0, {"loss": 0.5})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == " 10/100 - 20s, 3:00 left - 2s/step - loss: 0.5000"
    assert [int(line.partition("/")[0]) for line in lines] == [*range(10, 101, 10), 100]
    assert lines[-1] == "100/100 - 200s - 2s/step - loss: 0.5000"


@pytest.mark.parametrize("steps", [1000, None])
def test_a_file_is_never_silent_for_longer_than_half_a_minute(steps, clock, capsys):
    hooks = bar(epochs=1, steps=steps)
    gauged(hooks, 7.0)
    hooks.on_train_begin({})
    hooks.on_epoch_begin(0, {})
    for batch in range(10):
        clock.now += 7
        hooks.on_train_batch_end(batch, {})
    lines = [line.split()[0].partition("/")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["5", "10"]


def test_a_file_gets_no_more_than_a_line_a_second(clock, capsys):
    hooks = bar(epochs=1, steps=100)
    hooks.on_train_begin({})
    hooks.on_epoch_begin(0, {})
    for batch in range(100):
        clock.now += 0.025
        hooks.on_train_batch_end(batch, {})
    hooks.on_epoch_end(0, {})
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_verbose_2_is_a_line_per_epoch_however_long_it_takes(clock, capsys):
    hooks = bar(verbose=2, epochs=1, steps=10)
    hooks.on_train_begin({})
    hooks.on_epoch_begin(0, {})
    for batch in range(10):
        clock.now += 100
        hooks.on_train_batch_end(batch, {})
    hooks.on_epoch_end(0, {})
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_all_epochs_are_told_with_their_validation(clock, capsys):
    hooks = bar(epochs=3, steps=10)
    gauged(hooks, 4.0, log_keys=("loss", "val_loss"))
    hooks.on_train_begin({})
    for epoch in range(2):
        hooks.on_epoch_begin(epoch, {})
        for batch in range(10):
            clock.now += 4
            hooks.on_train_batch_end(batch, {})
        hooks.on_test_begin({})
        for batch in range(2):
            clock.now += 10
            hooks.on_test_batch_end(batch, {})
        hooks.on_test_end({})
        hooks.on_epoch_end(epoch, {})
    lines = capsys.readouterr().out.splitlines()
    # Nobody knows yet how long validation takes.
    assert lines[1] == " 1/10 - 4s, 36s left - 4s/step - all epochs: 4s"
    first = next(line for line in lines[lines.index("Epoch 2/3") :] if line.startswith(" 1/10"))
    assert first == " 1/10 - 4s, 36s left - 4s/step - all epochs: 1:04, 1:56 left"
    # The number of its steps is known from the second time on.
    validations = [line for line in lines if line.startswith("validation")]
    assert validations == [
        "validation 1/2 - 10s, 4s left - 4s/step",
        "validation 2/2 - 20s, 0s left - 4s/step",
    ]


# Outputs that cannot take what is written


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("verbose", [1, 2])
@pytest.mark.parametrize(
    "make", [Full, lambda: None, lambda: io.TextIOWrapper(io.BytesIO(), "ascii")]
)
@pytest.mark.parametrize("closed", [False, True])
def test_no_output_ends_a_run(make, closed, verbose, monkeypatch):
    out = make()
    if closed and out is not None:
        out.close()
    monkeypatch.setattr(sys, "stdout", out)
    hooks = bar(verbose=verbose, epochs=2)
    for epoch in range(2):
        hooks.on_epoch_begin(epoch, {})
        hooks.on_train_batch_end(0, {"größe": 1.0})
        hooks.on_epoch_end(epoch, {"größe": 1.0})
    hooks.teardown()
    if isinstance(out, io.TextIOWrapper) and not closed:
        assert b" - gr\\xf6\\xdfe: 1.0000\n" in out.buffer.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_lacks_characters_gets_others(encoding, in_terminal):
    def run():
        hooks = bar(epochs=1)
        hooks.on_epoch_begin(0, {})
        for batch in range(3):
            hooks.on_train_batch_end(batch, {"größe→": 1.0})
        hooks.on_epoch_end(0, {"größe→": 1.0})

    shown = visible(in_terminal(run, encoding))[0]
    name = "größe→".encode(encoding, "backslashreplace").decode(encoding)
    full = FULL if encoding == "utf-8" else "=" * 20
    assert shown == f"3/3 {full} T T/step - {name}: 1.0000"


def test_a_terminal_that_goes_away_ends_no_run(in_terminal):
    def run():
        hooks = bar(epochs=1)
        hooks.on_epoch_begin(0, {})
        hooks.on_train_batch_end(0, {})
        sys.stdout.close()
        hooks.on_train_batch_end(1, {})
        hooks.on_epoch_end(0, {})
        hooks.teardown()

    in_terminal(run)
