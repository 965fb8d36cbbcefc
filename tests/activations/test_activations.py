import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from callbax import activations
from callbax.activations._lookup import ACTIVATIONS

NAMES = sorted(set(activations.__all__) - {"get", "serialize"})
X = np.concatenate(
    [np.random.default_rng(0).normal(0, 4, 118), [0.0, -0.0, 5.0, 6.0, -3.0, 3.0]]
).astype("float32")

VARIANTS = [
    ("elu", {"alpha": 0.3}),
    ("gelu", {"approximate": True}),
    ("leaky_relu", {"negative_slope": 0.05}),
    ("softmax", {"axis": 0}),
    ("softmax", {"axis": (0, 2)}),
    ("log_softmax", {"axis": 1}),
    ("log_softmax", {"axis": (1, 2)}),
] + [
    ("relu", {"negative_slope": slope, "max_value": ceiling, "threshold": threshold})
    for slope in (0.0, 0.25)
    for ceiling in (None, 6, 2.5)
    for threshold in (0.0, 1.5, -1.0)
]


@pytest.mark.parametrize(("name", "options"), [(name, {}) for name in NAMES] + VARIANTS)
def test_equals_keras(name, options):
    x = X.reshape(2, 31, 2)
    ours = getattr(activations, name)(x, **options)
    theirs = getattr(keras.activations, name)(x, **options)
    # Over several axes Keras reshapes first, so that it adds in another order.
    several_axes = isinstance(options.get("axis"), tuple)
    np.testing.assert_allclose(ours, theirs, rtol=5e-7 if several_axes else 0)


@pytest.mark.parametrize("name", NAMES)
def test_signature_is_keras_s(name):
    def arguments(function):
        return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]

    assert arguments(getattr(activations, name)) == arguments(getattr(keras.activations, name))


@pytest.mark.parametrize("name", NAMES)
def test_keeps_low_precision_and_can_be_differentiated(name):
    function = getattr(activations, name)
    x = jnp.asarray(X[:4], jnp.bfloat16)
    assert function(x).dtype == jnp.bfloat16
    slope = jax.grad(lambda x: jnp.sum(function(x)))(jnp.asarray(X))
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", NAMES)
def test_name_leads_to_function_and_back(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.serialize(function) == keras.activations.serialize(
        keras.activations.get(name)
    )
    assert activations.get(activations.serialize(function)) is function


def test_get_takes_none_and_any_callable():
    assert activations.get(None) is activations.linear
    assert activations.get(jnp.sin) is jnp.sin


def test_softmax_over_an_axis_of_one_warns():
    with pytest.warns(UserWarning, match=r"softmax\(x, axis=-1\).*\n?Use a sigmoid instead"):
        activations.softmax(np.zeros((3, 1), "float32"))


def test_wrong_name_lists_the_closest():
    with pytest.raises(ValueError, match=r'no activation .* "rellu".\nClosest: "relu"'):
        activations.get("rellu")


def test_wrong_kind_says_what_arrived():
    with pytest.raises(TypeError, match=r"a function of \(x,\), or None, received 3 \(int\)"):
        activations.get(3)


def test_serialize_refuses_what_could_not_be_read_back():
    with pytest.raises(ValueError, match="expected a function with a name, received a lambda"):
        activations.serialize(lambda x: x)

    def relu(x):
        return x

    with pytest.raises(ValueError, match='received another function called "relu"'):
        activations.serialize(relu)


def test_a_user_s_function_can_be_registered(monkeypatch):
    monkeypatch.setattr(ACTIVATIONS, "_entries", dict(ACTIVATIONS._entries))

    def triple(x):
        return 3 * x

    assert activations.serialize(triple) == "triple"
    ACTIVATIONS.register("tri")(triple)
    assert activations.get("tri") is activations.get("triple") is triple
