"""Copies and pickles of models and histories, as in Keras: they predict alike and train alone."""

import copy
import pickle

import jax
import keras
import numpy as np
import pytest
from flax import nnx

import callbax as cb

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X.sum(1, keepdims=True) + 1


def network(lib):
    lib.utils.set_random_seed(3)
    layers = [
        lib.layers.Input((3,)),
        lib.layers.Dense(4, activation="relu"),
        lib.layers.Dropout(0.3),
        lib.layers.Dense(1),
    ]
    model = lib.Sequential(layers)
    model.compile(lib.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


class Net(nnx.Module):
    def __init__(self, rngs):
        self.first, self.second = nnx.Linear(3, 4, rngs=rngs), nnx.Linear(4, 1, rngs=rngs)
        self.dropout = nnx.Dropout(0.2, rngs=rngs)

    def __call__(self, x):
        return self.second(self.dropout(self.first(x)))


def nnx_model():
    model = cb.Model(Net(nnx.Rngs(0)), seed=1)
    model.compile(cb.optimizers.SGD(0.01, momentum=0.9), "mse")
    return model


def served(optimizer):
    """Returns a Keras model under callbax, compiled with an optimizer of callbax or Keras."""
    layers = network(keras).layers
    model = cb.Model(keras.Sequential([keras.Input((3,)), *layers]))
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


MODELS = {
    "Sequential": lambda: network(cb),
    "NNX": nnx_model,
    "Keras, by callbax": lambda: served(cb.optimizers.Adam(0.01)),
    "Keras, by Keras": lambda: served(keras.optimizers.Adam(0.01)),
}


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


COPIES = [copy.deepcopy, pickled]


def state(model):
    now = model._engine.read()
    kept = now.variables._asdict(), now.optimizer, now.step, now.learning_rate
    leaves = jax.tree_util.tree_leaves_with_path(kept)
    return {jax.tree_util.keystr(path): np.asarray(leaf).tobytes() for path, leaf in leaves}


@pytest.mark.every(3)
@pytest.mark.parametrize("duplicate", COPIES)
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("before", ["nothing", "fit"])
def test_a_copy_goes_on_as_the_model_would_and_leaves_it_alone(duplicate, make, before):
    model = make()
    if before == "fit":
        model.fit(X, Y, epochs=2, verbose=0)
        model.optimizer.learning_rate = 0.005
    again = duplicate(model)
    kept = state(model)
    assert state(again) == kept
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    cb.utils.set_random_seed(5)  # of the order, where none was drawn yet
    again.fit(X, Y, epochs=2, verbose=0)
    assert state(model) == kept, "the model is left alone"
    cb.utils.set_random_seed(5)
    model.fit(X, Y, epochs=2, verbose=0)
    assert state(model) == state(again), "its random numbers and the order of data too"
    assert again.optimizer.learning_rate == model.optimizer.learning_rate
    again.optimizer.learning_rate = 0.5
    assert model.optimizer.learning_rate != 0.5


@pytest.mark.every(3)
@pytest.mark.parametrize("duplicate", COPIES)
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_copy_made_in_a_hook_is_as_of_the_batch(duplicate, make):
    copies, states = [], []

    def keep(batch, logs):
        if batch == 1:
            copies.append(duplicate(model))
            states.append(state(model))

    model = make()
    callback = cb.callbacks.LambdaCallback(on_train_batch_end=keep)
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[callback])
    assert [state(each) for each in copies] == states
    copies[0].fit(X, Y, verbose=0)


@pytest.mark.parametrize("duplicate", COPIES)
def test_copies_keep_what_keras_s_keep(duplicate):
    facts = []
    for lib in (keras, cb):
        model = network(lib)
        history = model.fit(X, Y, epochs=2, verbose=0)
        again, log = duplicate(model), duplicate(history)
        facts.append(
            (
                int(again.optimizer.iterations),
                float(again.optimizer.learning_rate),
                [type(layer).__name__ for layer in again.layers],
                again.optimizer is model.optimizer,
                log.epoch,
                sorted(log.history),
                log.history == history.history,
                sorted(again.evaluate(X, Y, verbose=0, return_dict=True)),
            )
        )
    assert facts[0] == facts[1]


@pytest.mark.parametrize("duplicate", COPIES)
def test_models_that_are_not_built_or_compiled_can_be_copied(duplicate):
    assert not duplicate(cb.Sequential([cb.layers.Dense(1)])).built
    model = duplicate(cb.Sequential([cb.layers.Input((3,)), cb.layers.Dense(1)]))
    assert model.predict(X, verbose=0).shape == (48, 1)
    with pytest.raises(ValueError, match="compile"):
        model.fit(X, Y)


@pytest.mark.parametrize("duplicate", COPIES)
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_callbacks_of_a_copy_get_the_copy(duplicate, make):
    class Stopping(cb.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            models.append(self.model)
            self.model.stop_training = True

    models = []
    again = duplicate(make())
    assert again.fit(X, Y, epochs=3, verbose=0, callbacks=[Stopping()]).epoch == [0]
    assert models == [again]
    assert again.history.epoch == [0]
