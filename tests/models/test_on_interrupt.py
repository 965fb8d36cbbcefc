"""``fit(on_interrupt=...)``: what Ctrl-C does."""

import os
import signal

import numpy as np
import pytest
from flax import nnx

import callbax as cb
from callbax.callbacks import Callback, LambdaCallback


@pytest.fixture(autouse=True)
def ctrl_c():
    """Lets Ctrl-C count, which a shell switches off for what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


X = np.random.default_rng(0).normal(size=(96, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def model():
    made = cb.Model(nnx.Linear(3, 1, rngs=nnx.Rngs(0)), seed=0)
    made.compile("adam", "mse")
    return made


class Presses(Callback):
    """Presses Ctrl-C after a batch."""

    execution = "fused"

    def on_train_batch_end(self, batch, logs=None):
        if len(self.model.history.epoch) == 2 and batch == 1:
            os.kill(os.getpid(), signal.SIGINT)


def test_the_history_is_returned_with_one_line_if_that_was_asked_for(capsys):
    net, ended = model(), []
    watching = LambdaCallback(on_train_end=lambda logs: ended.append("on_train_end"))
    history = net.fit(
        X, Y, epochs=9, verbose=0, callbacks=[Presses(), watching], on_interrupt="return"
    )
    told = "Interrupted at epoch 3, batch 2; `fit` returns the history so far.\n"
    assert capsys.readouterr().out == told
    assert history is net.history
    assert (history.epoch, len(history.history["loss"])) == ([0, 1], 2)
    assert history.stop_reason == "KeyboardInterrupt at epoch 3, batch 2"
    assert [(e.kind, e.epoch, e.batch) for e in history.events] == [("stop", 2, 1)]
    assert ended == []


def test_the_model_is_that_of_the_last_batch_and_can_be_trained_again():
    stopped, batches = model(), model()
    stopped.fit(X, Y, epochs=9, verbose=0, callbacks=Presses(), on_interrupt="return")
    batches.fit(X, Y, epochs=3, verbose=0, callbacks=StopsAtTheSameBatch())
    for ours, theirs in zip(stopped.get_weights(), batches.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert stopped.optimizer.iterations == 8
    assert len(stopped.fit(X, Y, epochs=1, verbose=0).epoch) == 1


class StopsAtTheSameBatch(Callback):
    execution = "fused"

    def on_train_batch_end(self, batch, logs=None):
        if len(self.model.history.epoch) == 2 and batch == 1:
            self.model.stop_training = True


def test_it_is_raised_by_default_and_the_history_knows_of_it():
    net = model()
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=9, verbose=0, callbacks=Presses())
    assert net.history.stop_reason == "KeyboardInterrupt at epoch 3, batch 2"


def test_an_interrupted_run_is_recorded_and_continues(tmp_path):
    whole = model().fit(X, Y, epochs=4, verbose=0)
    model().fit(
        X, Y, epochs=4, verbose=0, resume=tmp_path, callbacks=Presses(), on_interrupt="return"
    )
    resumed = model().fit(X, Y, epochs=4, verbose=0, resume=tmp_path)
    assert resumed.history == whole.history


def test_other_errors_are_raised_as_ever():
    def fail(epoch):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        model().fit(
            X,
            Y,
            verbose=0,
            callbacks=LambdaCallback(on_epoch_begin=lambda epoch, logs: fail(epoch)),
            on_interrupt="return",
        )


def test_other_words_are_refused():
    with pytest.raises(ValueError, match=r"on_interrupt='stop'"):
        model().fit(X, Y, on_interrupt="stop")
