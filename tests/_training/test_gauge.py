"""The time of a step, as a run tells it: slept seconds, so that the bounds can be wide."""

import time

import numpy as np
import pytest

from callbax.callbacks import Callback
from callbax.layers import Dense
from callbax.models import Sequential

X = np.ones((8, 4), "float32")
Y = np.ones((8, 1), "float32")
WAIT = 0.01


def model(**compile_arguments):
    made = Sequential([Dense(1)])
    made.compile("sgd", "mse", **compile_arguments)
    return made


def slow(wait=WAIT):
    while True:
        time.sleep(wait)
        yield X, Y


class Look(Callback):
    """Notes what the gauge says at the ends of batches, validations and epochs."""

    execution = "fused"

    def __init__(self, wait=0.0):
        self.batches, self.tests, self.epochs, self.steps = [], [], [], []
        self.wait = wait

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(self.wait)
        self.batches.append(self.model.gauge.seconds_per_step)
        self.steps.append(self.model.gauge.steps)

    def on_test_end(self, logs=None):
        self.tests.append(self.model.gauge.seconds_per_step)

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.model.gauge.seconds_per_step)


def test_waiting_for_data_counts_and_compiling_does_not():
    look = Look()
    model().fit(slow(), steps_per_epoch=30, epochs=2, verbose=0, callbacks=[look])
    assert look.batches[0] is None  # Nothing but the compiling step has run.
    assert all(WAIT * 0.7 < told < WAIT * 5 for told in look.epochs)
    assert look.batches[30] == pytest.approx(look.epochs[0], rel=4)  # the epoch before
    assert set(look.steps) == {30}


@pytest.mark.parametrize("frequency", [1, "5 batches"])
def test_validation_has_a_time_of_its_own(frequency):
    look = Look()
    model().fit(
        slow(),
        steps_per_epoch=10,
        epochs=3,
        verbose=0,
        callbacks=[look],
        validation_data=slow(20 * WAIT),
        validation_steps=3,
        validation_freq=frequency,
    )
    # Were validation counted, 3 of its batches would add 6 waits to each step.
    assert look.epochs[-1] < WAIT * 4
    assert look.tests[-1] is not None


def test_hooks_count():
    look = Look(WAIT)
    x = np.ones((80, 4), "float32")
    model().fit(x, x[:, :1], batch_size=4, epochs=2, verbose=0, callbacks=[look])
    assert WAIT * 0.7 < look.epochs[-1] < WAIT * 5


@pytest.mark.parametrize("together", [1, 10, "auto"])
def test_bursts_of_hooks_do_not_count_as_steps(together):
    """What it tells within a burst is what it tells at the end of the epoch, roughly."""
    look = Look()
    made = Sequential([Dense(1024), Dense(1024), Dense(1)])
    made.compile("sgd", "mse", steps_per_execution=together)
    x = np.ones((64 * 40, 256), "float32")
    made.fit(x, x[:, :1], batch_size=64, epochs=3, verbose=0, callbacks=[look])
    last = look.batches[-40:]
    assert all(look.epochs[-1] / 10 < told < look.epochs[-1] * 10 for told in last)


def test_there_is_no_gauge_outside_of_runs():
    made = model()
    assert made.gauge is None
    made.fit(X, Y, verbose=0)
    assert made.gauge is None
