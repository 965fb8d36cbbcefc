"""What users change in an NNX module between runs and in hooks, other than its arrays."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from callbax.callbacks import LambdaCallback
from callbax.layers import Dense
from callbax.models import Model, Sequential

X = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
Y = X.sum(1, keepdims=True)


@dataclasses.dataclass
class Settings:
    """What a module is set to, as a user would write it."""

    scale: float = 1.0


class Inner(nnx.Module):
    """A part with a number of its own."""

    def __init__(self):
        self.scale = 1.0

    def __call__(self, x):
        return x * self.scale


class Scaled(nnx.Module):
    """A linear layer whose output is scaled by numbers that are kept in many ways."""

    def __init__(self):
        self.linear = nnx.Linear(3, 1, rngs=nnx.Rngs(0))
        self.inner = Inner()
        self.number = 1.0
        self.listed, self.nested, self.named = [1.0], {"in": [1.0, (1.0,)]}, {"scale": 1.0}
        self.settings = Settings()

    def __call__(self, x):
        (deep,) = self.nested["in"][1]
        factors = [self.number, self.named["scale"], self.settings.scale, deep, *self.listed]
        return self.inner(self.linear(x)) * np.prod(factors)


def assign(module):
    module.number = 2.0


def assign_in_a_part(module):
    module.inner.scale = 2.0


def replace_a_part(module):
    module.inner = Inner()
    module.inner.scale = 2.0


def replace_in_a_list(module):
    module.listed[0] = 2.0


def append_to_a_list(module):
    module.listed.append(2.0)


def replace_in_a_dict(module):
    module.named["scale"] = 2.0


def replace_in_a_tuple_of_a_list_of_a_dict(module):
    module.nested["in"][1] = (2.0,)


def assign_to_a_dataclass(module):
    module.settings.scale = 2.0


CHANGES = [
    assign,
    assign_in_a_part,
    replace_a_part,
    replace_in_a_list,
    append_to_a_list,
    replace_in_a_dict,
    replace_in_a_tuple_of_a_list_of_a_dict,
    assign_to_a_dataclass,
]


@pytest.fixture
def module():
    return Scaled()


@pytest.fixture
def model(module):
    model = Model(module, seed=0)
    model.compile("sgd", "mse")
    return model


def fit(model, **options):
    return model.fit(X, Y, batch_size=4, verbose=0, shuffle=False, **options).history["loss"]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_between_runs_counts(change, module, model):
    # Each of these compiles a program for the module as it was.
    fit(model)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    change(module)
    expected = np.asarray(module(jnp.asarray(X)))
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-6)
    loss = model.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(loss, np.mean((expected - Y) ** 2), rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(X, Y), loss, rtol=1e-6)
    again = Model(nnx.clone(module), seed=0)
    again.compile("sgd", "mse")
    assert fit(model) == fit(again)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_in_a_hook_is_refused(change, module, model):
    hook = LambdaCallback(on_train_batch_end=lambda batch, logs: change(module))
    with pytest.raises(RuntimeError, match="expected a module that hooks leave as it is"):
        fit(model, epochs=2, callbacks=[hook])


@pytest.mark.parametrize(
    "touch",
    [
        lambda module: setattr(module, "number", float("1.0")),
        lambda module: setattr(module, "listed", [1.0]),
        lambda module: module.named.update(scale=float("1.0")),
        lambda module: setattr(module, "settings", Settings()),
        lambda module: module.eval(),
        lambda module: module.linear.kernel.set_value(module.linear.kernel[...] * 2),
        lambda module: setattr(module.linear, "kernel", nnx.Param(module.linear.kernel[...] * 2)),
    ],
    ids=["number", "list", "dict", "dataclass", "eval", "array", "variable"],
)
def test_what_computes_the_same_is_not_compiled_again(touch, module, model):
    fit(model)
    before = model._engine.traces()
    touch(module)
    expected = np.asarray(module(jnp.asarray(X)))
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-6)
    fit(model)
    assert model._engine.traces()["train"] == before["train"]


def test_an_object_that_nnx_looks_into_and_nobody_else_is_compared_every_time(module):
    """Such as a pytree of a user's own: then modules are compared as NNX does it."""
    module.extra = nnx.data(nnx.State({"scale": nnx.Param(jnp.float32(1))}))
    model = Model(module, seed=0)
    model.compile("sgd", "mse")
    fit(model)
    module.number = 2.0
    expected = np.asarray(module(jnp.asarray(X)))
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-6)


def test_a_variable_that_a_hook_replaces_is_refused(module, model):
    def replace(batch, logs):
        module.linear.bias = nnx.Param(jnp.ones(1))

    with pytest.raises(RuntimeError, match=r"linear\.bias = Param"):
        fit(model, epochs=2, callbacks=[LambdaCallback(on_train_batch_end=replace)])


def test_a_hook_may_leave_notes_on_layers():
    layer = Dense(1)
    model = Sequential([layer])
    model.compile("sgd", "mse")

    def note(batch, logs):
        layer.note, layer.notes = batch, [batch]

    fit(model, callbacks=[LambdaCallback(on_train_batch_end=note)])
    assert (layer.note, layer.notes) == (1, [1])
