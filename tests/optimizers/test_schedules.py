"""Schedules beside Keras's, and what they refuse."""

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from callbax import optimizers
from callbax.optimizers import schedules

STEPS = [0, 1, 2, 4, 5, 6, 9, 10, 11, 14, 15, 16, 19, 20, 25, 29, 30, 31, 50, 70, 71, 99, 1000]

CASES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True},
    ),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 2.0, "staircase": True},
    ),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    (
        "PolynomialDecay",
        {
            "initial_learning_rate": 0.1,
            "decay_steps": 10,
            "end_learning_rate": 0.02,
            "power": 2.0,
            "cycle": True,
        },
    ),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "power": 0.5}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 15], "values": [0.1, 0.03, 0.01]}),
    ("PiecewiseConstantDecay", {"boundaries": [5.5], "values": [0.1, 0.03]}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.3}),
    (
        "CosineDecay",
        {
            "initial_learning_rate": 0.0,
            "decay_steps": 20,
            "alpha": 0.1,
            "warmup_target": 0.2,
            "warmup_steps": 10,
        },
    ),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "warmup_target": 0.2}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10}),
    (
        "CosineDecayRestarts",
        {
            "initial_learning_rate": 0.1,
            "first_decay_steps": 10,
            "t_mul": 1.0,
            "m_mul": 0.5,
            "alpha": 0.1,
        },
    ),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.5, "m_mul": 0.9},
    ),
]
every_case = pytest.mark.parametrize(
    ("name", "arguments"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)]
)


@every_case
def test_rates_equal_keras_at_many_steps(name, arguments):
    ours = getattr(schedules, name)(**arguments)
    theirs = getattr(keras.optimizers.schedules, name)(**arguments)
    steps = jnp.array(STEPS, jnp.int32)
    expected = jax.vmap(theirs)(steps)
    for how in (jax.vmap(ours), jax.jit(jax.vmap(ours))):
        np.testing.assert_allclose(how(steps), expected, rtol=1e-6, atol=1e-8)
    assert float(ours(STEPS[5])) == pytest.approx(float(expected[5]))


@every_case
def test_configs_are_those_of_keras_and_lead_back(name, arguments):
    ours = getattr(schedules, name)(**arguments)
    theirs = getattr(keras.optimizers.schedules, name)(**arguments)
    assert ours.get_config() == theirs.get_config()
    for config in (schedules.serialize(ours), keras.optimizers.schedules.serialize(theirs)):
        again = schedules.deserialize(json.loads(json.dumps(config)))
        assert type(again) is type(ours)
        assert again.get_config() == ours.get_config()


def test_a_whole_number_as_initial_rate_does_not_round_the_schedule():
    assert float(schedules.ExponentialDecay(1, 10, 0.5)(5)) == pytest.approx(0.5**0.5)


@pytest.mark.parametrize("how", [lambda f: f, jax.jit])
def test_rounding_delays_no_restart(how):
    # Keras gives 0 at this step: in float32, log(8192) / log(2) is just below 13.
    schedule = schedules.CosineDecayRestarts(0.1, first_decay_steps=10)
    assert float(how(schedule)(jnp.int32(81910))) == pytest.approx(0.1)


@pytest.mark.parametrize("how", [lambda f: f, jax.jit])
def test_polynomial_decay_stays_at_its_end_when_compiled(how):
    # Compiled, Keras gives NaN from step 20 on.
    schedule = schedules.PolynomialDecay(0.1, 20, end_learning_rate=0.01, power=0.5)
    assert [float(how(schedule)(jnp.int32(step))) for step in (20, 50)] == pytest.approx([0.01] * 2)


class Halving(schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.5**step


def test_custom_objects_are_found_by_name():
    class Named(Halving):
        def get_config(self):
            return {}

    config = schedules.serialize(Named())
    assert config == {"class_name": "Named", "config": {}}
    assert type(schedules.deserialize(config, {"Named": Named})) is Named
    optimizer = optimizers.SGD.from_config({"learning_rate": config}, {"Named": Named})
    assert float(optimizer.learning_rate) == 1.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
            ValueError,
            ["`ExponentialDecay(decay_steps=0)`", "above 0, received 0"],
        ),
        (
            lambda: schedules.InverseTimeDecay(0.1, -1, 0.5),
            ValueError,
            ["`InverseTimeDecay(decay_steps=-1)`"],
        ),
        (
            lambda: schedules.PolynomialDecay(0.1, 0),
            ValueError,
            ["`PolynomialDecay(decay_steps=0)`"],
        ),
        (lambda: schedules.CosineDecay(0.1, 0), ValueError, ["`CosineDecay(decay_steps=0)`"]),
        (
            lambda: schedules.CosineDecayRestarts(0.1, 0),
            ValueError,
            ["`CosineDecayRestarts(first_decay_steps=0)`", "Pass over how many steps"],
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1]),
            ValueError,
            ["one boundary less than values, received 2 boundaries and 1 values"],
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]),
            ValueError,
            ["boundaries in rising order, received boundaries=[2, 1]", "Sort the boundaries"],
        ),
        (
            lambda: schedules.serialize(Halving()),
            NotImplementedError,
            ["`Halving.get_config()`", "Return the constructor's arguments"],
        ),
        (
            lambda: schedules.serialize(lambda step: 0.1),
            TypeError,
            ["`schedules.serialize(...)`", "expected a `LearningRateSchedule`", "get_config"],
        ),
        (
            lambda: schedules.deserialize({"class_name": "ExponentalDecay"}),
            ValueError,
            ['no schedule is registered under the name "ExponentalDecay"', '"exponentialdecay"'],
        ),
        (
            lambda: schedules.deserialize({"config": {}}),
            TypeError,
            ["expected the name of a schedule", "received dict with keys ['config']"],
        ),
    ],
)
def test_refusals_say_what_to_do(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
