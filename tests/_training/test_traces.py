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


@pytest.mark.usefixtures("unshared")
@pytest.mark.one_device(
    "on a mesh, programs are traced as they are divided, the record's step is not"
)
def test_the_record_of_a_fit_tells_of_the_step_that_is_compiled(tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 3)).astype("float32")
    counts = []
    for directory in (None, tmp_path):
        model = cb.Model(Net())
        model.compile("adam", "mse")
        CALLS.clear()
        model.fit(x, x.sum(1, keepdims=True), epochs=2, verbose=0, resume=directory)
        counts.append(len(CALLS))
    assert counts[0] == counts[1]
