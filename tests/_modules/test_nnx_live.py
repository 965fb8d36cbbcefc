"""The user's own module in a run: it shows, and takes, the state at the current batch."""

import copy
import pickle

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import callbax as cb

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Net(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.first, self.norm = nnx.Linear(3, 4, rngs=rngs), nnx.BatchNorm(4, rngs=rngs)
        self.dropout, self.last = nnx.Dropout(0.2, rngs=rngs), nnx.Linear(4, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(nnx.relu(self.norm(self.first(x)))))


def fit(hook, *, steps_per_execution="auto", epochs=2):
    """Runs a hook at the end of every batch; returns the model and its module."""
    module = Net()
    model = cb.Model(module, seed=0)
    model.compile("adam", "mse", steps_per_execution=steps_per_execution)

    class Hook(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            hook(model, module, batch)

    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=[Hook()])
    return model, module


WAYS_TO_READ = {
    "index": lambda module: module.first.kernel[...],
    "part of an index": lambda module: module.first.kernel[:],
    "value": lambda module: module.first.kernel.get_value(),
    "state": lambda module: nnx.state(module, nnx.Param)["first"]["kernel"].get_value(),
    "split": lambda module: nnx.split(module)[1]["first"]["kernel"].get_value(),
    "arithmetic": lambda module: module.first.kernel + 0.0,
    "array": lambda module: np.asarray(module.first.kernel),
    "deep copy": lambda module: copy.deepcopy(module).first.kernel[...],
    "pickle": lambda module: pickle.loads(pickle.dumps(module.first.kernel))[...],
    "clone": lambda module: nnx.clone(module).first.kernel[...],
}


@pytest.mark.parametrize("way", WAYS_TO_READ)
def test_it_reads_as_of_the_batch(way):
    pairs = []

    def look(model, module, batch):
        kernel = np.array(WAYS_TO_READ[way](module))
        (expected,) = (w for w in model.get_weights() if w.shape == (3, 4))
        pairs.append((kernel.tobytes(), expected.tobytes()))

    fit(look, steps_per_execution=5)
    assert len(pairs) == 10
    assert all(left == right for left, right in pairs)
    assert len({left for left, _ in pairs}) == 10, "every batch has its own"


WAYS_TO_WRITE = {
    "index": lambda module: module.first.kernel.__setitem__(..., jnp.zeros((3, 4))),
    "value": lambda module: module.first.kernel.set_value(jnp.zeros((3, 4))),
    "update": lambda module: nnx.update(
        module.first,
        nnx.state(nnx.Linear(3, 4, kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0))),
    ),
    "NumPy": lambda module: module.first.kernel.set_value(np.zeros((3, 4), "float32")),
}


@pytest.mark.parametrize("way", WAYS_TO_WRITE)
@pytest.mark.parametrize("steps_per_execution", [1, 4])
def test_what_is_written_counts_at_once(way, steps_per_execution):
    at_once = []

    def write(model, module, batch):
        if batch == 4:
            WAYS_TO_WRITE[way](module)
            at_once.append(model.get_weights())

    model, module = fit(write, steps_per_execution=steps_per_execution, epochs=1)
    for weights in (at_once[0], model.get_weights()):
        (kernel,) = (w for w in weights if w.shape == (3, 4))
        assert not kernel.any()
    assert not np.asarray(module.first.kernel[...]).any()


def test_statistics_are_live_too():
    means = []
    fit(lambda model, module, batch: means.append(np.array(module.norm.mean[...]).tobytes()))
    assert len(set(means)) == 10


def test_another_shape_is_refused_where_it_is_written():
    def write(model, module, batch):
        with pytest.raises(
            ValueError, match=r"(?s)first/kernel.*\(3, 4\).*\(2, 2\).*Keep the shapes"
        ):
            module.first.kernel.set_value(jnp.zeros((2, 2)))

    fit(write, epochs=1)


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_after_a_run_its_variables_are_plain_again(error):
    def fail(model, module, batch):
        if batch == 2 and error is not None:
            raise error

    module = Net()
    kinds = [type(leaf) for _, leaf in nnx.to_flat_state(nnx.state(module))]
    model = cb.Model(module)
    model.compile("sgd", "mse")

    class Hook(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            fail(model, module, batch)

    try:
        model.fit(X, Y, batch_size=8, verbose=0, callbacks=[Hook()])
    except (RuntimeError, KeyboardInterrupt):
        assert error is not None
    assert [type(leaf) for _, leaf in nnx.to_flat_state(nnx.state(module))] == kinds
    assert type(module.first.kernel) is nnx.Param
    (kernel,) = (w for w in model.get_weights() if w.shape == (3, 4))
    np.testing.assert_array_equal(module.first.kernel[...], kernel)


def test_looking_for_layers_asks_for_no_state(monkeypatch):
    reads = []
    layer = cb.layers.Dense(2, name="only")
    model = cb.Sequential([cb.layers.Input((3,)), layer, cb.layers.Dense(1)])
    model.compile("sgd", "mse")

    class Hook(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            before = len(reads)
            assert self.model.layers[0] is self.model.get_layer("only") is layer
            assert len(reads) == before, "only what is looked at is fetched"
            np.testing.assert_array_equal(layer.get_weights()[0], self.model.get_weights()[0])
            assert len(reads) > before

    read = type(model._engine).read
    monkeypatch.setattr(type(model._engine), "read", lambda self: reads.append(1) or read(self))
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[Hook()])
    assert reads
