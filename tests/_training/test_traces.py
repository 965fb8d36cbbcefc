"""The forward pass is traced no more often than there are programs."""

import numpy as np
import pytest
from flax import nnx

import callbax as cb

CALLS = []


class Net(nnx.Module):
    def __init__(self):
        self.first, self.last = (nnx.Linear(3, n, rngs=nnx.Rngs(0)) for n in (3, 1))

    def __call__(self, x):
        CALLS.append(x.shape)
        return self.last(nnx.relu(self.first(x)))


@pytest.mark.usefixtures("unshared")
@pytest.mark.one_device("on a mesh, evaluation traces the pass that `fit` has looked at again")
@pytest.mark.parametrize("rows", [64, 100, 3200, 3210])
@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("validation", [32, 64, 70])
def test_a_first_fit_with_validation_traces_once_a_program(rows, epochs, validation):
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype("float32")
    y = x.sum(1, keepdims=True)
    model = cb.Model(Net())
    model.compile("adam", "mse", metrics=["mae"])
    CALLS.clear()
    held_out = x[:validation], y[:validation]
    model.fit(x, y, epochs=epochs, verbose=0, validation_data=held_out)
    programs = sum(model._engine.traces().values())
    assert 2 <= len(CALLS) <= programs
    CALLS.clear()
    model.fit(x, y, epochs=epochs, verbose=0, validation_data=held_out)
    assert len(CALLS) <= sum(model._engine.traces().values()) - programs, "nothing is traced again"


class Shifted(Net):
    def __call__(self, x):
        return super().__call__(x) + SHIFT["by"]


SHIFT = {"by": 0.0}


@pytest.mark.parametrize("recorded", [False, True])
def test_what_a_hook_sets_before_the_first_batch_counts(recorded, tmp_path):
    """It is seen by a trace alone, and a record has its own before the hooks."""

    def loss(shift, at_begin):
        SHIFT["by"] = 0.0 if at_begin else shift
        model = cb.Model(Shifted())
        model.compile(cb.optimizers.SGD(0.0), "mse")
        hook = cb.callbacks.LambdaCallback(on_train_begin=lambda logs: SHIFT.update(by=shift))
        directory = tmp_path / f"{shift} {at_begin}" if recorded else None
        x = np.ones((8, 3), "float32")
        fit = {"verbose": 0, "callbacks": [hook] * at_begin, "resume": directory}
        return model.fit(x, x[:, :1], **fit).history["loss"]

    assert loss(3.0, at_begin=True) == loss(3.0, at_begin=False) != loss(0.0, at_begin=False)
