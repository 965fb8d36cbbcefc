"""Numbers of the optimizer that hooks set or keep, and metrics that read them."""

import keras
import numpy as np
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X.sum(1, keepdims=True) + 1


def line(optimizer, **options):
    layers = [cb.layers.Input((3,)), cb.layers.Dense(1, kernel_initializer="ones")]
    model = cb.Sequential(layers)
    model.compile(optimizer, "mse", **options)
    return model


def fit(model, epochs=1, **hooks):
    callbacks = [cb.callbacks.LambdaCallback(**hooks)]
    return model.fit(
        X, Y, batch_size=16, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks
    )


def assigning(model, name, value, at):
    """Returns a hook of batches that sets a number of the optimizer before the n-th."""
    seen = []

    def hook(batch, logs):
        if len(seen) == at:
            setattr(model.optimizer, name, value)
        seen.append(batch)

    return hook


NUMBERS = [
    (cb.optimizers.SGD, {"momentum": 0.9}, ("momentum", 0.25)),
    (cb.optimizers.SGD, {"momentum": 0.9, "nesterov": True}, ("momentum", 0.25)),
    (cb.optimizers.SGD, {}, ("clipnorm", 1e-3)),
    (cb.optimizers.SGD, {"clipvalue": 0.1}, ("clipvalue", 1e-3)),
    (cb.optimizers.SGD, {}, ("global_clipnorm", 1e-3)),
    (cb.optimizers.Adam, {}, ("beta_1", 0.5)),
    (cb.optimizers.Adam, {"weight_decay": 0.1}, ("weight_decay", 0.9)),
    (cb.optimizers.Adam, {}, ("epsilon", 1.0)),
    (cb.optimizers.AdamW, {"weight_decay": 0.1}, ("weight_decay", 0.9)),
    (cb.optimizers.Nadam, {}, ("beta_1", 0.5)),
    (cb.optimizers.Adagrad, {}, ("epsilon", 1.0)),
    (cb.optimizers.Adadelta, {}, ("rho", 0.5)),
    (cb.optimizers.Lion, {"weight_decay": 0.1}, ("weight_decay", 0.9)),
    (cb.optimizers.RMSprop, {"momentum": 0.5}, ("rho", 0.1)),
    (cb.optimizers.RMSprop, {}, ("epsilon", 1.0)),
]


@pytest.mark.parametrize(("kind", "options", "change"), NUMBERS)
def test_a_number_set_in_a_hook_counts_from_the_next_step_on(kind, options, change):
    """The reference goes two steps with the one optimizer and continues, its state kept, with one
    that was made with the other number."""
    (name, value), rows = change, slice(0, 32)
    model = line(kind(0.01, **options))
    fit(model, on_train_batch_begin=assigning(model, name, value, at=2))
    first = line(kind(0.01, **options))
    first.fit(X[rows], Y[rows], batch_size=16, shuffle=False, verbose=0)
    second = line(kind(0.01, **options | {name: value}))
    second.build((None, 3))
    second.take_file_contents(first.file_contents().weights, first.file_contents().optimizer)
    second.fit(X[32:], Y[32:], batch_size=16, shuffle=False, verbose=0)
    still = line(kind(0.01, **options))
    fit(still)
    slots = [m.file_contents().optimizer for m in (model, second)]
    for left, right in zip(model.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-7)
    assert (model.get_weights()[0] != still.get_weights()[0]).any(), "it changes nothing here"
    for left, right in zip(*slots, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-7)
    assert getattr(model.optimizer, name) == np.float32(value)


@pytest.mark.usefixtures("unshared")
def test_only_the_first_assignment_compiles_again():
    model = line(cb.optimizers.SGD(0.01, momentum=0.9))
    fit(model, epochs=2)
    before = model._engine.traces()["train"]

    def cycle(batch, logs):
        model.optimizer.momentum = 0.5 + batch / 10

    fit(model, epochs=3, on_train_batch_begin=cycle)
    after = model._engine.traces()["train"]
    fit(model, epochs=3, on_train_batch_begin=cycle)
    assert after - before <= 2, "at most one program of one step and one of many"
    assert model._engine.traces()["train"] == after


def test_what_the_user_s_own_optimizer_is_told_reaches_the_run():
    optimizer = cb.optimizers.SGD(0.01, momentum=0.9)
    model = line(optimizer)
    fit(model)
    optimizer.momentum = 0.5
    assert model.optimizer.momentum == optimizer.momentum == 0.5
    with pytest.raises(ValueError, match="momentum"):
        optimizer.momentum = 2


