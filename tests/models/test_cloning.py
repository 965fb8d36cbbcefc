"""`clone_model`, as in Keras: the same layers, other weights, compiled alike."""

import keras
import numpy as np
import pytest
from flax import nnx

import callbax as cb

X = np.ones((4, 3), "float32")


def network(lib):
    return lib.Sequential(
        [lib.Input((3,)), lib.layers.Dense(4, name="a"), lib.layers.Dense(1, name="b")]
    )


def widened(layer):
    return type(layer).from_config(layer.get_config() | ({"units": 8} if layer.name == "a" else {}))


@pytest.mark.parametrize("options", [{}, {"clone_function": widened}], ids=["alike", "widened"])
def test_a_clone_is_keras_s(options):
    found = []
    for lib in (keras, cb):
        model = network(lib)
        model.compile("adam", "mse")
        clone = lib.models.clone_model(model, **options)
        clone.build((None, 3))
        shapes = [weight.shape for weight in clone.get_weights()]
        found.append((shapes, [layer.name for layer in clone.layers], clone.compiled))
        assert clone.layers[0] is not model.layers[0]
        if not options:
            assert (clone.get_weights()[0] != model.get_weights()[0]).any()
            clone.set_weights(model.get_weights())
            np.testing.assert_array_equal(clone.predict(X, verbose=0), model.predict(X, verbose=0))
    assert found[0] == found[1]


def test_keras_models_are_cloned_under_callbax_or_not():
    model = network(keras)
    assert isinstance(cb.models.clone_model(model), keras.Sequential)
    served = cb.Model(model)
    assert not cb.models.clone_model(served).compiled
    served.compile(cb.optimizers.SGD(0.5), "mse")
    clone = cb.models.clone_model(served)
    assert type(clone) is type(served)
    assert clone.optimizer is not served.optimizer
    assert clone.optimizer.learning_rate == 0.5


def test_what_cannot_be_cloned_is_told():
    with pytest.raises(TypeError, match="a `Sequential` of layers, which plain values describe"):
        cb.models.clone_model(cb.Model(nnx.Linear(3, 1, rngs=nnx.Rngs(0))))
    with pytest.raises(TypeError, match=r"`clone_model\(\.\.\.\)`: expected a model and"):
        cb.models.clone_model(network(cb), recursive=True)
