"""An optimizer object in several models, and a model compiled again with one it knows."""

import copy

import numpy as np
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X.sum(1, keepdims=True) + 1


def line(optimizer):
    model = cb.Sequential([cb.layers.Input((3,)), cb.layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer, "mse")
    return model


def rate_of_zero():
    return cb.callbacks.LearningRateScheduler(lambda epoch: 0.0)


def test_each_model_has_its_own_rate_and_count():
    optimizer = cb.optimizers.SGD(0.01)
    first, second = line(optimizer), line(optimizer)
    first.fit(X, Y, verbose=0)
    before = first.get_weights()[0].copy()
    first.fit(X, Y, verbose=0, callbacks=[rate_of_zero()])
    np.testing.assert_array_equal(first.get_weights()[0], before)
    second.fit(X, Y, epochs=2, verbose=0)
    assert (first.optimizer.learning_rate, second.optimizer.learning_rate) == (
        0.0,
        np.float32(0.01),
    )
    assert (first.optimizer.iterations, second.optimizer.iterations) == (4, 4)
    assert (second.get_weights()[0] != 1).any()


def test_compiling_leaves_the_optimizer_as_it_was():
    optimizer = cb.optimizers.Adam(0.5)
    config = optimizer.get_config()
    model = line(optimizer)
    model.fit(X, Y, verbose=0, callbacks=[rate_of_zero()])
    assert copy.copy(config) == config
    assert line(optimizer).optimizer.learning_rate == 0.5, "another model starts with its own rate"


@pytest.mark.parametrize("own", [True, False])
def test_compiling_again_with_the_same_optimizer_continues(own):
    given = cb.optimizers.Adam(0.1)
    model = line(given)
    model.fit(X, Y, verbose=0)
    model.optimizer.learning_rate = 0.25
    slots = [np.asarray(v).tobytes() for v in model.file_contents().optimizer]
    model.compile(model.optimizer if own else given, "mae")
    assert [np.asarray(v).tobytes() for v in model.file_contents().optimizer] == slots
    assert (model.optimizer.learning_rate, model.optimizer.iterations) == (0.25, 2)
    model.fit(X, Y, verbose=0)
    assert model.optimizer.iterations == 4


@pytest.mark.parametrize("first", ["fit", "predict", "get_weights", "summary"])
def test_compiling_with_another_optimizer_starts_it(first):
    model = line(cb.optimizers.SGD(0.1))
    {
        "fit": lambda: model.fit(X, Y, verbose=0),
        "predict": lambda: model.predict(X, verbose=0),
        "get_weights": model.get_weights,
        "summary": lambda: model.summary(print_fn=str),
    }[first]()
    model.compile(cb.optimizers.Adam(0.0), "mse")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert [w.tolist() for w in model.get_weights()] == [w.tolist() for w in before]
    assert (model.optimizer.learning_rate, model.optimizer.iterations) == (0.0, 2)


def test_a_backup_in_a_loop_of_one_s_own_can_be_resumed(tmp_path):
    model = line(cb.optimizers.Adam(0.1))
    model.train_on_batch(X, Y)
    backup = cb.callbacks.BackupAndRestore(tmp_path)
    backup.set_model(model)
    backup.on_epoch_end(0)
    resumed = line(cb.optimizers.Adam(0.1))
    with pytest.warns(UserWarning, match="BackupAndRestore, History were not restored"):
        history = resumed.fit(X, Y, epochs=1, verbose=0, callbacks=[backup])
    assert history.epoch == [], "its one epoch is done"
    assert [w.tolist() for w in resumed.get_weights()] == [w.tolist() for w in model.get_weights()]
