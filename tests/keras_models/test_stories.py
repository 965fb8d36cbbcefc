"""Less usual things that Keras's users do, told twice: under Keras alone and under callbax.

A story is a function that trains as a script would and returns all there is to compare.
"""

import copy
import json
import threading

import jax
import keras
import numpy as np
import pytest
from keras import layers, ops
from tests.keras_models.alike import assert_alike
from tests.keras_models.kinds import floats, whole

from callbax import keras_training
from callbax.keras_training import _takeover

keras_training.give_back()  # the import took over, for all tests of this process

X, Y, CLASSES = floats(4), floats(1, seed=1), whole(3)
FIT = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}


def small(units=1, **options):
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, "tanh", name="hidden"), layers.Dense(units)]
    )
    model.compile(**{"optimizer": "adam", "loss": "mse"} | options)
    return model


def weights(model):
    return [weight.tolist() for weight in model.get_weights()]


def hook(**functions):
    return keras.callbacks.LambdaCallback(**functions)


def frozen_and_thawed():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.BatchNormalization()])
    model = keras.Sequential([keras.Input((4,)), inner, layers.Dense(1)])
    seen = []
    for trainable in (True, False, True):
        inner.trainable = trainable
        model.compile("sgd", "mse")
        seen += [model.fit(X, Y, **FIT).history, weights(model)]
    return seen


def frozen_without_compiling_again():
    model = small()
    first = model.fit(X, Y, **FIT).history
    model.layers[0].trainable = False
    return [first, model.evaluate(X, Y, verbose=0), weights(model)]


def split_and_class_weight():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = small(3, loss=loss, metrics=["accuracy"])
    options = {"validation_split": 0.3, "class_weight": {0: 2.0, 2: 0.5}}
    return [model.fit(X, CLASSES, **FIT, **options).history, weights(model)]


class OwnFit(keras.Sequential):
    def fit(self, *args, **kwargs):
        self.fits = getattr(self, "fits", 0) + 1
        return super().fit(*args, **kwargs)


def overridden_fit():
    model = OwnFit([keras.Input((4,)), layers.Dense(1)])
    model.compile("rmsprop", "mse")
    return [model.fit(X, Y, **FIT).history, model.fit(X, Y, **FIT).history, model.fits]


def saved_in_a_hook(folder):
    model, path, seen = small(), folder / "model.keras", []

    class Save(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                self.model.save(path)
                seen.append(keras.saving.load_model(path).evaluate(X, Y, verbose=0))

    model.fit(X, Y, callbacks=[Save()], **FIT)
    loaded = keras.saving.load_model(path)
    again = loaded.fit(X, Y, **FIT).history
    return [seen, again, weights(loaded), int(loaded.optimizer.iterations)]


def averages_by_epoch():
    model = small(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.7))
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    history = model.fit(X, Y, validation_data=(X, Y), callbacks=[swap], **FIT).history
    return [history, weights(model)]


def batch_by_batch():
    model, seen = small(metrics=["mae"]), []
    for start in range(0, 40, 8):
        rows = slice(start, start + 8)
        seen.append(model.train_on_batch(X[rows], Y[rows]))
        seen.append(model.test_on_batch(X[rows], Y[rows], return_dict=True))
        seen.append(model.predict_on_batch(X[rows]).tolist())
    return [seen, weights(model), int(model.optimizer.iterations)]


def cloned():
    model = small()
    model.fit(X, Y, **FIT)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile("adam", "mae")
    return [copy.fit(X, Y, **FIT).history, weights(model), weights(copy)]


def stopped_in_the_middle():
    model, calls = small(), []

    def stop(batch, logs):
        calls.append(batch)
        if batch == 1:
            model.stop_training = True

    history = model.fit(
        X, Y, validation_data=(X, Y), callbacks=[hook(on_train_batch_end=stop)], **FIT
    ).history
    return [history, calls, weights(model), model.fit(X, Y, **FIT).history]


def several_models():
    one, other, seen = small(), small(optimizer="sgd"), []
    for _ in range(2):
        seen += [
            one.fit(X, Y, **FIT).history,
            other.fit(X, one.predict(X, verbose=0), **FIT).history,
        ]
    return [seen, weights(one), weights(other)]


