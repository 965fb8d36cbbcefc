"""What is Equinox's own: one sample at a time, state, ties, inference mode."""

import copy
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests._modules.kinds import KINDS, EquinoxNorm, X, Y

import callbax as cb

KEY = jax.random.key(0)


def compiled(module, **arguments):
    model = cb.Model(module, seed=0, **arguments)
    model.compile(cb.optimizers.SGD(0.05), "mse")
    return model


class PerSample(eqx.Module):
    linear: eqx.nn.Linear

    def __init__(self):
        self.linear = eqx.nn.Linear(5, 1, key=KEY)

    def __call__(self, x):
        assert x.ndim == 1
        return self.linear(x)


class Batched(PerSample):
    batched: ClassVar[bool] = True

    def __call__(self, x):
        assert x.ndim == 2
        return jax.vmap(self.linear)(x)


def test_a_module_for_batches_says_so():
    models = [compiled(PerSample()), compiled(Batched())]
    for model in models:
        model.fit(X, Y, epochs=2, verbose=0)
        assert model.output_shape == (None, 1)
    one, many = (model.predict(X, verbose=0) for model in models)
    np.testing.assert_allclose(one, many, rtol=1e-5)


class Noise(eqx.Module):
    """Takes a key; the same one for all samples, or one for each."""

    scale: jax.Array

    def __call__(self, x, *, key):
        return x + self.scale * jax.random.normal(key, x.shape)


class BatchNoise(Noise):
    batched: ClassVar[bool] = True


def test_every_sample_has_a_key_of_its_own():
    same_rows = np.ones((6, 3), "float32")
    outputs = np.asarray(cb.Model(Noise(jnp.ones(())), seed=0)(same_rows))
    assert len({row.tobytes() for row in outputs}) == 6
    whole = cb.Model(BatchNoise(jnp.ones(())), seed=0)(same_rows)
    assert whole.shape == (6, 3)


class Tied(eqx.Module):
    """Two layers that share a weight."""

    shared: eqx.nn.Shared

    def __init__(self):
        layers = eqx.nn.Linear(5, 5, key=KEY), eqx.nn.Linear(5, 5, use_bias=False, key=KEY)
        self.shared = eqx.nn.Shared(layers, where=lambda m: m[1].weight, get=lambda m: m[0].weight)

    def __call__(self, x):
        first, second = self.shared()
        return second(jnp.tanh(first(x)))[:1]


