"""States too large for a second copy are overwritten, but never an array that a user holds."""

import jax
import numpy as np
import pytest
from flax import nnx

import callbax as cb
from callbax._data._placement import OneDevice

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X.sum(1, keepdims=True) + 1


@pytest.fixture
def small_device(monkeypatch):
    monkeypatch.setattr(OneDevice, "memory", property(lambda self: 1))


def trained(**hooks):
    module = nnx.Linear(3, 1, rngs=nnx.Rngs(0))
    model = cb.Model(module, seed=0)
    model.compile("adam", "mse", metrics=["mae"])
    callbacks = [cb.callbacks.LambdaCallback(**hooks)] if hooks else []
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=callbacks)
    return model


def test_what_the_user_holds_stays_readable(small_device):
    module = nnx.Linear(3, 1, rngs=nnx.Rngs(0))
    target, first = nnx.clone(module), module.kernel[...]
    kept = [first]
    model = cb.Model(module)
    model.compile("adam", "mse")
    hook = cb.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: kept.append(module.kernel[...])
    )
    for _ in range(2):
        model.fit(X, Y, batch_size=16, verbose=0, callbacks=[hook])
        kept.append(module.kernel[...])
        model.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(target.kernel[...], first)
    assert all(np.isfinite(np.asarray(array)).all() for array in kept)
    assert len({np.asarray(array).tobytes() for array in kept}) == 7


@pytest.mark.parametrize(
    "hooks",
    [
        {},
        {"on_train_batch_end": lambda batch, logs: None},
        {"on_epoch_end": lambda epoch, logs: None},
    ],
)
def test_the_numbers_are_those_of_a_large_device(hooks, monkeypatch):
    large = trained(**hooks)
    monkeypatch.setattr(OneDevice, "memory", property(lambda self: 1))
    small = trained(**hooks)
    assert small.history.history == large.history.history
    for left, right in zip(small.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert small.optimizer.iterations == 6


@pytest.mark.one_device("it makes that device a small one")
def test_states_that_nobody_sees_are_overwritten(small_device):
    """The negative control: were nothing overwritten, the other tests would show nothing."""
    model = cb.Model(nnx.Linear(3, 1, rngs=nnx.Rngs(0)))
    model.compile("adam", "mse")
    places = []

    def look(batch, logs):
        # Not through the model: whoever reads it gets a state that is left alone.
        places.append(model._engine._line._known.moving[0])

    callback = cb.callbacks.LambdaCallback(on_train_batch_end=look)
    model.fit(X, Y, batch_size=8, epochs=1, verbose=0, callbacks=[callback])
    assert any(array.is_deleted() for array in places)


def test_an_exception_leaves_the_state_of_the_batch(small_device):
    class Stop(Exception):
        pass

    def stop(batch, logs):
        if batch == 1:
            raise Stop

    module = nnx.Linear(3, 1, rngs=nnx.Rngs(0))
    model = cb.Model(module)
    model.compile("adam", "mse")
    before = np.array(module.kernel[...])
    callback = cb.callbacks.LambdaCallback(on_train_batch_end=stop)
    with pytest.raises(Stop):
        model.fit(X, Y, batch_size=16, verbose=0, callbacks=[callback])
    assert (np.asarray(module.kernel[...]) != before).any()
    assert model.optimizer.iterations == 2
    model.fit(X, Y, verbose=0)


@pytest.mark.one_device("it makes that device a small one, and counts the arrays of one copy")
def test_there_is_never_a_second_copy_of_all(small_device):
    model = cb.Model(nnx.Linear(3, 333, rngs=nnx.Rngs(0)))
    model.compile("adam", "mse")
    held = []

    def look(*_, logs=None):
        held.append(sum(array.size == 999 for array in jax.live_arrays()))

    targets = np.repeat(Y, 333, 1)
    hooks = cb.callbacks.LambdaCallback(
        on_train_begin=look, on_train_batch_begin=look, on_train_batch_end=look, on_train_end=look
    )
    for _ in range(2):
        model.fit(X, targets, batch_size=16, verbose=0, callbacks=[hooks])
    assert set(held) == {3}  # the kernel and Adam's two moments of it


@pytest.mark.one_device("it makes that device a small one")
def test_a_run_that_cannot_begin_leaves_the_state(small_device, monkeypatch):
    model = trained()
    before, steps = model.get_weights(), int(model.optimizer.iterations)

    def full(arrays):
        raise MemoryError

    with monkeypatch.context() as failing:
        failing.setattr("callbax._training._engine.own", full)
        with pytest.raises(MemoryError):
            model.fit(X, Y, batch_size=16, verbose=0)
    assert int(model.optimizer.iterations) == steps
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.fit(X, Y, batch_size=16, verbose=0)
