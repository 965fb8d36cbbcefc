"""utils.normalize beside Keras's, and plot_model's errors."""

import sys

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import callbax as cb
from callbax import utils

X = np.random.default_rng(0).normal(size=(4, 4, 3))
X[0, 0] = 0


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_it_normalizes_as_keras_does(axis, order):
    for given in (X, X.astype("float32")):
        theirs = keras.utils.normalize(given, axis, order)
        ours = utils.normalize(given, axis, order)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    on_device = utils.normalize(jnp.asarray(X), axis, order)
    assert isinstance(on_device, jax.Array)
    theirs = keras.utils.normalize(jnp.asarray(X), axis, order)
    np.testing.assert_allclose(on_device, theirs, rtol=1e-5, atol=1e-6)


def test_axis_0_is_not_the_last():
    square = X[1, :3]
    np.testing.assert_allclose(np.linalg.norm(utils.normalize(square, 0), axis=0), 1)
    assert not np.allclose(np.linalg.norm(keras.utils.normalize(square, 0), axis=0), 1)
    assert utils.normalize([[3, 4]]).tolist() == [[0.6, 0.8]]


def test_a_wrong_order_is_refused():
    with pytest.raises(ValueError, match=r"normalize\(order=0\)"):
        utils.normalize(X, order=0)


def test_plot_model_says_what_is_missing(monkeypatch):
    model = cb.Sequential([cb.layers.Dense(1)])
    with pytest.raises(TypeError, match=r"(?s)made of Keras's own layers.*model\.summary\(\)"):
        utils.plot_model(model)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ImportError, match=r'pip install "callbax\[keras\]"'):
        utils.plot_model(model)


def test_plot_model_hands_on_to_keras(monkeypatch):
    seen = {}
    monkeypatch.setattr(keras.utils, "plot_model", lambda *args, **given: seen.update(given))
    utils.plot_model(keras.Sequential([keras.layers.Dense(1)]), "a.png", show_shapes=True)
    assert (seen["to_file"], seen["show_shapes"], seen["rankdir"]) == ("a.png", True, "TB")
