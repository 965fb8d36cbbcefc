"""What callbacks cost, by name."""

import time

import numpy as np
import pytest

import callbax as cb
from callbax.callbacks import Callback, CallbackList, LambdaCallback
from callbax.callbacks import _hook_calls as hook_calls

X, Y = np.ones((64, 2), "float32"), np.ones((64, 1), "float32")


class Sleepy(Callback):
    execution = "fused"

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.02 * (epoch + 1))


class Reader(Callback):
    execution = "fused"

    def on_train_batch_end(self, batch, logs=None):
        if batch == 5:
            self.model.get_weights()


class Writer(Callback):
    execution = "fused"

    def on_train_batch_end(self, batch, logs=None):
        if batch == 5:
            self.model.set_weights(self.model.get_weights())


class Bracket(Callback):
    def on_train_batch_begin(self, batch, logs=None):
        pass

    def on_train_batch_end(self, batch, logs=None):
        pass


def fit(*callbacks, **arguments):
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=arguments.pop("steps", "auto"))
    return model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=list(callbacks))


def test_calls_total_and_worst_time_are_counted_by_hook():
    costs = fit(Sleepy(), Sleepy()).callback_costs
    assert list(costs) == ["Sleepy", "Sleepy_1", "History"]
    spent = costs["Sleepy"].hooks["on_epoch_end"]
    assert spent.calls == 3
    assert 0.06 <= spent.worst <= spent.seconds
    assert spent.seconds >= 0.12


def test_steps_run_for_nothing_are_charged_to_who_caused_them():
    costs = fit(Reader(), Writer(), steps=16).callback_costs
    assert costs["Reader"].replayed > 0
    assert costs["Writer"].discarded > 0
    assert (costs["Reader"].discarded, costs["History"].replayed) == (0, 0)


def test_who_forces_single_steps_is_named():
    costs = fit(Bracket(), Reader()).callback_costs
    assert costs["Bracket"].single_steps
    assert not costs["Reader"].single_steps


def test_the_list_prints_the_table():
    hooks = CallbackList([Sleepy(), Bracket()], add_history=True)
    assert repr(hooks) == "<CallbackList: Sleepy, Bracket, History>"
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    hooks.set_model(model)
    model.fit(X, Y, verbose=0, callbacks=hooks)
    table = repr(hooks)
    assert "Sleepy" in table
    assert "on_epoch_end" in table
    assert "forces single steps" in table


def test_a_callback_that_takes_most_of_the_time_is_warned_about_once(monkeypatch):
    monkeypatch.setattr(hook_calls, "SHORT_SECONDS", 0.0)
    slow = LambdaCallback(on_epoch_end=lambda epoch, logs: time.sleep(0.4))
    with pytest.warns(UserWarning, match="LambdaCallback has taken") as told:
        fit(slow)
    assert len(told) == 1
