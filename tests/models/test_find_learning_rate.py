"""``model.find_learning_rate``: what it finds, and that nothing of it remains."""

import random
from contextlib import nullcontext

import jax
import keras
import matplotlib
import numpy as np
import pytest
from flax import nnx
from matplotlib import pyplot

import callbax as cb
from callbax.models import _trial
from callbax.models._rate_search import LearningRateSearch, rates_to_try

matplotlib.use("Agg")
LOSS = "sparse_categorical_crossentropy"
METRICS = ["accuracy"]
PLACE = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def data(rows=96):
    x = np.random.default_rng(1).normal(size=(rows, 8)).astype("float32")
    return x, (x @ PLACE).argmax(axis=1).astype("int32")


class Net(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(3)
        self.first = nnx.Linear(8, 16, rngs=rngs)
        self.norm = nnx.BatchNorm(16, rngs=rngs)
        self.drop = nnx.Dropout(0.3, rngs=rngs)
        self.last = nnx.Linear(16, 3, rngs=rngs)

    def __call__(self, x):
        return nnx.softmax(self.last(self.drop(nnx.relu(self.norm(self.first(x))))))


def sequential():
    parts = [cb.layers.Dense(16, "relu"), cb.layers.Dropout(0.3), cb.layers.Dense(3, "softmax")]
    model = cb.Sequential(parts)
    model.compile(cb.optimizers.Adam(0.01, use_ema=True), LOSS, metrics=METRICS)
    return model


def nnx_module():
    model = cb.Model(Net())
    model.compile("adam", LOSS, metrics=METRICS)
    return model


def keras_net():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, "softmax"),
        ]
    )


def keras_own():
    net = keras_net()
    net.compile(keras.optimizers.Adam(0.01), LOSS, metrics=METRICS)
    return cb.Model(net)


def keras_here():
    model = cb.Model(keras_net())
    model.compile("adam", LOSS, metrics=METRICS)
    return model


KINDS = [sequential, nnx_module, keras_own, keras_here]


def made(kind):
    for library in (cb, keras):  # so that all are called the same
        library.backend.clear_session(free_memory=False)
    cb.utils.set_random_seed(7)
    keras.utils.set_random_seed(7)
    return kind()


def bits(model):
    """Returns all that a model's future depends on, and the global generators."""
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(model.get_state_tree())]
    engine = model._engine
    state = engine.read().replace(metrics=())
    arrays += [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
    generators = (random.getstate(), np.random.get_state(legacy=False))
    return [array.tobytes() for array in arrays], str(generators), model.stop_training


def batches():
    """Draws from NumPy's generator, as Keras users' generators do."""
    x, y = data()
    for _ in range(1000):
        rows = np.random.randint(0, len(x), 32)
        yield x[rows], y[rows]


@pytest.mark.parametrize("kind", KINDS)
def test_fit_gives_the_same_bits_after_it_as_without_it(kind):
    def trained(*, find):
        model = made(kind)
        found = model.find_learning_rate(*data(), steps=15) if find else None
        first = model.fit(*data(), epochs=2, verbose=0, validation_split=0.25)
        if find:
            found = model.find_learning_rate(*data(), steps=15)
        second = model.fit(*data(), epochs=3, initial_epoch=2, verbose=0)
        return (first.history, second.history, *bits(model)), found

    without, with_it = trained(find=False)[0], trained(find=True)
    assert with_it[1].losses[0] > 0
    assert with_it[0] == without


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_is_as_before_bit_for_bit(kind):
    model = made(kind)
    history = model.fit(*data(), epochs=1, verbose=0)
    before = bits(model)
    found = model.find_learning_rate(*data(), steps=20, highest=1e3)
    assert bits(model) == before
    assert model.history is history
    assert len(set(found.losses)) > 10


def test_the_proof_finds_a_state_that_is_not_put_back(monkeypatch):
    monkeypatch.setattr(_trial, "undone", lambda *parts: nullcontext(lambda: None))
    model = made(sequential)
    model.fit(*data(), epochs=1, verbose=0)
    before = bits(model)
    model.find_learning_rate(*data(), steps=10)
    assert bits(model) != before


def test_a_generator_that_draws_from_numpy_gives_the_same_batches_after_it():
    def trained(*, find):
        model = made(nnx_module)
        if find:
            model.find_learning_rate(batches(), steps=10)
        history = model.fit(batches(), steps_per_epoch=4, epochs=2, verbose=0)
        return history.history

    assert trained(find=True) == trained(find=False)


def test_the_state_is_put_back_after_an_error_too(monkeypatch):
    model = made(sequential)
    model.fit(*data(), epochs=1, verbose=0)
    before = bits(model)

    def few():
        yield from zip(*[np.split(part, 3) for part in data()], strict=True)

    with pytest.raises(ValueError, match=r"ran out of data|used up"):
        model.find_learning_rate(few(), steps=50)
    assert bits(model) == before


def test_the_rates_are_those_that_were_asked_for_and_train_as_a_loop_does():
    def linear():
        model = cb.Model(nnx.Linear(8, 1, rngs=nnx.Rngs(0)))
        model.compile("adam", "mse")
        return model

    model, loop = linear(), linear()
    x = data(32)[0]
    y = x.sum(axis=1, keepdims=True)
    found = model.find_learning_rate(x, y, lowest=1e-3, highest=1e-1, steps=10)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-3, 1e-1, 10), rtol=1e-6)
    losses = []
    for rate in found.rates:
        loop.optimizer.learning_rate = rate
        losses.append(loop.train_on_batch(x, y))
    np.testing.assert_allclose(found.losses, losses, rtol=1e-4)


