"""A kind of module that callbax does not know trains once its adapter is in the list."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import callbax as cb
from callbax._modules import _adapters
from callbax._modules._protocol import Applied, Functional, Variables

X = np.random.default_rng(0).normal(size=(70, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Pair:
    """A pair of pure functions, as stax, Haiku and hand-written JAX have them."""

    def __init__(self, init, apply):
        self.make, self.run, self.params = init, apply, None


class PairFunctional(Functional):
    def __init__(self, pair):
        self.module = pair

    @property
    def built(self):
        return self.module.params is not None

    def build(self, x, seeds):
        key = jax.random.key(seeds.draw())
        self.module.params = self.module.make(key, x.shape)

    def read(self):
        return Variables(dict(self.module.params), {}, {})

    def write(self, variables):
        self.module.params = dict(variables.params)

    def apply(self, variables, x, *, training, step):
        return Applied(self.module.run(variables.params, x), variables.stats)


def pair_functional(module):
    return PairFunctional(module) if isinstance(module, Pair) else None


def pair():
    def init(key, shape):
        return {"b": jnp.zeros(1), "w": jax.random.normal(key, (shape[-1], 1))}

    return Pair(init, lambda params, x: x @ params["w"] + params["b"])


def test_without_its_adapter_it_is_refused():
    with pytest.raises(TypeError, match=r"(?s)`Model\(module\)`: expected .*received .*Pair"):
        cb.Model(pair())


def test_with_its_adapter_it_trains_and_obeys_hooks(monkeypatch, tmp_path):
    monkeypatch.setattr(_adapters, "ADAPTERS", [pair_functional, *_adapters.ADAPTERS])
    module = pair()
    model = cb.Model(module, seed=0)
    model.compile(cb.optimizers.SGD(0.1), "mse", metrics=["mae"])
    seen = []

    class Hook(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                seen.append([weight.tobytes() for weight in self.model.get_weights()])

    class Stop(cb.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 9

    backup = cb.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    history = model.fit(X, Y, epochs=20, verbose=0, callbacks=[Hook(), Stop(), backup])
    assert history.history["loss"][-1] < 1e-2 < history.history["loss"][0]
    assert len(seen) == len(set(map(tuple, seen))) == 10
    np.testing.assert_array_equal(model.get_weights()[1], module.params["w"])
    again = cb.Model(pair(), seed=1)
    again.compile(cb.optimizers.SGD(0.1), "mse", metrics=["mae"])
    again.fit(X, Y, epochs=10, verbose=0, callbacks=[Stop(), backup])
    assert [w.tolist() for w in again.get_weights()] == [w.tolist() for w in model.get_weights()]
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))


def test_the_list_is_what_makes_the_difference(monkeypatch):
    monkeypatch.setattr(_adapters, "ADAPTERS", [])
    with pytest.raises(TypeError, match="Model"):
        cb.Sequential([cb.layers.Dense(1)])
