"""What a user freezes or replaces counts from the next run on; in a hook it is an error."""

import keras
import numpy as np
import pytest
from flax import nnx

import callbax as cb

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X.sum(1, keepdims=True) + 1


def network(lib, optimizer="adam"):
    lib.utils.set_random_seed(3)
    layers = [lib.layers.Input((3,)), lib.layers.Dense(4, name="a"), lib.layers.Dense(1, name="b")]
    model = lib.Sequential(layers)
    model.compile(optimizer, "mse")
    return model


def fit(model, **options):
    return model.fit(X, Y, batch_size=16, shuffle=False, verbose=0, **options)


def moved(model, run):
    before = model.get_weights()
    run()
    return [bool((a != b).any()) for a, b in zip(before, model.get_weights(), strict=True)]


def freeze_first(model):
    model.layers[0].trainable = False


def freeze_all(model):
    model.trainable = False


@pytest.mark.parametrize("first", [freeze_first, freeze_all])
@pytest.mark.parametrize("before", ["nothing", "fit", "predict", "summary"])
def test_frozen_and_compiled_weights_are_keras_s(first, before):
    weights = []
    for lib in (keras, cb):
        model = network(lib)
        if before == "fit":
            fit(model)
        elif before == "predict":
            model.predict(X, verbose=0)
        elif before == "summary":
            model.summary(print_fn=lambda *a, **k: None)
        first(model)
        model.compile("sgd", "mse")
        fit(model, epochs=2)
        for layer in model.layers:
            layer.trainable = True
        model.trainable = True
        model.compile("adam", "mse")
        fit(model)
        weights.append(model.get_weights())
    for left, right in zip(*weights, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("between", [lambda m: None, lambda m: fit(m), lambda m: m.get_weights()])
def test_a_layer_frozen_after_compile_is_held_and_its_optimizer_state_kept(between):
    model = network(cb)
    between(model)
    freeze_first(model)
    steps = int(model.optimizer.iterations)
    assert moved(model, lambda: fit(model)) == [False, False, True, True]
    assert model.optimizer.iterations == steps + 3
    model.layers[0].trainable = True
    assert moved(model, lambda: fit(model)) == [True] * 4


def test_optimizer_state_of_what_stays_trainable_is_carried_over():
    model, other = network(cb), network(cb)
    for each in (model, other):
        fit(each)
    freeze_first(model)
    slots = {
        variable.shape: variable for variable in map(np.asarray, model.file_contents().optimizer)
    }
    for variable in map(np.asarray, other.file_contents().optimizer):
        if variable.shape in ((4, 1), (1,)):
            np.testing.assert_array_equal(slots[variable.shape].shape, variable.shape)
    assert (3, 4) not in slots, "a frozen weight has no optimizer state"
    assert slots[4, 1].any()


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_end", "on_train_batch_end"])
@pytest.mark.parametrize(
    "change",
    [freeze_first, freeze_all, lambda m: setattr(m.layers[0], "use_bias", False)],
)
def test_a_change_in_a_hook_is_an_error(hook, change):
    model = network(cb)
    callback = cb.callbacks.LambdaCallback(**{hook: lambda *args, **logs: change(model)})
    with pytest.raises(RuntimeError, match="expected a module that hooks leave as it is"):
        fit(model, epochs=2, callbacks=[callback])


def test_notes_that_a_hook_keeps_on_a_layer_are_no_change():
    model = network(cb)

    def note(batch, logs):
        model.layers[0].seen = batch

    fit(model, callbacks=[cb.callbacks.LambdaCallback(on_train_batch_end=note)])
    assert model.layers[0].seen == 2


class Net(nnx.Module):
    def __init__(self, rngs):
        self.first, self.second = nnx.Linear(3, 4, rngs=rngs), nnx.Linear(4, 1, rngs=rngs)
        self.scale = 1.0

    def __call__(self, x):
        return self.second(self.first(x)) * self.scale


def test_parts_of_an_nnx_module_may_be_replaced_between_runs():
    model = cb.Model(Net(nnx.Rngs(0)))
    model.compile("adam", "mse")
    fit(model)
    model.module.scale = 0.0
    assert not model.predict(X, verbose=0).any()
    model.module.scale = 1.0
    model.module.second = nnx.Linear(4, 1, rngs=nnx.Rngs(5))
    model.module.first = nnx.Sequential(
        nnx.Linear(3, 8, rngs=nnx.Rngs(1)), nnx.Linear(8, 4, rngs=nnx.Rngs(2))
    )
    np.testing.assert_allclose(model.predict(X, verbose=0), model.module(X), rtol=1e-5, atol=1e-6)
    assert all(moved(model, lambda: fit(model)))


@pytest.mark.usefixtures("unshared")
def test_setting_a_module_to_evaluate_compiles_nothing_again():
    model = cb.Model(Net(nnx.Rngs(0)))
    model.compile("adam", "mse")
    fit(model)
    model.module.eval()
    fit(model)
    model.module.train()
    fit(model)
    assert model._engine.traces() == {"train": 1}
