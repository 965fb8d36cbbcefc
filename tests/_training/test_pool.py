"""Equal models share compiled programs; what differs in anything that counts never does."""

import gc
import weakref

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from flax import nnx

import callbax as cb
from callbax._training import _pool
from callbax._training._computation import traced
from callbax._training._jaxpr_key import IncomparableError, key_of

pytestmark = pytest.mark.one_device("programs of several devices are not shared")
X = np.random.default_rng(0).normal(size=(22, 4)).astype("float32")
FIT = {"x": X, "y": X[:, :1], "batch_size": 4, "epochs": 2, "verbose": 0}


def dense(loss="mse", dropout=0.3, seed=1, optimizer="adam", **settings):
    cb.utils.set_random_seed(seed)
    layers = [cb.layers.Dense(5, "tanh"), cb.layers.Dropout(dropout), cb.layers.Dense(1)]
    model = cb.Sequential(layers)
    model.compile(cb.optimizers.get(optimizer), loss, **settings)
    return model


class Scaled(nnx.Module):
    """Computes with an array that is no variable: a constant of the program."""

    def __init__(self, scale, rngs):
        self.scale, self.layer = (scale,) * 3, nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x):
        return (self.layer(x) * np.array(self.scale, "float32")).sum(axis=-1, keepdims=True)


def scaled(scale):
    model = cb.Model(Scaled(scale, nnx.Rngs(0)), seed=1)
    model.compile("sgd", "mse")
    return model


def trained(model):
    history = model.fit(**FIT, validation_data=(X[:8], X[:8, :1])).history
    return [weight.tobytes() for weight in model.get_weights()], history


def compiled(model):
    """Returns how many programs were compiled for a model."""
    return sum(model._engine.traces().values())


def alone(make):
    _pool.forget_programs()
    return trained(make())


@pytest.mark.usefixtures("unshared")
def test_a_model_made_again_compiles_nothing_and_comes_to_the_same():
    separate = alone(dense), alone(lambda: dense(seed=2))
    _pool.forget_programs()
    together = trained(one := dense()), trained(other := dense(seed=2))
    assert together == separate
    assert compiled(one) >= 2, "training and evaluation"
    assert compiled(other) == 0
    cb.backend.clear_session()
    assert trained(third := dense()) == separate[0]
    assert compiled(third) == compiled(one), "a new session shares nothing with the one before"


def test_a_keras_model_made_again_compiles_nothing_and_comes_to_the_same():
    def make():
        keras.utils.set_random_seed(3)
        layers = [keras.layers.Dense(5, "tanh"), keras.layers.Dropout(0.3), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((4,)), *layers])
        model.compile("adam", "mse")
        return cb.Model(model)

    separate = alone(make)
    assert trained(again := make()) == separate
    assert compiled(again) == 0


def hinge(y, p):
    return jnp.maximum(0.0, 1 - y * p)


def host(factor):
    """Returns a model whose loss asks Python for a number: one function, another closure."""

    def loss(y, p):
        scalar = jax.ShapeDtypeStruct((), "float32")
        return jax.pure_callback(lambda: np.float32(factor), scalar) * jnp.square(y - p)

    return dense(loss=loss)


@pytest.mark.parametrize(
    ("make", "other"),
    [
        (dense, lambda: dense(dropout=0.4)),
        (dense, lambda: dense(loss=hinge)),
        (dense, lambda: dense(optimizer=cb.optimizers.Adam(beta_1=0.8))),
        (dense, lambda: dense(metrics=["mae"])),
        (lambda: scaled(1.0), lambda: scaled(2.0)),
        (lambda: host(1.0), lambda: host(2.0)),
    ],
    ids=["dropout", "loss", "optimizer", "metrics", "constant", "callback"],
)
def test_what_differs_is_not_shared(make, other):
    separate = alone(make), alone(other)
    assert separate[0] != separate[1]
    _pool.forget_programs()
    assert (trained(make()), trained(other())) == separate


def test_a_module_that_was_changed_later_changes_no_other_model():
    separate = alone(lambda: scaled(1.0))
    _pool.forget_programs()
    first = scaled(1.0)
    first.fit(X[:20], X[:20, :1], batch_size=4, verbose=0)  # no smaller batch: traced later
    first.module.scale = (7.0,) * 3
    assert trained(scaled(1.0)) == separate


