"""Fifty steps of every optimizer under every option, beside Keras's."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from callbax import optimizers
from callbax.optimizers import ema_of, schedules

STEPS = 50
SHAPES = {"kernel": (4, 3), "bias": (3,)}

# Rates that keep the weights near 1, where 1e-6 is about ten roundings of a float32.
MEMBERS = {
    "sgd": ("SGD", {"learning_rate": 0.05}),
    "sgd momentum": ("SGD", {"learning_rate": 0.01, "momentum": 0.9}),
    "sgd nesterov": ("SGD", {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.01}),
    "rmsprop momentum": ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.5}),
    "rmsprop centered": ("RMSprop", {"learning_rate": 0.01, "centered": True, "epsilon": 1e-3}),
    "adam": ("Adam", {"learning_rate": 0.01}),
    "adam epsilon": ("Adam", {"learning_rate": 0.01, "beta_1": 0.5, "epsilon": 0.1}),
    "adam amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True, "beta_2": 0.5}),
    "adamw": ("AdamW", {"learning_rate": 0.01}),
    "adamw amsgrad": ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.5, "amsgrad": True}),
    "nadam": ("Nadam", {"learning_rate": 0.01}),
    "nadam epsilon": ("Nadam", {"learning_rate": 0.01, "beta_1": 0.5, "epsilon": 0.1}),
    "adagrad": ("Adagrad", {"learning_rate": 0.05}),
    "adagrad from 0": (
        "Adagrad",
        {"learning_rate": 0.01, "initial_accumulator_value": 0.0, "epsilon": 1e-3},
    ),
    "adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "adadelta rho": ("Adadelta", {"learning_rate": 0.5, "rho": 0.5, "epsilon": 1e-3}),
    "lion": ("Lion", {"learning_rate": 0.003}),
    "lion betas": ("Lion", {"learning_rate": 0.001, "beta_1": 0.5, "beta_2": 0.6}),
}
NAMES = sorted({name for name, _ in MEMBERS.values()})
OPTIONS = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 0.7},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 0.7},
    "clip by 0": {"clipnorm": 0.0},
    "accumulation": {"gradient_accumulation_steps": 3},
    "ema": {"use_ema": True, "ema_momentum": 0.9},
    "ema overwrite": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 4},
    "all at once": {
        "weight_decay": 0.1,
        "clipnorm": 0.7,
        "gradient_accumulation_steps": 3,
        "use_ema": True,
        "ema_momentum": 0.8,
        "ema_overwrite_frequency": 2,
    },
}
CASES = [
    (member, option)
    for member in MEMBERS
    for option in OPTIONS
    # What options do does not depend on the kind of optimizer: one of each kind has them all.
    # Nadam has a number beside those of each weight, Lion decides by signs.
    if member in ("sgd momentum", "rmsprop", "adam", "nadam", "lion")
    or option in ("plain", "all at once")
]


def data(dtype="float32"):
    random = np.random.default_rng(0)
    params = {name: random.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
    grads = {name: random.normal(size=(STEPS, *shape)) for name, shape in SHAPES.items()}
    return params, {name: value.astype(dtype) for name, value in grads.items()}


def run_keras(optimizer, rates):
    """Returns weights and averages after steps at each of the rates, in Keras."""
    params, grads = data()
    variables = [keras.Variable(params[name], name=name) for name in SHAPES]
    optimizer.build(variables)
    apply = jax.jit(lambda own, grads, weights: optimizer.stateless_apply(own, grads, weights))
    weights = [variable.value for variable in variables]
    own = [variable.value for variable in optimizer.variables]
    for step in range(STEPS):
        if rates is not None:
            own[1] = jnp.float32(rates[step * len(rates) // STEPS])
        weights, own = apply(own, [grads[name][step] for name in SHAPES], weights)
    named = {variable.name: value for variable, value in zip(optimizer.variables, own, strict=True)}
    averages = {name: named[f"{name}_average"] for name in SHAPES if optimizer.use_ema}
    return dict(zip(SHAPES, weights, strict=True)), averages


def run_callbax(optimizer, rates, dtype="float32"):
    """The same in callbax, as the carry of a compiled loop; also says how often it was traced."""
    params, grads = data(dtype)
    traces = 0

    @jax.jit
    def run(carry, first, last, rate):
        nonlocal traces
        traces += 1

        def body(step, carry):
            params, state = carry
            now = {name: value[step] for name, value in jax.tree.map(jnp.asarray, grads).items()}
            return optimizer.update(now, state, params, learning_rate=rate, step=step)

        return jax.lax.fori_loop(first, last, body, carry)

    params = jax.tree.map(jnp.asarray, params)
    carry = (params, optimizer.init(params))
    rates = rates or [optimizer.initial_learning_rate]
    for part, rate in enumerate(rates):
        first, last = (-(-STEPS * edge // len(rates)) for edge in (part, part + 1))
        carry = run(carry, first, last, jnp.float32(rate))
    return (*carry, traces)


def assert_close(ours, theirs, what):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(
            ours[name], theirs[name], rtol=0, atol=1e-6, err_msg=f"{what} of {name}"
        )


@pytest.mark.every(2)
@pytest.mark.parametrize(("member", "option"), CASES)
def test_weights_and_averages_equal_keras_while_the_rate_changes(member, option):
    name, arguments = MEMBERS[member]
    arguments = arguments | OPTIONS[option]
    start = arguments["learning_rate"]
    rates = [start, start / 7, start * 2]
    theirs, averages = run_keras(getattr(keras.optimizers, name)(**arguments), rates)
    ours, state, traces = run_callbax(getattr(optimizers, name)(**arguments), rates)
    assert_close(ours, theirs, "weights")
    assert_close(ema_of(state) or {}, averages, "averages")
    assert bool(averages) == arguments.get("use_ema", False)
    assert traces == 1, "a new learning rate must not trace again"


@pytest.mark.every(3)
@pytest.mark.parametrize("option", ["plain", "accumulation"])
@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_sees_every_step_even_those_that_accumulate(name, option):
    arguments = {"decay_steps": 5, "decay_rate": 0.8, "staircase": True}
    theirs, _ = run_keras(
        getattr(keras.optimizers, name)(
            keras.optimizers.schedules.ExponentialDecay(0.05, **arguments), **OPTIONS[option]
        ),
        None,
    )
    schedule = schedules.ExponentialDecay(0.05, **arguments)
    ours, _, _ = run_callbax(getattr(optimizers, name)(schedule, **OPTIONS[option]), None)
    assert_close(ours, theirs, "weights")


@pytest.mark.parametrize("poison", [np.inf, np.nan, 0.0])
@pytest.mark.parametrize("option", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_clipping_of_extreme_gradients_equals_keras(option, poison):
    params, grads = data()
    now = {name: value[0] * 0 + 1 for name, value in grads.items()}
    now["bias"] = now["bias"] * np.float32([1, 0, 0]) + np.float32([poison, 0, 0])
    now["kernel"] = now["kernel"] * (poison != 0)
    variables = [keras.Variable(params[name]) for name in SHAPES]
    with np.errstate(invalid="ignore"):
        keras.optimizers.SGD(0.1, **OPTIONS[option]).apply(list(now.values()), variables)
    optimizer = optimizers.SGD(0.1, **OPTIONS[option])
    ours, _ = optimizer.update(now, optimizer.init(params), params, learning_rate=0.1, step=0)
    theirs = {name: variable.numpy() for name, variable in zip(SHAPES, variables, strict=True)}
    assert_close(ours, theirs, "weights")


@pytest.mark.every(4)
@pytest.mark.parametrize("option", ["plain", "global_clipnorm", "all at once"])
@pytest.mark.parametrize("name", NAMES)
def test_dtypes_stay_as_they_are_in_half_precision(name, option):
    optimizer = getattr(optimizers, name)(0.01, **OPTIONS[option])
    ours, state, _ = run_callbax(optimizer, None, dtype=jnp.bfloat16)
    assert {value.dtype for value in ours.values()} == {jnp.dtype(jnp.bfloat16)}
    assert jax.tree.structure(state) == jax.tree.structure(optimizer.init(ours))
    assert all(np.isfinite(np.asarray(value, "float32")).all() for value in ours.values())


def test_finalize_returns_the_averages_as_keras_does():
    arguments = {"learning_rate": 0.05} | OPTIONS["ema"]
    _, averages = run_keras(keras.optimizers.SGD(**arguments), None)
    optimizer = optimizers.SGD(**arguments)
    ours, state, _ = run_callbax(optimizer, None)
    assert_close(optimizer.finalize(ours, state), averages, "final weights")


def test_finalize_leaves_weights_alone_without_averages():
    params, _ = data()
    optimizer = optimizers.SGD()
    assert optimizer.finalize(params, optimizer.init(params)) is params
