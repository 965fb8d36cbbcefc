"""backend: what TensorFlow 2 scripts call, and Keras's constants."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from flax import nnx

from callbax import backend
from callbax._core._naming import auto_name


class Rate(float):
    """A hyperparameter as the optimizers have it: reads as a number, can be assigned."""

    assigned = None

    def assign(self, value):
        self.assigned = value

    def numpy(self):
        return np.float32(self)


class Variable:
    """Something of another library that holds an array."""

    def numpy(self):
        return np.arange(3.0)


@pytest.mark.parametrize("number", [0.5, Rate(0.5), np.float64(0.5)])
def test_a_number_reads_as_a_plain_float(number):
    value = backend.get_value(number)
    assert type(value) is float
    assert value == 0.5


HOLDERS = {
    "numpy": np.arange(3.0),
    "jax": jnp.arange(3.0),
    "list": [0.0, 1.0, 2.0],
    "with .numpy()": Variable(),
    "nnx": nnx.Param(jnp.arange(3.0)),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_what_holds_an_array_reads_as_numpy(holder):
    value = backend.get_value(holder)
    assert isinstance(value, np.ndarray)
    np.testing.assert_array_equal(value, [0.0, 1.0, 2.0])


def test_bfloat16_is_an_array_too():
    assert backend.get_value(jnp.ones(2, "bfloat16")).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("x", "received"),
    [("lr", "'lr' (str)"), (None, "None")],
)
def test_what_holds_no_numbers_is_refused(x, received):
    with pytest.raises(TypeError, match=r"^`backend\.get_value\(x\)`: expected a number") as caught:
        backend.get_value(x)
    assert f"received {received}." in str(caught.value)
    assert "Pass the variable itself, e.g. model.optimizer.learning_rate." in str(caught.value)


def test_set_value_assigns():
    rate = Rate(0.1)
    backend.set_value(rate, 0.05)
    assert rate.assigned == 0.05


@pytest.mark.parametrize(
    ("x", "received"),
    [(0.1, "0.1 (float)"), (np.zeros(2), "ndarray of shape (2,)"), (None, "None")],
)
def test_what_cannot_be_assigned_is_refused(x, received):
    with pytest.raises(TypeError, match=r"^`backend\.set_value\(x, value\)`: expected") as caught:
        backend.set_value(x, 0.05)
    assert "expected something with .assign(value), received " + received in str(caught.value)
    assert "e.g. model.optimizer.learning_rate, not a number read from it." in str(caught.value)


@pytest.mark.parametrize("name", ["epsilon", "floatx", "image_data_format"])
def test_constants_are_keras_s(name):
    assert getattr(backend, name)() == getattr(keras.backend, name)()


@pytest.mark.parametrize("free_memory", [True, False])
def test_clear_session_starts_names_again(free_memory):
    backend.clear_session()
    assert [auto_name("Dense"), auto_name("Dense")] == ["dense", "dense_1"]
    backend.clear_session(free_memory=free_memory)
    assert auto_name("Dense") == "dense"
