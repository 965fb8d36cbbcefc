import math
import re
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel

from callbax import callbacks
from callbax._core._hooks import BATCH_HOOKS, EPOCH_HOOKS, HOOKS
from callbax.callbacks import Callback, CallbackList, History, LambdaCallback, ProgbarLogger


def arguments(hook):
    """Positional arguments of a hook before its logs."""
    if hook in EPOCH_HOOKS:
        return (3,)
    return (5,) if hook in BATCH_HOOKS else ()


def recorder(base, hooks=HOOKS):
    """An instance that overrides these hooks and records its calls, logs by identity and value."""
    calls = []

    def make(hook):
        def method(self, *args, **kwargs):
            calls.append((hook, args, kwargs))

        return method

    instance = type("Recorder", (base,), {hook: make(hook) for hook in hooks})()
    instance.calls = calls
    return instance


@pytest.mark.parametrize(
    "hook", [hook for hook in HOOKS if hasattr(keras.callbacks.Callback, hook)]
)
def test_calls_each_hook_like_keras(hook):
    recorders = []
    for list_class in (keras.callbacks.CallbackList, CallbackList):
        recorders.append(recorder(keras.callbacks.Callback))
        hooks = list_class([recorders[-1]])
        if hook.endswith(("train_end", "test_end", "predict_end")):
            getattr(hooks, hook.replace("end", "begin"))({})  # Keras counts begins and ends.
        getattr(hooks, hook)(*arguments(hook), {"loss": 0.5})
    assert recorders[1].calls == recorders[0].calls


def test_calls_the_hook_that_keras_lacks_like_those_of_batches():
    hooks = CallbackList(recorder(Callback))
    hooks.on_validation_end(5, {"val_loss": 0.5})
    hooks.on_train_batch_end(5, {"val_loss": 0.5})
    (ours, *call), (_, *of_batch) = hooks.callbacks[0].calls
    assert (ours, call) == ("on_validation_end", of_batch)


@pytest.mark.parametrize("base", [Callback, keras.callbacks.Callback, object])
@pytest.mark.parametrize("hook", [*HOOKS, "on_batch_begin", "on_batch_end"])
def test_finds_the_hooks_that_are_overridden_and_no_others(base, hook):
    hooks = CallbackList([recorder(base, [hook])])
    full_name = hook.replace("on_batch", "on_train_batch")
    assert [name for name in HOOKS if hooks.wants(name)] == [full_name]
    getattr(hooks, full_name)(*arguments(full_name))
    assert [call[0] for call in hooks.callbacks[0].calls] == [hook]


def test_a_hook_nobody_overrides_is_not_called():
    class Base(Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(batch)

    class Forwards(Base):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)

    seen = []
    hooks = CallbackList([Callback(), keras.callbacks.Callback(), Base(), Forwards()])
    hooks.on_train_batch_end(7)
    hooks.on_train_batch_begin(8)
    assert seen == [7, 7]
    assert not hooks.wants("on_train_batch_begin")


def test_one_shared_dict_goes_to_users_then_history_then_bar():
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(added=1.0))
    see = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
    seen, model = [], FakeModel()
    hooks = CallbackList([add, see], add_history=True, add_progbar=True, model=model, verbose=0)
    hooks.on_train_begin()
    hooks.on_epoch_end(0, {"loss": 0.5})
    assert [type(callback) for callback in hooks][2:] == [History, ProgbarLogger]
    assert seen == [{"loss": 0.5, "added": 1.0}]
    assert model.history.history == {"loss": [0.5], "added": [1.0]}


def test_accepts_one_callback_nested_lists_and_lists_of_its_own_kind():
    a, b, c = Callback(), Callback(), Callback()
    assert CallbackList().callbacks == ()
    assert CallbackList(a).callbacks == (a,)
    assert list(CallbackList([a, ([b],), CallbackList(c)])) == [a, b, c]
    assert len(CallbackList([a, [b]], add_history=True)) == 3


def test_takes_the_users_history_and_bar_instead_of_its_own():
    history, bar, model = History(), ProgbarLogger(), FakeModel()
    hooks = CallbackList([bar, history], add_history=True, add_progbar=True, model=model)
    assert hooks.callbacks == (bar, history)
    assert model.history is history


def test_append_comes_before_history_and_is_told_everything():
    model = FakeModel()
    hooks = CallbackList(add_history=True, model=model, epochs=2)
    late = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(late=1.0))
    hooks.append(late)
    assert (late.model, late.params) == (model, {"epochs": 2})
    hooks.on_epoch_end(0, {})
    assert model.history.history == {"late": [1.0]}
    mine = History()
    hooks.append([mine])
    assert hooks.callbacks == (late, mine)
    assert model.history is mine


def test_params_and_model_are_given_only_where_there_are_any():
    callback = Callback()
    hooks = CallbackList(callback)
    assert (callback.params, callback.model) == (None, None)
    hooks.set_params({"epochs": 1})
    hooks.set_model("model")
    hooks.set_params({})
    hooks.set_model(None)
    assert (callback.params, callback.model) == ({"epochs": 1}, "model")