def predicts_at_epoch_ends():
    model, seen = small(), []
    callback = hook(
        on_epoch_end=lambda epoch, logs: seen.append(
            [model.predict(X[:3], verbose=0).tolist(), model.evaluate(X, Y, verbose=0)]
        )
    )
    return [model.fit(X, Y, callbacks=[callback], **FIT).history, seen]


def a_part_is_run_in_hooks():
    """The encoder of an autoencoder predicts, and trains by itself, while that is trained."""
    encoder = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="code")], name="encoder")
    encoder.compile("sgd", "mse")
    model = keras.Sequential([encoder, layers.Dense(4)])
    model.compile("adam", "mse")
    seen = []

    def look(epoch, logs):
        seen.append(encoder.predict(X[:3], verbose=0).tolist())
        seen.append(encoder.evaluate(X, X[:, :2], verbose=0))
        seen.append(encoder.train_on_batch(X[:8], X[:8, :2]))
        seen.append(encoder.get_weights()[0].tolist())

    history = model.fit(X, X, callbacks=[hook(on_epoch_end=look)], **FIT).history
    return [history, seen, weights(model), encoder.predict(X[:3], verbose=0).tolist()]


def another_model_is_trained_in_a_hook():
    model, probe, seen = small(), small(optimizer="sgd"), []

    def train(epoch, logs):
        features = ops.convert_to_numpy(model.layers[0](X))
        seen.append(probe.fit(X, features[:, :1], **FIT).history)

    model.fit(X, Y, callbacks=[hook(on_epoch_end=train)], **FIT)
    return [seen, weights(model), weights(probe)]


def a_model_inside_another():
    base = small()
    base.fit(X, Y, **FIT)
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2)(layers.Concatenate()([base(x), x])))
    model.compile("adam", "mse")
    history = model.fit(X, X[:, :2], **FIT).history
    return [history, weights(base), weights(model), base.fit(X, Y, **FIT).history]


def dicts_of_losses():
    x = keras.Input((4,))
    model = keras.Model(x, {"a": layers.Dense(1, name="a")(x), "b": layers.Dense(3, name="b")(x)})
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        "adam",
        {"a": "mse", "b": sparse},
        metrics={"b": ["accuracy"]},
        loss_weights={"a": 0.3, "b": 1.0},
    )
    y, weight = {"a": Y, "b": CLASSES}, {"a": np.abs(X[:, 0]), "b": np.abs(X[:, 1])}
    first = model.fit(X, y, sample_weight=weight, validation_data=(X, y), **FIT).history
    outputs = {key: value.tolist() for key, value in model.predict(X, verbose=0).items()}
    return [first, model.evaluate(X, y, verbose=0), outputs]


def lists_and_tuples():
    x = keras.Input((4,))
    model = keras.Model(x, [layers.Dense(1)(x), layers.Dense(2)(x)])
    model.compile("adam", ["mse", "mae"])
    history = model.fit(X, [Y, X[:, :2]], **FIT).history
    outputs = model.predict(X, verbose=0)
    return [history, type(outputs).__name__, [output.tolist() for output in outputs]]


def eagerly():
    model = small(run_eagerly=True)
    return [model.fit(X, Y, **FIT).history, weights(model), model.evaluate(X, Y, verbose=0)]


class Moody(keras.Model):
    """Fails to be traced while it is in a mood."""

    def __init__(self):
        super().__init__()
        self.dense, self.mood = layers.Dense(1), True

    def call(self, x):
        if self.mood:
            raise RuntimeError("not today")
        return self.dense(x)


def failing_calls():
    model, seen = Moody(), []
    model.compile("adam", "mse")
    for mood in (True, False):
        model.mood = mood
        try:
            seen.append(model.fit(X, Y, **FIT).history)
        except Exception as error:  # what comes is compared
            seen.append("not today" in str(error))
    return [*seen, model.fit(X, Y, **FIT).history, weights(model)]


def wrong_shapes():
    model, seen = small(), []
    for x, y in ((X[:, :3], Y), (X, Y[:5])):
        try:
            model.fit(x, y, **FIT)
        except ValueError as error:
            seen.append(type(error).__name__)
    return [seen, model.fit(X, Y, **FIT).history, weights(model)]


