"""Arrays whose dtype JAX took for weak: what a step computes does not hang on where they came from.

JAX computes ``bfloat16 * float32`` in float32, but in bfloat16 if the float32 array was made of a
Python number, as by ``jnp.full(shape, 0.5)``. No file remembers that, nor does a step's result.
"""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import callbax as cb

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
FIT = {"x": X, "y": X[:, :3], "batch_size": 8, "epochs": 3, "verbose": 0}


class Half(nnx.Module):
    """Computes in half precision with a weight that is kept in float32."""

    def __init__(self, weight):
        self.weight = nnx.Param(weight)

    def __call__(self, x):
        products = x.astype(jnp.bfloat16)[:, :, None] * self.weight[...]
        return products.sum(axis=1).astype(jnp.float32)


def weak():
    weight = jnp.full((4, 3), 0.123456789)
    assert weight.weak_type
    return weight


def strong():
    return jnp.asarray(np.asarray(weak()))


def model(weight):
    cb.utils.set_random_seed(0)
    made = cb.Model(Half(weight()))
    made.compile(cb.optimizers.SGD(0.1), "mse")
    return made


class Killed(BaseException):
    """Stands for SIGKILL."""


class KillAt(cb.callbacks.Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


def test_training_computes_as_with_a_dtype_that_was_given():
    histories = [model(weight).fit(**FIT).history for weight in (weak, strong)]
    assert histories[0] == histories[1]


def test_evaluation_and_prediction_do_too():
    one, other = model(weak), model(strong)
    assert one.evaluate(X, X[:, :3], verbose=0) == other.evaluate(X, X[:, :3], verbose=0)
    assert np.array_equal(one.predict(X, verbose=0), other.predict(X, verbose=0))


def test_a_killed_run_ends_where_the_whole_one_does(tmp_path):
    whole = model(weak)
    whole.fit(**FIT)
    with pytest.raises(Killed):
        model(weak).fit(**FIT, resume=tmp_path, callbacks=[KillAt(1)])
    resumed = model(weak)
    resumed.fit(**FIT, resume=tmp_path)
    assert np.array_equal(whole.get_weights()[0], resumed.get_weights()[0])


def test_what_a_hook_assigns_compiles_nothing_again():
    class Assigns(cb.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.set_weights([weak()])

    made = model(strong)
    made.fit(**FIT)
    before = made._engine.traces()
    made.fit(**FIT, callbacks=[Assigns()])
    assert made._engine.traces() == before