def test_shared_weights_are_one_and_stay_one():
    model = compiled(Tied())
    assert [w.shape for w in model.weights] == [(5, 5), (5,)]
    weight, bias = map(jnp.asarray, model.get_weights())

    def loss(weight, bias):
        hidden = jnp.tanh(X @ weight.T + bias)
        return jnp.mean(((hidden @ weight.T)[:, :1] - Y) ** 2)

    grads = jax.grad(loss, (0, 1))(weight, bias)
    model.fit(X, Y, batch_size=len(X), verbose=0)
    after = model.get_weights()
    np.testing.assert_allclose(after[0], weight - 0.05 * grads[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(after[1], bias - 0.05 * grads[1], rtol=1e-5, atol=1e-6)
    first, second = model.module.shared()
    np.testing.assert_array_equal(first.weight, second.weight)


def test_a_part_in_inference_mode_stays_in_it():
    module = KINDS["Equinox"]()
    frozen = eqx.tree_at(lambda m: m.dropout, module, eqx.nn.inference_mode(module.dropout))
    drops, keeps = cb.Model(module, seed=0), cb.Model(frozen, seed=0)
    assert (np.asarray(drops(X, training=True)) != np.asarray(drops(X))).any()
    np.testing.assert_allclose(keeps(X, training=True), keeps(X), rtol=1e-4, atol=1e-6)
    assert keeps.module.dropout.inference is True
    assert drops.module.dropout.inference is False, "evaluation leaves no traces"


def test_state_moves_in_training_alone():
    model = compiled(KINDS["Equinox with state"]())
    statistics = model.non_trainable_weights
    before = [w.numpy() for w in statistics]
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    assert all((w.numpy() == old).all() for w, old in zip(statistics, before, strict=True))
    model.fit(X, Y, verbose=0)
    assert any((w.numpy() != old).any() for w, old in zip(statistics, before, strict=True))
    module, state = model.module
    assert isinstance(module, EquinoxNorm)
    assert isinstance(state, eqx.nn.State)


class OtherName(eqx.Module):
    norm: eqx.nn.BatchNorm

    def __init__(self, key):
        self.norm = eqx.nn.BatchNorm(5, "batch", mode="batch")

    def __call__(self, x, context):
        x, context = self.norm(x, context)
        return x[:1], context


def test_the_state_may_have_another_name():
    model = compiled(eqx.nn.make_with_state(OtherName)(KEY))
    model.fit(X, Y, verbose=0)
    assert model.predict(X, verbose=0).shape == (43, 1)


class TwoInputs(eqx.Module):
    linear: eqx.nn.Linear

    def __call__(self, a, b, inference: bool):
        return self.linear(a) + b * (0 if inference else 1)


def test_several_inputs_and_the_question_whether_it_is_training():
    model = compiled(TwoInputs(eqx.nn.Linear(5, 1, key=KEY)))
    b = np.ones((len(X), 1), "float32")
    by_place, by_name = (X, b), {"a": X, "b": b}
    for inputs in (by_place, by_name):
        np.testing.assert_allclose(
            np.asarray(model(inputs, training=True)) - model(inputs), 1, rtol=1e-5
        )
    model.fit(by_name, Y, verbose=0)


class Constants(eqx.Module):
    """Numbers of Python, keys and integers are not trained; arrays of NumPy are."""

    weight: np.ndarray
    table: jax.Array
    key: jax.Array
    power: float = 1.0

    def __call__(self, x):
        noise = jax.random.normal(self.key, ())
        return (self.table * self.weight * x**self.power)[:1] + 0 * noise


def test_what_is_trained_is_what_equinox_would_train():
    module = Constants(np.ones(5, "float32"), jnp.arange(5), jax.random.key(3))
    model = compiled(module)
    assert [w.path for w in model.trainable_weights] == ["weight"]
    assert [w.path for w in model.non_trainable_weights] == ["table"]
    model.fit(X, Y, verbose=0)
    assert model.module.power == 1.0


def test_a_deep_copy_with_functions_of_jax_in_it():
    model = compiled(eqx.nn.MLP(5, 1, 4, 1, activation=jax.nn.gelu, key=KEY))
    model.fit(X, Y, verbose=0)
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


class NoCall(eqx.Module):
    weight: jax.Array


class TwoAxes(EquinoxNorm):
    other: eqx.nn.BatchNorm

    def __init__(self, key):
        super().__init__(key)
        self.other = eqx.nn.BatchNorm(8, "under", mode="batch")


class NoState(OtherName):
    def __call__(self, x, context):
        return super().__call__(x, context)[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: NoCall(jnp.ones(2)), ["Model(NoCall)", "__call__", "one sample"]),
        (lambda: EquinoxNorm(KEY), ["Model(EquinoxNorm)", "the module alone", "make_with_state"]),
        (
            lambda: eqx.nn.make_with_state(TwoAxes)(KEY),
            ["one name for the axis", "['over', 'under']", "axis_name"],
        ),
        (
            lambda: eqx.nn.make_with_state(NoState)(KEY),
            ["NoState(x, state)", "tuple of two", "Return both"],
        ),
    ],
)
def test_what_cannot_work_is_an_error_in_four_beats(make, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        compiled(make()).fit(X, Y, verbose=0)
    message = str(caught.value)
    assert ": expected " in message
    assert ", received " in message
    assert not [word for word in words if word not in message], message