def test_what_a_loss_holds_from_outside_is_its_own():
    def annealed():
        weight = [1.0]

        class Anneal(cb.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                weight[0] = 1.0 + epoch

        model = dense(loss=lambda y, p: weight[0] * (y - p) ** 2)
        model.fit(**FIT, callbacks=[Anneal()])
        return [array.tobytes() for array in model.get_weights()]

    _pool.forget_programs()
    assert annealed() == annealed() == annealed()


@pytest.mark.usefixtures("unshared")
def test_no_model_is_kept_alive():
    model = dense()
    trained(model)
    gone = weakref.ref(model), weakref.ref(model.module)
    del model
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_only_the_computations_used_last_are_kept(monkeypatch):
    monkeypatch.setattr(_pool, "CAPACITY", 1)
    _pool.forget_programs()
    model = dense()
    model.fit(X[:20], X[:20, :1], batch_size=4, verbose=0)
    assert len(_pool._kept) == 1
    trained(dense(dropout=0.4))
    trained(again := dense())
    assert compiled(again) > 0


def key(function, *args, constant_bytes=100):
    closed, _ = traced(lambda moving, rest, batch: function(*moving), list(args), [], None)
    return key_of(closed, constant_bytes)


ONE = jnp.ones(3)
SAME = [
    (lambda x: jnp.sin(x) * 2.0, lambda x: jnp.sin(x) * 2.0),
    (lambda x: x / np.float32("nan"), lambda x: x / np.float32("nan")),
    (jax.nn.relu, lambda x: jax.nn.relu(x)),
    (lambda x: x + np.arange(3.0), lambda x: x + np.arange(3.0)),
    (lambda x: jax.lax.cond(True, jnp.sin, jnp.cos, x),) * 2,
]
DIFFERENT = [
    (jnp.sin, jnp.cos),
    (lambda x: x * 2.0, lambda x: x * 3.0),
    (lambda x: x + 0.0, lambda x: x + -0.0),
    (lambda x: x + np.arange(3.0), lambda x: x + np.arange(3.0)[::-1]),
    (lambda x: x[0] - x[1], lambda x: x[1] - x[0]),
    (lambda x: x.astype("int32"), lambda x: x.astype("int16")),
    (
        lambda x: jax.lax.fori_loop(0, 3, lambda i, x: x * 2.0, x),
        lambda x: jax.lax.fori_loop(0, 3, lambda i, x: x * 3.0, x),
    ),
    (lambda x: jax.jit(jnp.sin)(x), lambda x: jax.jit(jnp.cos)(x)),
]


@pytest.mark.parametrize("pair", SAME)
def test_keys_of_one_computation_are_equal(pair):
    assert len({key(function, ONE) for function in pair}) == 1


@pytest.mark.parametrize("pair", DIFFERENT)
def test_keys_of_two_computations_differ(pair):
    assert len({key(function, ONE) for function in pair}) == 2


def test_inputs_of_other_shapes_or_dtypes_are_another_computation():
    inputs = ONE, jnp.ones(4), jnp.ones(3, "bfloat16"), jnp.ones(3, "int32")
    assert len({key(lambda x: x + x, array) for array in inputs}) == len(inputs)


def test_large_constants_are_not_kept():
    large = np.ones(26, "float32")
    with pytest.raises(IncomparableError):
        key(lambda x: x[0] + large, ONE)


@pytest.mark.usefixtures("unshared")
def test_a_function_of_arrays_is_compiled_once_for_equal_ones():
    def scaling(factor):
        return lambda arrays: {name: factor * array for name, array in arrays.items()}

    arrays = {"a": ONE, "b": 3 * ONE}
    for factor, programs in ((2.0, 1), (2.0, 1), (5.0, 2)):
        found = _pool.computed(scaling(factor), arrays)
        assert jax.tree.map(float, jax.tree.map(jnp.sum, found)) == {
            "a": 3 * factor,
            "b": 9 * factor,
        }
        assert len(_pool._kept) == programs
