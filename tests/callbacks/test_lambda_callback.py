import keras
import pytest

from callbax._core._hooks import BATCH_HOOKS, EPOCH_HOOKS, HOOKS
from callbax.callbacks import CallbackList, LambdaCallback


@pytest.mark.parametrize("hook", HOOKS)
def test_calls_its_function_like_keras(hook):
    calls = []
    args = (1,) if hook in EPOCH_HOOKS + BATCH_HOOKS else ()
    function = (lambda batch, logs: calls.append((batch, logs))) if args else calls.append
    for callback_class in (keras.callbacks.LambdaCallback, LambdaCallback):
        hooks = CallbackList(callback_class(**{hook: function}))
        assert [name for name in HOOKS if hooks.wants(name)] == [hook]
        getattr(hooks, hook)(*args, {"loss": 0.5})
    assert len(calls) == 2
    assert calls[0] == calls[1]


@pytest.mark.parametrize("moment", ["begin", "end"])
def test_takes_the_older_batch_names(moment):
    calls = []
    callback = LambdaCallback(**{f"on_batch_{moment}": lambda batch, logs: calls.append(batch)})
    hooks = CallbackList(callback)
    getattr(hooks, f"on_train_batch_{moment}")(4)
    assert calls == [4]


def test_without_functions_overrides_nothing():
    hooks = CallbackList(LambdaCallback(on_test_begin=None))
    assert not any(hooks.wants(hook) for hook in HOOKS)


def test_refuses_a_misspelt_hook():
    with pytest.raises(TypeError) as error:
        LambdaCallback(on_epoch_ends=print)
    assert str(error.value).startswith(
        "`LambdaCallback(on_epoch_ends=...)`: no hook has that name, so it would never be called.\n"
        'Closest: "on_epoch_end"'
    )