def test_it_ends_when_the_loss_explodes():
    model = cb.Model(nnx.Linear(8, 1, rngs=nnx.Rngs(0)))
    model.compile("sgd", "mse")
    x = data()[0]
    found = model.find_learning_rate(x, x.sum(axis=1), highest=1e3, steps=60)
    assert 5 < len(found.rates) < 60
    assert np.isfinite(found.losses).all()


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_suggestion_is_in_the_middle_of_the_fall(noise):
    rates = rates_to_try(1e-6, 10, 100)
    log = np.log10(rates)
    losses = 2.5 - 2 * np.clip((log + 4) / 3, 0, 1) + np.exp(8 * (log + 0.2))
    losses += noise * np.random.default_rng(0).normal(size=100)
    found = LearningRateSearch.of(rates, list(losses))
    assert 10**-3.0 < found.suggestion < 10**-2.0


def test_there_is_no_suggestion_if_nothing_fell():
    noise = np.random.default_rng(0).normal(size=100)
    assert LearningRateSearch.of(rates_to_try(1e-6, 1, 100), list(2 + noise)).suggestion is None
    assert LearningRateSearch.of([], []).suggestion is None
    assert repr(LearningRateSearch.of([], [])) == "<LearningRateSearch: no steps>"


def test_the_suggested_rate_trains_better_than_the_extremes():
    model = made(nnx_module)
    found = model.find_learning_rate(*data(960))
    ends = {}
    for rate in (found.rates[0], found.suggestion, 10.0):
        net = made(nnx_module)
        net.optimizer.learning_rate = rate
        ends[rate] = net.fit(*data(960), epochs=3, verbose=0).history["loss"][-1]
    assert min(ends, key=ends.get) == found.suggestion


def test_the_picture_has_the_losses_and_the_suggestion():
    found = made(nnx_module).find_learning_rate(*data(960), steps=40)
    figure, axes = pyplot.subplots()
    assert found.plot(ax=axes) is figure
    drawn = {line.get_label(): line.get_data() for line in axes.get_lines()}
    assert tuple(drawn["loss of the batch"][1]) == found.losses
    assert tuple(drawn["smoothed"][0]) == found.rates
    assert drawn[f"suggestion: {found.suggestion:.2e}"][0][0] == found.suggestion
    assert axes.get_xscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning rate", "loss")
    assert found.plot() is not figure
    pyplot.close("all")
    assert repr(found).startswith(f"<LearningRateSearch: suggestion {found.suggestion:.3g}, of ")


def test_wrong_arguments_are_refused_and_a_schedule_is():
    model = made(sequential)
    with pytest.raises(ValueError, match="two rates above 0, the second one greater"):
        model.find_learning_rate(*data(), lowest=1.0, highest=0.1)
    with pytest.raises(ValueError, match=r"find_learning_rate\(steps=3\)"):
        model.find_learning_rate(*data(), steps=3)
    with pytest.raises(ValueError, match="a model that is built, or data that can be gone"):
        model.find_learning_rate(batches())
    with pytest.raises(ValueError, match="a compiled model"):
        cb.Model(Net()).find_learning_rate(*data())
    rate = cb.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model.compile(cb.optimizers.SGD(rate), LOSS)
    with pytest.raises(TypeError, match="no assignment, as a schedule sets the learning rate"):
        model.find_learning_rate(*data())


def test_it_is_refused_in_a_hook():
    class Finds(cb.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.find_learning_rate(*data())

    with pytest.raises(RuntimeError, match="fit"):
        made(sequential).fit(*data(), verbose=0, callbacks=[Finds()])
