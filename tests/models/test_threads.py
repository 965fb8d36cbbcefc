"""Runs of one model in several threads: each run's hooks see their own run."""

import threading

import numpy as np
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
Y = X.sum(1, keepdims=True) + 1


def line():
    layers = [cb.layers.Input((3,)), cb.layers.Dense(1, kernel_initializer="ones")]
    model = cb.Sequential(layers)
    model.compile(cb.optimizers.SGD(0.05), "mse")
    return model


def fit(model, epochs=2, **hooks):
    callbacks = [cb.callbacks.LambdaCallback(**hooks)] if hooks else None
    options = {"batch_size": 16, "shuffle": False, "verbose": 0, "callbacks": callbacks}
    return model.fit(X, Y, epochs=epochs, **options)


def in_thread(function):
    """Starts a thread; returns what waits for it and raises what it raised."""
    failed = []

    def run():
        try:
            function()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def wait():
        thread.join(60)
        assert not thread.is_alive()
        if failed:
            raise failed[0]

    return wait


@pytest.fixture
def uninterrupted():
    model = line()
    fit(model)
    return model


def test_a_prediction_that_begins_before_fit_and_ends_within_it(uninterrupted):
    model = line()
    before = model.predict(X, verbose=0)
    began, may_go_on, outputs, seen = threading.Event(), threading.Event(), [], []

    def predict():
        def hold(batch, logs):
            if batch == 0:
                began.set()
                assert may_go_on.wait(60)
            seen.append(model.get_weights()[0].copy())

        hook = cb.callbacks.LambdaCallback()
        hook.on_predict_batch_end = hold
        outputs.append(model.predict(X, batch_size=16, verbose=0, callbacks=[hook]))

    wait = in_thread(predict)
    assert began.wait(60)

    def release(epoch, logs):
        may_go_on.set()
        wait()

    fit(model, on_epoch_begin=lambda epoch, logs: release(epoch, logs) if epoch == 1 else None)
    np.testing.assert_array_equal(outputs[0], before)
    for weights in seen:
        np.testing.assert_array_equal(weights, np.ones((3, 1)))
    for left, right in zip(model.get_weights(), uninterrupted.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert model.optimizer.iterations == 8


def test_a_prediction_that_outlives_the_fit(uninterrupted):
    model = line()
    began, may_go_on = threading.Event(), threading.Event()

    def predict():
        def hold(batch, logs):
            began.set()
            assert may_go_on.wait(60)

        hook = cb.callbacks.LambdaCallback()
        hook.on_predict_batch_end = hold
        model.predict(X, batch_size=16, verbose=0, callbacks=[hook])

    wait = in_thread(predict)
    assert began.wait(60)
    fit(model)
    during = [weight.copy() for weight in model.get_weights()]
    may_go_on.set()
    wait()
    for weights in (during, model.get_weights(), [w[...] for w in model.layers[0].weights]):
        for left, right in zip(weights, uninterrupted.get_weights(), strict=True):
            np.testing.assert_array_equal(left, right)


def test_another_thread_sees_and_may_predict_with_the_training_run(uninterrupted):
    model = line()
    seen = []

    def look(epoch, logs):
        here = model.predict(X, verbose=0)

        def elsewhere():
            np.testing.assert_array_equal(model.predict(X, verbose=0), here)
            seen.append((model.get_weights()[0].tolist(), int(model.optimizer.iterations)))

        in_thread(elsewhere)()
        assert seen[-1] == (model.get_weights()[0].tolist(), 4 * (epoch + 1))

    fit(model, on_epoch_end=look)
    assert len(seen) == 2
    np.testing.assert_array_equal(model.get_weights()[0], uninterrupted.get_weights()[0])


def test_many_predictions_while_it_trains(uninterrupted):
    model, stop = line(), threading.Event()
    counts = []

    def predict():
        while not stop.is_set():
            assert np.isfinite(model.predict(X, batch_size=16, verbose=0)).all()
            counts.append(1)

    waits = [in_thread(predict) for _ in range(2)]
    fit(model, epochs=2, on_epoch_end=lambda epoch, logs: None)
    while len(counts) < 4:
        pass
    stop.set()
    for wait in waits:
        wait()
    np.testing.assert_array_equal(model.get_weights()[0], uninterrupted.get_weights()[0])


@pytest.mark.parametrize("own_thread", [True, False])
def test_a_second_fit_of_a_model_that_is_being_fitted_is_refused(own_thread, uninterrupted):
    model, errors = line(), []

    def again():
        with pytest.raises(RuntimeError, match=r"(?s)`fit`: expected .*still under way.*Wait"):
            fit(model)
        errors.append(1)

    def hook(epoch, logs):
        in_thread(again)() if own_thread else again()

    fit(model, on_epoch_end=hook)
    assert len(errors) == 2
    np.testing.assert_array_equal(model.get_weights()[0], uninterrupted.get_weights()[0])


def test_a_step_from_another_thread_is_refused():
    model = line()

    def step():
        with pytest.raises(RuntimeError, match="still under way"):
            model.train_on_batch(X[:16], Y[:16])

    fit(model, on_epoch_end=lambda epoch, logs: in_thread(step)())