def interrupted():
    model, seen = small(), []

    def interrupt(batch, logs):
        if batch == 2:
            raise KeyboardInterrupt

    try:
        model.fit(X, Y, callbacks=[hook(on_train_batch_end=interrupt)], **FIT)
    except KeyboardInterrupt:
        seen.append(weights(model))
    return [seen, int(model.optimizer.iterations), model.fit(X, Y, **FIT).history]


def in_threads():
    """Two models, each trained and asked in a thread of its own."""
    results = [None, None]
    models = [small(), small(optimizer="sgd")]

    def work(number):
        model = models[number]
        results[number] = [model.fit(X, Y, **FIT).history, model.predict(X, verbose=0).tolist()]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return results


def logs_as_json():
    """What hooks are given is what a script would write into a file of JSON lines."""
    model, lines = small(metrics=["mae"]), []

    class Lines(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            lines.append([self.params["epochs"], self.params["steps"], sorted(logs or {})])

        def on_train_batch_end(self, batch, logs=None):
            lines.append([batch, type(logs).__name__, json.dumps(logs), dict(logs), logs.copy()])

        def on_epoch_end(self, epoch, logs=None):
            lines.append([epoch, json.dumps(logs), {k: type(v).__name__ for k, v in logs.items()}])

        def on_test_end(self, logs=None):
            lines.append(json.dumps(logs))

    model.fit(X, Y, validation_data=(X, Y), callbacks=[Lines()], **FIT)
    return lines


def metrics_in_hooks():
    model, seen = small(metrics=[keras.metrics.MeanAbsoluteError(name="error")]), []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            results = self.model.get_metrics_result()
            seen.append({key: float(value) for key, value in results.items()})
            if batch == 1:
                self.model.reset_metrics()

    history = model.fit(X, Y, callbacks=[Look()], **FIT).history
    return [history, seen, model.metrics_names]


def stateful_network():
    rows = len(X) // 8 * 8
    model = keras.Sequential(
        [keras.Input((4, 1), batch_size=8), layers.LSTM(3, stateful=True), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    x, seen = X[:rows, :, None], []

    def reset(epoch, logs):
        seen.append([np.asarray(state).tolist() for state in model.layers[0].states])
        model.layers[0].reset_state()

    history = model.fit(x, Y[:rows], callbacks=[hook(on_epoch_end=reset)], **FIT).history
    return [history, seen, model.predict(x, batch_size=8, verbose=0).tolist()]


def another_optimizer():
    model = small()
    first = model.fit(X, Y, **FIT).history
    model.optimizer.learning_rate = 0.5
    second = model.fit(X, Y, **FIT).history
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return [first, second, model.fit(X, Y, **FIT).history, weights(model)]


def trained_in_pieces():
    model = small()
    histories = [model.fit(X, Y, **FIT | {"epochs": n + 1}, initial_epoch=n) for n in range(3)]
    return [[h.history, h.epoch, h.params["epochs"]] for h in histories]


def weights_only(folder):
    model, path = small(), folder / "some.weights.h5"
    model.fit(X, Y, **FIT)
    model.save_weights(path)
    other = small()
    other.fit(X, Y, **FIT)
    other.load_weights(path)
    return [weights(other), other.fit(X, Y, **FIT).history, other.count_params()]


def only_inputs():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    return [model.predict(X, batch_size=7, verbose=0).tolist(), model.predict(X[:1]).tolist()]


def copied():
    model = small()
    model.fit(X, Y, **FIT)
    other = copy.deepcopy(model)
    return [other.fit(X, Y, **FIT).history, weights(model), weights(other)]


STORIES = [
    frozen_and_thawed,
    frozen_without_compiling_again,
    split_and_class_weight,
    overridden_fit,
    saved_in_a_hook,
    averages_by_epoch,
    batch_by_batch,
    cloned,
    stopped_in_the_middle,
    several_models,
    predicts_at_epoch_ends,
    a_part_is_run_in_hooks,
    another_model_is_trained_in_a_hook,
    a_model_inside_another,
    dicts_of_losses,
    lists_and_tuples,
    eagerly,
    failing_calls,
    wrong_shapes,
    interrupted,
    in_threads,
    logs_as_json,
    metrics_in_hooks,
    stateful_network,
    another_optimizer,
    trained_in_pieces,
    weights_only,
    only_inputs,
    copied,
]


def told(story, folder):
    keras.utils.set_random_seed(4)
    keras.backend.clear_session(free_memory=False)
    folder.mkdir()
    wants_folder = story.__code__.co_argcount
    return story(folder) if wants_folder else story()


@pytest.fixture
def taken():
    yield keras_training
    keras_training.give_back()


@pytest.mark.every(2)
@pytest.mark.filterwarnings("ignore:callbax leaves")
@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_it_ends_as_under_keras_alone(story, taken, tmp_path, distribution):
    expected = told(story, tmp_path / "keras")
    taken.take_over()
    before = taken.served().calls.total()
    received = told(story, tmp_path / "callbax")
    assert_alike(received, expected, distribution)
    assert taken.served().calls.total() > before or story is eagerly


def test_another_seed_would_be_seen(tmp_path):
    """Negative control."""
    expected = told(several_models, tmp_path / "one")
    keras.utils.set_random_seed(5)
    assert several_models() != expected


def test_shuffled_data_come_in_the_same_order_after_the_same_seed(taken):
    taken.take_over()
    found = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        model = small()
        model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
        found.append(model.fit(X, Y, batch_size=8, epochs=2, verbose=0).history["loss"])
    assert found[0] == found[1] != found[2]


def test_a_generators_own_draws_are_left_alone(taken, distribution):
    def batches():
        while True:
            yield np.random.normal(size=(8, 4)), np.random.normal(size=(8, 1))

    def story():
        keras.utils.set_random_seed(3)
        model = small()
        return model.fit(batches(), steps_per_epoch=5, epochs=2, verbose=0).history

    with pytest.warns(UserWarning, match="shuffle=True"):
        expected = story()
    taken.take_over()
    assert_alike(story(), expected, distribution)


class WithoutCall(keras.Model):
    """Trains and evaluates by steps of its own, and cannot be called, as many a GAN."""

    def __init__(self):
        super().__init__()
        self.dense, self.convolution = layers.Dense(1), layers.Conv1D(2, 2)
        self.dense.build((None, 6))
        self.convolution.build((None, 4, 1))
        self.seen, self.built = keras.metrics.Mean(name="seen"), True

    @property
    def metrics(self):
        return [self.seen]

    def loss_of(self, trainable, x):
        with keras.StatelessScope(zip(self.trainable_variables, trainable, strict=True)):
            features = ops.reshape(self.convolution(x[..., None]), (-1, 6))
            return ops.mean(ops.square(self.dense(features) - 1))

    def train_step(self, state, x):
        trainable, others, optimizer, metrics = state
        loss, grads = jax.value_and_grad(self.loss_of)(trainable, x)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        metrics = self.seen.stateless_update_state(metrics, loss)
        logs = {"seen": self.seen.stateless_result(metrics)}
        return logs, (trainable, others, optimizer, metrics)

    def test_step(self, state, x):
        trainable, others, metrics = state
        metrics = self.seen.stateless_update_state(metrics, self.loss_of(trainable, x))
        return {"seen": self.seen.stateless_result(metrics)}, (trainable, others, metrics)


def test_a_model_that_cannot_be_called_is_trained_and_evaluated(taken, distribution):
    def story():
        keras.utils.set_random_seed(2)
        model = WithoutCall()
        model.compile("adam")
        return [model.fit(X, **FIT).history, model.evaluate(X, verbose=0), weights(model)]

    expected = story()
    taken.take_over()
    assert_alike(story(), expected, distribution)


@pytest.mark.parametrize("compiled", [True, False])
def test_layers_that_cannot_be_compiled_are_named(taken, compiled):
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.RandomRotation(0.1), layers.Flatten()])
    if compiled:
        model.compile("adam", "mse")
    x = floats(6, 6, 1)
    expected = model.predict(x, verbose=0)
    taken.take_over()
    _takeover._takeover._told.clear()
    with pytest.warns(UserWarning, match="RandomRotation cannot be compiled, says Keras"):
        received = model.predict(x, verbose=0)
    np.testing.assert_array_equal(received, expected)