def test_model_can_be_assigned_and_base_init_left_out():
    class Bare(Callback):
        def __init__(self):
            self.model = "mine"

    assert (Bare().model, Bare().params) == ("mine", None)


def both(base, mode, **attributes):
    hooks = [f"on_{mode}_batch_begin", f"on_{mode}_batch_end"]
    methods = {hook: lambda self, batch, logs=None: None for hook in hooks}
    return type("Timer", (base,), {**methods, **attributes})()


@pytest.mark.parametrize(
    ("callback", "modes"),
    [
        (recorder(Callback), "train test predict"),
        (both(Callback, "train"), "train"),
        (both(Callback, "test"), "test"),
        (both(object, "predict"), "predict"),
        (both(keras.callbacks.Callback, "train"), "train"),
        (both(Callback, "train", execution="fused"), ""),
        (both(Callback, "train", execution="exact"), "train test predict"),
        (recorder(Callback, ["on_train_batch_end", "on_train_begin"]), ""),
        (recorder(Callback, ["on_train_batch_end", "on_test_batch_begin"]), ""),
        (recorder(Callback, ["on_batch_begin", "on_train_batch_end"]), "train"),
        (
            LambdaCallback(
                on_batch_begin=lambda batch, logs: None, on_batch_end=lambda batch, logs: None
            ),
            "train",
        ),
        (ProgbarLogger(), ""),
        (History(), ""),
    ],
)
def test_needs_exact(callback, modes):
    hooks = CallbackList(callback)
    assert [mode for mode in ("train", "test", "predict") if hooks.needs_exact(mode)] == (
        modes.split()
    )


class Failing(Callback):
    def __init__(self, hook, error):
        self.error = error
        setattr(self, hook, self.fail)

    def fail(self, *args, **kwargs):
        raise self.error


@pytest.mark.parametrize(
    ("hook", "where"),
    [
        ("on_train_begin", "."),
        ("on_epoch_end", " (epoch=3)."),
        ("on_train_batch_end", " (epoch=2, batch=5)."),
        ("on_test_batch_begin", " (epoch=2, batch=5)."),
        ("on_test_end", " (epoch=2)."),
        ("on_train_end", "."),
    ],
)
@pytest.mark.parametrize("error_class", [ValueError, KeyboardInterrupt])
def test_an_error_passes_unchanged_with_one_note(hook, where, error_class):
    error = error_class("mine")
    inner = CallbackList([Callback(), Failing(hook, error)])
    outer = CallbackList(LambdaCallback(on_train_end=lambda logs: run(inner)))

    def run(hooks):
        hooks.on_epoch_begin(2)
        getattr(hooks, hook)(*arguments(hook))

    with pytest.raises(error_class) as caught:
        outer.on_train_end()
    assert caught.value is error
    assert error.__notes__ == [f"Raised in the callback hook `Failing.{hook}`{where}"]


def test_teardown_reaches_everyone_and_warns_of_the_one_that_fails():
    class Closes(Callback):
        def teardown(self):
            closed.append(self)
            raise OSError("disk full")

    class Foreign:
        def on_epoch_end(self, epoch, logs):
            pass

        def teardown(self):
            closed.append("never")

    closed, callbacks = [], [Closes(), Foreign(), Closes()]
    with pytest.warns(RuntimeWarning, match=r"`Closes.teardown` failed with OSError: disk full"):
        CallbackList(callbacks).teardown()
    assert closed == [callbacks[0], callbacks[2]]


def test_those_that_run_last_come_after_history_and_bar():
    last = type("Last", (Callback,), {"runs_last": True})()
    first, second = Callback(), Callback()
    hooks = CallbackList([last, first], add_history=True, add_progbar=True)
    hooks.append(second)
    kinds = [type(callback).__name__ for callback in hooks]
    assert hooks.callbacks[:2] == (first, second)
    assert kinds[2:] == ["History", "ProgbarLogger", "Last"]


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_one_that_belongs_to_the_run_comes_and_goes(error):
    class Joins(Callback):
        def on_validation_end(self, batch, logs=None):
            pass

        def set_callback_list(self, hooks):
            self.hooks = hooks

    last = type("Last", (Callback,), {"runs_last": True})()
    joins, model = Joins(), FakeModel()
    hooks = CallbackList([last, Callback()], add_progbar=True, model=model, epochs=3)
    before = hooks.callbacks
    with suppress(KeyboardInterrupt), hooks.joined_by(joins):
        assert hooks.callbacks == (*before[:-1], joins, last)
        assert hooks.wants("on_validation_end")
        assert (joins.hooks, joins.model, joins.params) == (hooks, model, {"epochs": 3})
        if error is not None:
            raise error
    assert hooks.callbacks == before
    assert not hooks.wants("on_validation_end")


