from types import SimpleNamespace

import pytest
from tests.callbacks.fakes import FakeModel

from callbax.callbacks import Callback, CallbackList, SwapEMAWeights


class Averaging(FakeModel):
    """Its weights are "raw" or "ema"; it ends a fit as the real model does."""

    def __init__(self, use_ema=True):
        super().__init__()
        self.optimizer = SimpleNamespace(use_ema=use_ema)
        self.ema_swapped = False
        self.own, self.averages = "raw", "ema"

    def swap_ema_weights(self):
        self.own, self.averages = self.averages, self.own
        self.ema_swapped = not self.ema_swapped

    def finish(self):
        if not self.ema_swapped:
            self.own = self.averages
        self.averages, self.ema_swapped = self.own, False


class Sees(Callback):
    """Notes which weights are in the model."""

    def __init__(self):
        self.seen = {}
        for hook in ("on_epoch_begin", "on_train_batch_end", "on_test_batch_end", "on_epoch_end"):
            setattr(self, hook, self.note(hook))
        self.on_predict_batch_end = self.note("on_predict_batch_end")

    def note(self, hook):
        return lambda *args, **kwargs: self.seen.setdefault(hook, set()).add(self.model.own)


def fit(callbacks, model, *, stop=False, validate=True):
    hooks = CallbackList(callbacks, model=model, epochs=3)
    try:
        hooks.on_train_begin({})
        for epoch in range(2 if stop else 3):
            hooks.on_epoch_begin(epoch, {})
            hooks.on_train_batch_end(0, {})
            if validate:
                hooks.on_test_begin({})
                hooks.on_test_batch_end(0, {})
                hooks.on_test_end({})
            hooks.on_epoch_end(epoch, {})
        model.finish()
        hooks.on_train_end({})
    finally:
        hooks.teardown()


def predict(callbacks, model):
    hooks = CallbackList(callbacks, model=model)
    hooks.on_predict_begin({})
    hooks.on_predict_batch_end(0, {})
    hooks.on_predict_end({})
    hooks.teardown()


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_the_averages_are_in_the_model_where_it_is_evaluated(swap_on_epoch, validate, stop):
    swap, sees, model = SwapEMAWeights(swap_on_epoch), Sees(), Averaging()
    for _ in range(2):  # It serves several fits.
        sees.seen.clear()
        model.own, model.averages = "raw", "ema"
        fit([swap, sees], model, stop=stop, validate=validate)
        assert sees.seen == {
            "on_epoch_begin": {"raw"},
            "on_train_batch_end": {"raw"},
            "on_epoch_end": {"ema" if swap_on_epoch else "raw"},
            **({"on_test_batch_end": {"ema"}} if validate else {}),
        }
        assert (model.own, model.averages, model.ema_swapped) == ("ema", "ema", False)


def test_predict_uses_the_averages_and_puts_the_weights_back():
    sees, model = Sees(), Averaging()
    predict([SwapEMAWeights(), sees], model)
    assert sees.seen == {"on_predict_batch_end": {"ema"}}
    assert (model.own, model.averages) == ("raw", "ema")


def test_an_evaluation_inside_a_hook_leaves_what_it_found():
    class Predicts(Callback):
        def on_epoch_end(self, epoch, logs=None):
            predict([SwapEMAWeights()], self.model)

    sees, model = Sees(), Averaging()
    fit([SwapEMAWeights(swap_on_epoch=True), Predicts(), sees], model)
    assert sees.seen["on_epoch_end"] == {"ema"}


@pytest.mark.parametrize("hook", ["on_test_batch_end", "on_epoch_end", "on_train_batch_end"])
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_an_exception_leaves_the_trained_weights(swap_on_epoch, hook):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    breaks, model = Callback(), Averaging()
    setattr(breaks, hook, fail)
    with pytest.raises(KeyboardInterrupt):
        fit([SwapEMAWeights(swap_on_epoch), breaks], model)
    assert (model.own, model.averages, model.ema_swapped) == ("raw", "ema", False)


@pytest.mark.parametrize("hook", ["on_train_begin", "on_test_begin", "on_predict_begin"])
@pytest.mark.parametrize("optimizer", [SimpleNamespace(use_ema=False), SimpleNamespace()])
def test_an_optimizer_without_averages_is_found_before_the_first_step(hook, optimizer):
    model = Averaging()
    model.optimizer = optimizer
    with pytest.raises(ValueError, match="SwapEMAWeights must be used when `use_ema=True` is set"):
        getattr(CallbackList(SwapEMAWeights(), model=model), hook)()
