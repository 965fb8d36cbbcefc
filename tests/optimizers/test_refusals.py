"""What optimizers refuse, and the words they do it with."""

import math
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from callbax.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    Nadam,
    OptaxOptimizer,
    RMSprop,
    get,
    schedules,
    with_ema,
)

PARAMS = {"w": jnp.ones(3)}


def assign(value, optimizer=None):
    (optimizer or SGD(0.1)).learning_rate = value


def assign_schedule_while_bound():
    optimizer = SGD(0.1)
    bound = optimizer.bind(SimpleNamespace(learning_rate=0.1, step=0, hyperparameters={}))
    bound.learning_rate = schedules.CosineDecay(0.1, 10)


def python_only(step):
    return 0.1 if step < 10 else 0.01


REFUSALS = [
    (lambda: assign("0.1"), TypeError, ["`SGD.learning_rate = ...`", "received '0.1' (str)"]),
    (lambda: assign(None), TypeError, ["expected a number", "received None"]),
    (lambda: assign(True), TypeError, ["received True"]),
    (lambda: assign([0.1]), TypeError, ["received list of length 1"]),
    (lambda: assign(np.ones(1)), TypeError, ["received ndarray of shape (1,)"]),
    (lambda: assign(math.nan), ValueError, ["a finite learning rate of at least 0, received nan"]),
    (lambda: assign(1e39), ValueError, ["received 1e+39"]),
    (lambda: assign(-0.1), ValueError, ["received -0.1", "negate the loss"]),
    (lambda: SGD("fast"), TypeError, ["`SGD(learning_rate=...)`", "Pass a float"]),
    (
        lambda: AdamW(weight_decay=None),
        TypeError,
        ["`AdamW(weight_decay=None)`", "a number of at least 0", "received None"],
    ),
    (
        lambda: Lion(beta_1=0),
        ValueError,
        ["`Lion(beta_1=0)`", "above 0, at most 1", "received 0"],
    ),
    (lambda: Lion(beta_1=1.5), ValueError, ["`Lion(beta_1=1.5)`", "received 1.5 (float)"]),
    (lambda: Adagrad(initial_accumulator_value=-1), ValueError, ["initial_accumulator_value=-1"]),
    (lambda: Nadam(beta_2="a"), TypeError, ["`Nadam(beta_2='a')`"]),
    (lambda: Adadelta(rho=2), ValueError, ["`Adadelta(rho=2)`"]),
    (lambda: Adam(None), TypeError, ["`Adam(learning_rate=...)`", "received None"]),
    (
        lambda: assign(0.1, SGD(schedules.CosineDecay(0.1, 10))),
        TypeError,
        ["`SGD.learning_rate = ...`", "received 0.1 (float)", "make the optimizer with a float"],
    ),
    (
        assign_schedule_while_bound,
        TypeError,
        ["a number while a model uses the optimizer", "Compile the model again"],
    ),
    (
        lambda: SGD(lambda: 0.1),
        TypeError,
        ["takes the step as its one argument, received <lambda>()", "function of (step,)"],
    ),
    (
        lambda: SGD(python_only),
        TypeError,
        ["that can be compiled", "python_only, which needs the step", "jnp.where(step < n, a, b)"],
    ),
    (
        lambda: SGD(lambda step: jnp.ones(2)),
        ValueError,
        ["returns one number", "an array of shape (2,)", "Return a scalar."],
    ),
    (
        lambda: SGD(learning_rate=0.01, lr=0.1),
        TypeError,
        ["`SGD(learning_rate=..., lr=...)`", "one learning rate", "Keep learning_rate."],
    ),
    (
        lambda: SGD(momentun=0.9),
        TypeError,
        ["`SGD(momentun=...)`", 'received "momentun"', 'Closest: "momentum"'],
    ),
    (
        lambda: Adam(decay=1e-6),
        TypeError,
        ["`Adam(decay=...)`", "schedules.InverseTimeDecay(rate, 1, decay)", '"amsgrad"'],
    ),
    (lambda: SGD(momentum=2), ValueError, ["`SGD(momentum=2)`", "a number between 0 and 1"]),
    (lambda: Adam(beta_1="a"), TypeError, ["`Adam(beta_1='a')`", "received 'a' (str)"]),
    (lambda: RMSprop(epsilon=-1), ValueError, ["of at least 0, received -1 (int)"]),
    (lambda: SGD(weight_decay=True), TypeError, ["`SGD(weight_decay=True)`", "received True"]),
    (
        lambda: SGD(clipnorm=1.0, clipvalue=1.0),
        ValueError,
        ["at most one of clipnorm, clipvalue, global_clipnorm", "received clipnorm and clipvalue"],
    ),
    (
        lambda: SGD(gradient_accumulation_steps=1),
        ValueError,
        ["None or a whole number of at least 2, received 1 (int)", "Leave gradient_acc"],
    ),
    (lambda: SGD(gradient_accumulation_steps=2.5), TypeError, ["received 2.5 (float)"]),
    (lambda: SGD(gradient_accumulation_steps=math.nan), TypeError, ["received nan (float)"]),
    (lambda: SGD(ema_overwrite_frequency=0), ValueError, ["a whole number of at least 1"]),
    (lambda: SGD(use_ema=True, ema_momentum=1.5), ValueError, ["`SGD(ema_momentum=1.5)`"]),
    (
        lambda: get("rmspop"),
        ValueError,
        ["`optimizers.get('rmspop')`", 'Closest: "rmsprop"', "an optax transformation"],
    ),
    (lambda: get(3), TypeError, ["`optimizers.get(...)`", "received 3 (int)", "adam"]),
    (lambda: get({"foo": 1}), TypeError, ["received dict with keys ['foo']"]),
    (lambda: get(int), TypeError, ["received the class int"]),
    (lambda: get("adm", where="compile(optimizer='adm')"), ValueError, ["`compile(optimizer="]),
    (
        lambda: OptaxOptimizer(optax.adam),
        TypeError,
        ["expected an optax.GradientTransformation", "such as optax.adam(0.001)"],
    ),
    (
        lambda: OptaxOptimizer(optax.adam(0.1)).learning_rate,
        AttributeError,
        ["`OptaxOptimizer.learning_rate`", "keeps its learning rate to itself", "inject_hyperp"],
    ),
    (
        lambda: assign(0.1, OptaxOptimizer(optax.adam(0.1))),
        AttributeError,
        ["`OptaxOptimizer.learning_rate = ...`", "or use an optimizer of callbax"],
    ),
    (
        lambda: OptaxOptimizer(optax.adam(0.1)).get_config(),
        TypeError,
        ["`OptaxOptimizer.get_config()`", "made of functions", "Save the weights"],
    ),
    (
        lambda: SGD(lambda step: 0.1).get_config(),
        TypeError,
        ["expected a `LearningRateSchedule`"],
    ),
    (
        lambda: with_ema(SGD().init(PARAMS), PARAMS),
        ValueError,
        ["`with_ema(opt_state, averages)`", "without averages", "use_ema=True"],
    ),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSALS)
def test_refusals_say_what_to_do(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