class Stops(Callback):
    def __init__(self, *hooks):
        self.armed = True
        for hook in hooks:
            setattr(self, hook, self.stop)

    def stop(self, *args, **kwargs):
        self.model.stop_training |= self.armed


class Watches(Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass

    def on_epoch_end(self, epoch, logs=None):
        pass


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ("on_train_begin", "Stops before the first epoch"),
        ("on_epoch_begin", "Stops at epoch 1"),
        ("on_train_batch_end", "Stops at epoch 1, batch 1"),
        ("on_validation_end", "Stops at epoch 1, batch 1"),
        ("on_test_batch_end", "Stops at epoch 1, batch 3"),
        ("on_test_end", "Stops at epoch 1"),
        ("on_epoch_end", "Stops at epoch 1"),
    ],
)
def test_the_history_says_who_stopped_first(hook, reason):
    model, stops, later = FakeModel(), Stops(hook), Stops("on_epoch_end")
    hooks = CallbackList([Watches(), stops, later], add_history=True, model=model)
    for expected in (reason, None):  # Each run anew.
        model.stop_training = False
        hooks.on_train_begin({})
        hooks.on_epoch_begin(0, {})
        hooks.on_train_batch_end(0, {})
        hooks.on_test_begin({})
        hooks.on_test_batch_end(2, {})
        hooks.on_test_end({})
        hooks.on_validation_end(0, {})
        hooks.on_epoch_end(0, {})
        hooks.on_train_end({})
        assert model.history.stop_reason == expected
        stops.armed = later.armed = False


def test_an_evaluation_inside_a_hook_takes_no_credit():
    model = FakeModel()
    hooks = CallbackList(Stops("on_epoch_end"), add_history=True, model=model)
    hooks.on_train_begin({})
    model.stop_training = True  # By someone who is no callback.
    inner = CallbackList(recorder(Callback), model=model)
    inner.on_test_begin({})
    inner.on_test_batch_end(0, {})
    assert model.history.stop_reason is None


@pytest.mark.parametrize("lead", [True, False])
def test_who_only_tells_is_called_in_the_lead_process_alone(lead):
    calls = []

    class Teller(Callback):
        processes = "first"

        def on_epoch_end(self, epoch, logs=None):
            calls.append("teller")

    class Doer(Callback):
        def on_epoch_end(self, epoch, logs=None):
            calls.append("doer")

    model = FakeModel()
    model.is_lead = lead
    hooks = CallbackList([Teller(), Doer()], model=model)
    hooks.on_train_begin({})
    hooks.on_epoch_end(0, {})
    assert calls == (["teller", "doer"] if lead else ["doer"])


TALKERS = {
    "EarlyStopping": {"monitor": "loss", "verbose": 1, "restore_best_weights": True},
    "LearningRateScheduler": {"schedule": lambda epoch: 0.1, "verbose": 1},
    "ModelCheckpoint": {"filepath": "{epoch}.keras", "verbose": 1},
    "OrbaxCheckpoint": {"directory": "orbax", "verbose": 1},
    "ProgbarLogger": {},
    "ReduceLROnPlateau": {"monitor": "loss", "patience": 0, "verbose": 1},
    "TerminateOnNaN": {},
}
"""Callbacks that print -> arguments with which they do."""


@pytest.mark.parametrize("lead", [True, False])
@pytest.mark.parametrize("name", TALKERS)
def test_only_the_lead_process_prints(name, lead, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = FakeModel()
    model.is_lead, model.get_state_tree = lead, lambda: {"a": np.ones(1)}
    hooks = CallbackList(getattr(callbacks, name)(**TALKERS[name]), model=model, epochs=2)
    try:
        hooks.on_train_begin({})
        for epoch in range(2):
            hooks.on_epoch_begin(epoch, {})
            hooks.on_train_batch_end(0, {"loss": math.nan if name == "TerminateOnNaN" else 1.0})
            hooks.on_epoch_end(epoch, {"loss": 1.0 + epoch})
        hooks.on_train_end({})
    finally:
        hooks.teardown()
    assert bool(capsys.readouterr().out) is lead


def test_every_callback_that_prints_is_in_the_list():
    folder = Path(callbacks.__file__).parent
    calls = re.compile(r"\b(say|print_message)\(")
    printing = {path.stem for path in folder.glob("*.py") if calls.search(path.read_text())}
    modules = [getattr(callbacks, name).__module__ for name in TALKERS]
    # The list itself tells where a resumed run continues.
    assert printing == {module.rpartition(".")[2] for module in modules} | {"_callback_list"}


@pytest.mark.parametrize("mode", ["test", "predict"])
def test_callbacks_are_asked_again_which_hooks_they_want_when_a_run_begins(mode):
    class Sometimes(type(recorder(Callback))):
        wanted = False

        def wants_hook(self, hook):
            return self.wanted

    hooks = CallbackList(callback := Sometimes(), model=FakeModel())
    for callback.wanted in (False, True, False):
        getattr(hooks, f"on_{mode}_begin")({})
        assert hooks.wants(f"on_{mode}_batch_end") is callback.wanted