def test_before_the_first_step_everything_may_be_set():
    model = line(cb.optimizers.SGD(0.01))
    model.predict(X, verbose=0)
    model.optimizer.momentum, model.optimizer.nesterov = 0.9, True
    other = line(cb.optimizers.SGD(0.01, momentum=0.9, nesterov=True))
    for each in (model, other):
        fit(each, epochs=2)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize(
    ("optimizer", "name", "value"),
    [
        (cb.optimizers.SGD(0.01), "momentum", 0.9),
        (cb.optimizers.SGD(0.01, momentum=0.9), "nesterov", True),
        (cb.optimizers.SGD(0.01, clipnorm=1.0), "clipnorm", None),
        (cb.optimizers.Adam(0.01), "amsgrad", True),
        (cb.optimizers.Adam(0.01), "use_ema", True),
        (cb.optimizers.Adam(0.01), "gradient_accumulation_steps", 2),
        (cb.optimizers.RMSprop(0.01), "centered", True),
        (cb.optimizers.Adagrad(0.01), "initial_accumulator_value", 0.5),
    ],
)
def test_what_decides_the_state_is_refused_once_training_has_begun(optimizer, name, value):
    model = line(optimizer)
    fit(model)
    before = getattr(model.optimizer, name)
    with pytest.raises(ValueError, match=rf"{name}.*(\n.*)*ompile again"):
        setattr(model.optimizer, name, value)
    assert getattr(model.optimizer, name) == before
    setattr(model.optimizer, name, before)


def test_a_number_outlives_the_run_and_a_backup(tmp_path):
    class Killed(Exception):
        pass

    def set_it(epoch, logs):
        if epoch == 1:
            model.optimizer.momentum = 0.2

    def kill(epoch, logs):
        if epoch == 3:
            raise Killed

    weights = []
    for killed in (False, True):
        model = line(cb.optimizers.SGD(0.01, momentum=0.9))
        options = {"batch_size": 16, "epochs": 5, "verbose": 0}
        callbacks = [cb.callbacks.LambdaCallback(on_epoch_begin=set_it)]
        if killed:
            callbacks += [
                cb.callbacks.LambdaCallback(on_epoch_begin=kill),
                cb.callbacks.BackupAndRestore(tmp_path),
            ]
            with pytest.raises(Killed):
                model.fit(X, Y, shuffle=False, callbacks=callbacks, **options)
            model = line(cb.optimizers.SGD(0.01, momentum=0.9))
            callbacks = [cb.callbacks.BackupAndRestore(tmp_path)]
        model.fit(X, Y, shuffle=False, callbacks=callbacks, **options)
        assert model.optimizer.momentum == np.float32(0.2)
        assert model.optimizer.get_config()["momentum"] == np.float32(0.2)
        weights.append(model.get_weights()[0])
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize("own", [True, False])
def test_a_kept_handle_is_live(own):
    seen = []
    optimizer = cb.optimizers.SGD(0.5)
    model = line(optimizer)
    if not own:
        optimizer = model.optimizer
    rate, count = optimizer.learning_rate, optimizer.iterations
    scheduler = cb.callbacks.LearningRateScheduler(lambda epoch: 1 / 2 ** (epoch + 2))
    keep = cb.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((float(rate), rate * 2, int(count)))
    )
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[scheduler, keep])
    assert seen == [(0.25, 0.5, 3), (0.125, 0.25, 6)]
    rate.assign(1.0)
    assert model.optimizer.learning_rate == rate == 1


def schedule():
    return cb.optimizers.schedules.ExponentialDecay(0.01, 1, 0.5)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("where", ["metrics", "loss"])
@pytest.mark.parametrize("rate", [0.01, schedule])
def test_a_metric_or_loss_reads_the_rate_of_each_step(own, where, rate):
    optimizer = cb.optimizers.SGD(rate() if callable(rate) else rate)
    model = line(optimizer)
    if not own:
        optimizer = model.optimizer

    def lr(y_true, y_pred):
        return optimizer.learning_rate + 0 * y_pred[:, 0]

    model.compile(
        optimizer, **({"loss": "mse", "metrics": [lr]} if where == "metrics" else {"loss": lr})
    )
    callbacks = []
    expected = [0.01 / (epoch + 1) for epoch in range(3)]
    if callable(rate):
        expected = [np.mean([0.01 * 0.5 ** (2 * e + b) for b in range(2)]) for e in range(3)]
    else:
        callbacks = [cb.callbacks.LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1))]
    history = model.fit(X[:32], Y[:32], batch_size=16, epochs=3, verbose=0, callbacks=callbacks)
    got = history.history["lr" if where == "metrics" else "loss"]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_a_metric_reads_the_steps_and_the_evaluation_too():
    optimizer = cb.optimizers.SGD(0.01)

    def steps(y_true, y_pred):
        return optimizer.iterations * 1.0 + 0 * y_pred[:, 0]

    model = line(optimizer, metrics=[steps])
    history = fit(model, epochs=2)
    assert history.history["steps"] == [1.0, 4.0]
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["steps"] == 6


def test_a_subclass_may_have_live_numbers_of_its_own():
    class Damped(cb.optimizers.SGD):
        damping = cb.optimizers.LiveNumber()

        def __init__(self, learning_rate=0.01, damping=1.0):
            super().__init__(learning_rate)
            self.damping = damping

        def transformation(self, learning_rate):
            return super().transformation(learning_rate * self.damping)

    model = line(Damped())
    fit(model)
    before = model.get_weights()[0].copy()
    model.optimizer.damping = 0.0
    fit(model)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_keras_keeps_such_numbers_frozen():
    """What is meant to be better here; if this fails, `docs/compatibility.md` has to change."""
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(X, Y, verbose=0)
    before = model.get_weights()[0]
    model.optimizer.clipnorm = 1e-9
    model.fit(X, Y, verbose=0)
    assert np.abs(model.get_weights()[0] - before).max() > 1e-4
