"""Every kind of module trains, shows itself in hooks, is saved, resumed and copied alike."""

import copy
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tests._modules.nets import KINDS

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(43, 5)).astype("float32")
Y = X.sum(1, keepdims=True)
FIT = {"batch_size": 4, "verbose": 0}
VALUES = [name for name in KINDS if name != "nnx"]


def make(kind, **options):
    model = cb.Model(KINDS[kind](), seed=1, **options)
    model.compile(cb.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains(kind):
    cb.utils.set_random_seed(0)
    model = make(kind)
    history = model.fit(X, Y, epochs=30, validation_data=(X, Y), **FIT).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["val_loss"][-1] < 0.5 * history["val_loss"][0]
    assert model.predict(X, verbose=0).shape == (43, 1)


def test_an_equinox_module_trains_as_by_hand():
    module = eqx.nn.MLP(5, 1, 8, 2, key=jax.random.key(3))
    model = cb.Model(module)
    model.compile(optax.sgd(0.05), "mse")
    model.fit(X[:40], Y[:40], shuffle=False, epochs=2, batch_size=8, verbose=0)

    @eqx.filter_jit
    def step(module, x, y):
        def loss(module):
            return jnp.mean((jax.vmap(module)(x) - y) ** 2)

        grads = eqx.filter_grad(loss)(module)
        return eqx.apply_updates(module, jax.tree.map(lambda g: -0.05 * g, grads))

    for _ in range(2):
        for start in range(0, 40, 8):
            module = step(module, X[start : start + 8], Y[start : start + 8])
    for ours, theirs in zip(
        jax.tree.leaves(eqx.filter(model.module, eqx.is_array)),
        jax.tree.leaves(eqx.filter(module, eqx.is_array)),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["equinox", "equinox with state"])
def test_a_module_that_cannot_change_is_shown_as_of_the_batch(kind):
    model, seen = make(kind), []
    before = np.array(model.module.first.weight)

    def look(batch, logs):
        seen.append(np.array(model.module.first.weight))

    hook = cb.callbacks.LambdaCallback(on_train_batch_end=look)
    model.fit(X, Y, callbacks=[hook], **FIT)
    assert len(seen) == 11
    assert all(np.any(a != b) for a, b in zip([before, *seen], seen, strict=False))
    np.testing.assert_array_equal(seen[-1], model.module.first.weight)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_written_in_a_hook_count(kind):
    model, zeros = make(kind), []
    model.fit(X, Y, **FIT)

    def write(batch, logs):
        if batch == 10:
            model.set_weights([0 * w for w in model.get_weights()])
            zeros.append(all(not np.any(w) for w in model.get_weights()))

    model.fit(X, Y, callbacks=[cb.callbacks.LambdaCallback(on_train_batch_end=write)], **FIT)
    assert zeros == [True]
    assert all(not np.any(w) for w in model.get_weights())


@pytest.mark.parametrize("kind", KINDS)
def test_files_hold_the_weights(kind, tmp_path):
    model = make(kind)
    model.fit(X, Y, **FIT)
    model.save_weights(tmp_path / "w.weights.h5")
    other = make(kind)
    other.predict(X, verbose=0)
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(model.predict(X, verbose=0), other.predict(X, verbose=0))


class Interrupt(cb.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 17:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_run_continues_bit_for_bit(kind, tmp_path):
    def run(folder, *more):
        cb.utils.set_random_seed(5)
        model = make(kind)
        store = cb.callbacks.BackupAndRestore(folder, save_freq=2)
        model.fit(X, Y, epochs=3, callbacks=[store, *more], **FIT)
        return [w.tobytes() for w in model.get_weights()]

    expected = run(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b", Interrupt())
    assert run(tmp_path / "b") == expected


@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_models_of_their_own(kind):
    model = make(kind)
    model.fit(X, Y, **FIT)
    again = copy.deepcopy(model)
    expected = model.predict(X, verbose=0)
    model.fit(X, Y, **FIT)
    np.testing.assert_array_equal(again.predict(X, verbose=0), expected)


@pytest.mark.parametrize("kind", ["linen", "pair"])
def test_it_is_pickled(kind):
    model = make(kind)
    model.fit(X, Y, **FIT)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("kind", VALUES)
def test_a_predicate_freezes_by_path(kind):
    model = make(kind, trainable=lambda path: "first" not in path and "Dense_0" not in path)
    model.predict(X, verbose=0)
    before = {w.path: np.array(w.value) for w in model.weights}
    model.fit(X, Y, **FIT)
    moved = {w.path for w in model.weights if np.any(before[w.path] != np.array(w.value))}
    still = {path for path in before if "first" in path or "Dense_0" in path}
    assert still
    assert not moved & still
    assert moved


def test_a_frozen_path_of_an_nnx_module_is_refused():
    with pytest.raises(TypeError, match=r"(?s)trainable=.*layer.trainable = False"):
        make("nnx", trainable=lambda path: True)


def test_an_object_of_no_known_kind_names_the_kinds():
    with pytest.raises(TypeError, match=r"(?s)flax.nnx.Module.*equinox.Module.*linen.*pair.*Keras"):
        cb.Model(object())


def test_nothing_to_train_is_an_error_before_the_first_step():
    model = cb.Model((lambda key, x: {}, lambda params, x: x))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"(?s)`fit`: expected a module with weights.*received"):
        model.fit(X, X, verbose=0)


def test_a_module_in_training_is_told_so():
    """Negative control: without dropout, evaluation and training would agree."""
    cb.utils.set_random_seed(0)
    model = make("linen")
    model.predict(X, verbose=0)
    one = model(X, training=True)
    assert np.any(np.array(one) != np.array(model(X, training=False)))


def test_several_inputs_reach_it_as_arguments():
    class Two(eqx.Module):
        a: eqx.nn.Linear
        b: eqx.nn.Linear

        def __call__(self, x, y):
            return self.a(x) + self.b(y)

    keys = jax.random.split(jax.random.key(0))
    model = cb.Model(Two(eqx.nn.Linear(5, 1, key=keys[0]), eqx.nn.Linear(5, 1, key=keys[1])))
    model.compile("sgd", "mse")
    assert model.fit((X, X), Y, verbose=0).history["loss"]


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("nnx", ["first (Linear) │ (None, 8) │ 48", "last (Linear) │ (None, 1) │ 9"]),
        ("equinox", ["first (Linear) │ (None, 8) │ 48", "last (Linear) │ (None, 1) │ 9"]),
        ("linen", ["Dense_0 (_Layer) │ (None, 8) │ 48", "Dense_1 (_Layer) │ (None, 1) │ 9"]),
    ],
)
def test_a_summary_shows_real_shapes_once_it_has_seen_data(kind, rows):
    model, lines = make(kind), []
    model.fit(X, Y, **FIT)
    model.summary(print_fn=lines.append)
    text = "\n".join(" ".join(line.split()) for line in "\n".join(lines).splitlines())
    for row in rows:
        assert row in text
