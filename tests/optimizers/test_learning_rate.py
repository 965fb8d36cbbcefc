"""Reading and setting the learning rate."""

import copy
import json
import pickle
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

from callbax.optimizers import (
    SGD,
    Adam,
    HyperParameter,
    schedules,
)


def trained(optimizer, steps):
    """Returns the optimizer of a model that has been trained for so many steps with it."""
    return optimizer.bind(source(float(optimizer.learning_rate), steps))


def source(learning_rate, step):
    return SimpleNamespace(learning_rate=learning_rate, step=step, hyperparameters={})


@pytest.mark.parametrize("given", [0.1, 1, np.float32(0.3), np.float64(0.3), np.array(2), 1e-8])
def test_the_rate_reads_as_keras_shows_it(given):
    theirs = float(keras.optimizers.SGD(float(given)).learning_rate)
    assert float(SGD(given).learning_rate) == theirs
    optimizer = SGD()
    optimizer.learning_rate = given
    assert optimizer.learning_rate == theirs


def test_a_hyperparameter_is_a_number():
    rate = SGD(0.1).learning_rate
    assert isinstance(rate, HyperParameter)
    assert (repr(rate), f"{rate:.3f}") == ("0.10000000149011612", "0.100")
    assert type(rate * 2) is float
    assert 0 < rate < 1
    assert np.asarray(rate) == np.float32(0.1)
    assert jax.jit(lambda x: x + 1)(rate.value) == np.float32(1.1)
    assert json.dumps({"learning_rate": float(rate)}) == '{"learning_rate": 0.10000000149011612}'
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(rate)  # never a number that may be an old one


def test_a_count_is_a_number():
    count = trained(SGD(), steps=3).iterations
    assert (repr(count), f"{count:02d}", int(count), float(count)) == ("3", "03", 3, 3.0)
    assert type(count + 1) is int
    assert (2 < count < 4, [*range(5)][count], jnp.arange(5)[int(count)]) == (True, 3, 3)


READINGS = {"learning_rate": (float, 0.1), "iterations": (int, 3)}


@pytest.mark.parametrize("name", READINGS)
def test_what_is_read_has_the_values_of_keras_s_variable(name):
    theirs = keras.optimizers.SGD(0.1)
    theirs.iterations.assign(3)
    theirs, ours = getattr(theirs, name), getattr(trained(SGD(0.1), steps=3), name)
    assert isinstance(ours.value, jax.Array)
    assert ours.shape == ours.value.shape == ours.numpy().shape == theirs.shape
    assert ours.value.dtype == ours.numpy().dtype == theirs.numpy().dtype
    assert ours == ours.value == ours.numpy() == theirs.numpy()


@pytest.mark.parametrize("name", READINGS)
@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_of_what_is_read_are_plain(duplicate, name):
    plain, value = READINGS[name]
    again = duplicate(getattr(trained(SGD(0.1), steps=3), name))
    assert type(again) is plain
    assert again == pytest.approx(value)


@pytest.mark.parametrize("name", ["learning_rate", "lr"])
def test_both_names_read_set_and_assign(name):
    optimizer = SGD(0.5)
    setattr(optimizer, name, 0.25)
    assert optimizer.learning_rate == optimizer.lr == 0.25
    read = getattr(optimizer, name)
    read.assign(jnp.float32(0.125))
    assert optimizer.learning_rate == 0.125
    assert read == 0.125, "what was read is live, as Keras's variable is"


def test_lr_is_taken_for_learning_rate():
    assert Adam(lr=0.5).learning_rate == 0.5
    assert callable(Adam(lr=schedules.CosineDecay(0.1, 10)).get_config)


def test_a_bound_optimizer_speaks_of_its_source():
    place = source(0.5, 7)
    optimizer = SGD(0.1, gradient_accumulation_steps=2)
    assert optimizer.iterations == 0
    bound = optimizer.bind(place)
    assert (bound.learning_rate, bound.iterations) == (0.5, 3)
    bound.learning_rate = 0.1
    assert place.learning_rate == np.float32(0.1)
    place.learning_rate, place.step = 0.25, 8
    assert (bound.lr, bound.iterations) == (0.25, 4)
    assert optimizer.initial_learning_rate == np.float32(0.1), "the user's own is left as it is"


def test_what_the_user_sets_reaches_every_model_that_uses_it():
    optimizer = SGD(0.1)
    first, second = trained(optimizer, 3), trained(optimizer, 3)
    optimizer.learning_rate = 0.5
    assert first.learning_rate == second.learning_rate == optimizer.learning_rate == 0.5
    assert optimizer.iterations == 3
    del first, second
    assert (optimizer.learning_rate, optimizer.iterations) == (0.5, 0)


def test_models_that_differ_have_to_be_asked_themselves():
    optimizer = SGD(0.1)
    first, second = trained(optimizer, 3), trained(optimizer, 4)
    first.learning_rate = 0.5
    assert second.learning_rate == np.float32(0.1)
    for name in ("learning_rate", "iterations"):
        with pytest.raises(ValueError, match=rf"2 models.*\n.*model.optimizer.{name}"):
            getattr(optimizer, name)


def test_a_copy_starts_at_the_current_rate_and_belongs_to_no_model():
    bound = trained(SGD(0.1), 3)
    bound.learning_rate = 0.5
    for duplicate in (copy.deepcopy(bound), pickle.loads(pickle.dumps(bound))):
        assert (duplicate.learning_rate, duplicate.iterations) == (0.5, 0)
        duplicate.learning_rate = 0.25
    assert bound.learning_rate == 0.5


@pytest.mark.parametrize(
    "schedule", [schedules.ExponentialDecay(0.1, 1, 0.5), optax.exponential_decay(0.1, 1, 0.5)]
)
def test_with_a_schedule_the_rate_is_that_of_the_step(schedule):
    optimizer = SGD(schedule)
    assert optimizer.initial_learning_rate == optimizer.learning_rate == np.float32(0.1)
    bound = optimizer.bind(source(9.0, 2))
    assert bound.learning_rate == pytest.approx(0.025)
    assert bound.rate_at(jnp.float32(9), jnp.int32(1)) == pytest.approx(0.05)
    with pytest.raises(TypeError, match="created with a `LearningRateSchedule`"):
        bound.learning_rate.assign(0.1)
    del bound
    assert optimizer.learning_rate == np.float32(0.1)


def test_a_schedule_may_be_set_while_unbound():
    optimizer = SGD(0.5)
    optimizer.learning_rate = schedules.ExponentialDecay(0.25, 1, 0.5)
    assert optimizer.learning_rate == 0.25


def test_the_words_for_a_number_under_a_schedule_hold_those_of_keras():
    theirs = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    ours = SGD(schedules.ExponentialDecay(0.1, 1, 0.5))
    with pytest.raises(TypeError, match="created with a `LearningRateSchedule`"):
        theirs.learning_rate = 0.1
    with pytest.raises(TypeError, match="created with a `LearningRateSchedule`"):
        ours.learning_rate = 0.1
