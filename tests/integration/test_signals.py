"""Signals end a run at a batch's end: real processes, real signals."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import callbax as cb

X, Y = np.ones((40, 4), "float32"), np.ones((40, 1), "float32")
STARTED = []
HEAD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in jobs in the background
import numpy as np
import callbax as cb
X, Y = np.ones((40, 4), "float32"), np.ones((40, 1), "float32")
cb.utils.set_random_seed(3)
model = cb.Sequential([cb.layers.Dense(2), cb.layers.Dropout(0.3), cb.layers.Dense(1)])
model.compile("adam", "mse")
class Slow(cb.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        print("batch", flush=True)
        time.sleep(pause)
    def teardown(self):
        print("torn down", flush=True)
"""


@pytest.fixture(autouse=True)
def python_s_own_handlers():
    """Those of a program that a user starts; one in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    while STARTED:
        with STARTED.pop() as process:
            process.kill()


def start(code, pause=0.02):
    source = textwrap.dedent(f"pause = {pause}\n{HEAD}\n{textwrap.dedent(code)}")
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    STARTED.append(process)
    return process


def wait_for(process, line, count=1):
    for _ in range(count):
        while process.stdout.readline().strip() != line:
            assert process.poll() is None, process.stderr.read()


FIT = (
    "model.fit(X, Y, batch_size=4, epochs={epochs}, verbose=0, callbacks=[Slow()], resume={path!r})"
)
TELL = "\nprint('weights', [w.tobytes().hex() for w in model.get_weights()])"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_run_that_is_told_to_end_is_recorded_and_continues_exactly(number, status, tmp_path):
    code = FIT.format(epochs=3, path=str(tmp_path / "run")) + TELL
    process = start(code)
    wait_for(process, "batch", 13)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode in (status, -number), err
    assert "torn down" in out
    assert "weights" not in out
    resumed = start(code, pause=0)
    continued, err = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, err
    done = out.count("batch") + 13
    assert continued.count("batch") == 30 - done, "no batch is trained twice, none is left out"
    whole, _ = start(FIT.format(epochs=3, path=str(tmp_path / "whole")) + TELL, 0).communicate()
    assert continued.splitlines()[-1] == whole.splitlines()[-1]


def test_a_source_that_blocks_is_interrupted_at_once():
    process = start(
        """
        def stuck():
            for i in range(99):
                if i > 2:
                    print("stuck", flush=True)
                    time.sleep(10**6)
                yield X[:4], Y[:4]
        model.fit(stuck(), steps_per_epoch=50, verbose=0)
        """
    )
    wait_for(process, "stuck")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in err


def test_a_second_ctrl_c_ends_a_hook_that_never_does():
    process = start(
        """
        class Stuck(cb.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                print("stuck", flush=True)
                time.sleep(10**6)
        try:
            model.fit(X, Y, verbose=0, callbacks=[Stuck()])
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            print("usable", model.evaluate(X, Y, verbose=0) > 0, flush=True)
        """
    )
    wait_for(process, "stuck")
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "the first one waits for the batch"
    for _ in range(30):  # two that come together count as one
        process.send_signal(signal.SIGINT)
        if process.stdout.readline().strip() == "usable True":
            break
    assert process.wait(timeout=30) == 0


def test_a_handler_of_the_user_s_own_is_left_alone():
    noted = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: noted.append(number))
    try:
        model = cb.Sequential([cb.layers.Dense(1)])
        model.compile("sgd", "mse")
        send = cb.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: os.kill(os.getpid(), signal.SIGTERM)
        )
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[send])
        assert noted == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_handlers_are_as_before_after_a_run():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_interrupts_at_random_moments_lose_nothing():
    process = start(
        """
        import os, random, threading

        class Look(cb.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.get_weights()

        def fit_for_long(delay):
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
            for _ in range(1000):
                model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[Look()])

        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[Look()])
        rng = random.Random(1)
        for _ in range(60):
            try:
                fit_for_long(rng.uniform(0.001, 0.05))
            except KeyboardInterrupt:
                print("interrupted", flush=True)
            steps, weights = int(model.optimizer.iterations), model.get_weights()
            model.fit(X, Y, batch_size=4, verbose=0)
            assert model.optimizer.iterations == steps + 10
            pairs = zip(weights, model.get_weights(), strict=True)
            assert not all(np.array_equal(before, after) for before, after in pairs)
        print("usable", flush=True)
        """
    )
    out, err = process.communicate(timeout=200)
    assert out.split() == ["interrupted"] * 60 + ["usable"], err


def test_a_hook_s_error_is_the_one_that_is_raised():
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")

    def fail(batch, logs):
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        model.fit(X, Y, verbose=0, callbacks=[cb.callbacks.LambdaCallback(on_train_batch_end=fail)])
    assert "Meanwhile SIGINT came." in caught.value.__notes__
