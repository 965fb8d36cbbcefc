import warnings
from unittest.mock import Mock

import keras
import pytest

from callbax._core._hooks import HOOKS
from callbax.callbacks import Callback, CallbackList, EarlyStopping


def make(base=Callback, **attributes):
    return type("Mine", (base,), attributes)()


@pytest.mark.parametrize(
    ("callbacks", "words"),
    [
        (EarlyStopping, ["`callbacks`: expected an instance of a callback, received the class "
                         "EarlyStopping", "Call it: `EarlyStopping(...)`."]),
        ([Callback(), EarlyStopping], ["`callbacks[1]`:", "Call it"]),
        ([[Callback(), None]], ["`callbacks[0][1]`:", "at least one hook", "received None"]),
        ("abc", ["`callbacks`:", "'abc' (str)"]),
        ([object()], ["`callbacks[0]`:", "an object of type object"]),
        (lambda epoch, logs: None, ["an object of type function", "LambdaCallback(on_epoch_end"]),
        ({"a": Callback()}, ["dict with keys ['a']"]),
        (
            make(on_epoch_end=lambda self, epoch: None),
            ["`callbacks: Mine.on_epoch_end`", "`on_epoch_end(epoch, logs)`",
             "signature (epoch) (too many positional",
             "`def on_epoch_end(self, epoch, logs=None)`"],
        ),
        (
            [make(on_train_batch_end=lambda self, batch, values: None)],
            ["`callbacks[0]: Mine.on_train_batch_end`", "(batch, logs=logs)", "(batch, values)",
             "`def on_train_batch_end(self, batch, logs=None)`"],
        ),
        (make(on_train_begin=lambda self: None), ["`on_train_begin(logs)`", "self, logs=None"]),
        (make(object, on_test_end=3), ["`on_test_end(logs)`", "3 (int)"]),
    ],
)  # fmt: skip
def test_refuses_what_cannot_serve(callbacks, words):
    with pytest.raises(TypeError) as error:
        CallbackList(callbacks)
    for word in words:
        assert word in str(error.value)


def test_refuses_an_unknown_execution():
    with pytest.raises(ValueError, match=r'Mine.execution.*"fused" or "exact".*\n.*"exact"'):
        CallbackList(make(execution="exat"))


@pytest.mark.parametrize(
    "callback",
    [
        make(on_epoch_end=lambda self, *args: None),
        make(on_epoch_end=lambda self, epoch, log: None),  # An upstream test names it so.
        make(on_train_batch_end=lambda self, batch, **kwargs: None),
        make(on_predict_end=dict),  # A class of which nothing can be learnt beforehand.
        make(keras.callbacks.Callback),
        make(object, on_test_begin=lambda self, logs: None),
        Mock(),
        keras.callbacks.EarlyStopping(),
    ],
)
def test_takes_what_can(callback):
    assert CallbackList([callback]).callbacks == (callback,)


def test_a_mock_is_called():
    mock = Mock()
    CallbackList(mock).on_train_batch_end(1, {"loss": 2.0})
    mock.on_train_batch_end.assert_called_once_with(1, logs={"loss": 2.0})


@pytest.mark.parametrize("name", ["on_batch_end", "on_train_batch_end"])
@pytest.mark.parametrize("base", [object, Callback, keras.callbacks.Callback])
def test_a_hook_that_is_announced_is_called_once_it_is_there(base, name):
    calls = []

    def begin(self, epoch, logs=None):
        setattr(self, name, lambda batch, logs: calls.append((epoch, batch, logs)))

    hooks = CallbackList(
        make(base, on_epoch_begin=begin, _implements_train_batch_hooks=lambda self: True)
    )
    assert not hooks.needs_exact("train"), "what is announced may never come"
    hooks.on_train_batch_end(0, {})
    for epoch in range(2):
        hooks.on_epoch_begin(epoch)
        hooks.on_train_batch_begin(epoch, {})
        hooks.on_train_batch_end(epoch, {"loss": 2.0})
    assert calls == [(epoch, epoch, {"loss": 2.0}) for epoch in range(2)]


@pytest.mark.parametrize("word", [True, lambda self: False, lambda self: Mock()])
def test_only_a_true_word_announces(word):
    hooks = CallbackList(make(_implements_train_batch_hooks=word))
    assert not any(hooks.wants(hook) for hook in HOOKS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("on_epoch_ends", "on_epoch_end"),
        ("on_epoc_end", "on_epoch_end"),
        ("on_epoch_emd", "on_epoch_end"),
        ("on_epohc_end", "on_epoch_end"),
        ("on_batch_edn", "on_batch_end"),
        ("on_tran_batch_end", "on_train_batch_end"),
        ("on_epoch_finish", "on_epoch_end"),
        ("onEpochEnd", "on_epoch_end"),
        ("on_train_epoch_end", "on_epoch_end"),
        ("on_trial_end", None),
        ("on_validation_end", None),
        ("n_epoch_end", None),
    ],
)
@pytest.mark.parametrize("base", [Callback, keras.callbacks.Callback])
def test_warns_of_a_hook_that_is_almost_one(name, meant, base):
    callback = make(base, **{name: lambda self, epoch, logs=None: None})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CallbackList([callback])
    expected = [
        f"`callbacks[0]`: Mine defines `{name}`, which is not a hook and is never called. "
        f"Did you mean `{meant}`?"
    ]
    assert [str(warning.message) for warning in caught] == (expected if meant else [])


def test_a_method_that_the_class_calls_itself_is_no_misspelling():
    class Calls(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.on_epoch_ended(epoch)

        def on_epoch_ended(self, epoch):
            pass

    CallbackList([Calls()])  # warnings are errors here


@pytest.mark.parametrize("hook", HOOKS)
def test_real_names_are_not_misspellings(hook):
    CallbackList(make(**{hook: lambda self, *args, **kwargs: None}))
