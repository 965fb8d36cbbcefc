"""What every kind of module can do: hooks, weights, files, copies, resuming, freezing."""

import copy
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx
from tests._modules.kinds import BATCH, HELD, KINDS, X, Y, arrays_in

import callbax as cb
from callbax._data._placement import OneDevice

every_kind = pytest.mark.parametrize("kind", KINDS)
every_held_kind = pytest.mark.parametrize("kind", HELD)


def made(kind, seed=0, **arguments):
    model = cb.Model(KINDS[kind](), seed=seed, **arguments)
    model.compile(cb.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def fit(model, hook=None, epochs=2, callbacks=()):
    """Runs a function at the end of every batch."""

    class Hook(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if hook is not None:
                hook(batch)

    return model.fit(
        X, Y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Hook(), *callbacks]
    )


def bits(arrays):
    return [np.asarray(array).tobytes() for array in arrays]


def same(model, other):
    return bits(model.get_weights()) == bits(other.get_weights())


@every_kind
def test_it_learns(kind):
    model = made(kind)
    history = fit(model, epochs=30).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert model.evaluate(X, Y, verbose=0)[0] < history["loss"][0]


@every_kind
def test_the_module_is_that_of_the_batch_and_of_the_end(kind):
    model, seen = made(kind), []

    def look(batch):
        seen.append(bits(arrays_in(model.module)))
        assert sorted(seen[-1]) == sorted(bits(model.get_weights()))

    fit(model, look)
    assert len({tuple(one) for one in seen}) == len(seen) == 22, "every batch has its own"
    assert bits(arrays_in(model.module)) == seen[-1]


@every_kind
@pytest.mark.parametrize("way", ["set_weights", "assign"])
def test_what_a_hook_writes_counts(kind, way):
    def write(model):
        if way == "set_weights":
            model.set_weights([w * 0 for w in model.get_weights()])
        for weight in model.weights if way == "assign" else ():
            weight.assign(weight.numpy() * 0)

    model = made(kind)
    model.optimizer.learning_rate = 0.0
    fit(model, lambda batch: write(model) if batch == 9 else None, epochs=1)
    params = model.trainable_weights
    assert params
    assert not any(w.numpy().any() for w in params), "the last step had a rate of 0"


@every_held_kind
def test_another_module_may_be_assigned_in_a_hook(kind):
    model, other = made(kind), made(kind, seed=7)
    model.build((None, 5))
    other.build((None, 5))
    other.set_weights([w + w.dtype.type(1) for w in other.get_weights()])
    at_once = []

    def assign(batch):
        if batch == 3:
            model.module = other.module
            at_once.append(same(model, other))

    fit(model, assign, epochs=1)
    assert at_once == [True]
    assert not same(model, other), "training went on from there"


@every_kind
def test_files_hold_it(kind, tmp_path):
    model = made(kind)
    fit(model)
    for name in ("a.weights.h5", "a.safetensors"):
        model.save_weights(tmp_path / name)
        again = made(kind, seed=1)
        again.build((None, 5))
        assert not same(again, model)
        again.load_weights(tmp_path / name)
        assert same(again, model)
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


class Killed(Exception):
    pass


def killed_and_resumed(kind, folder, *, backup=True):
    def kill(batch):
        if batch == 6 and len(batches) == 11 + 6:
            raise Killed
        batches.append(batch)

    def callbacks():
        return [cb.callbacks.BackupAndRestore(folder, save_freq=1)] if backup else []

    batches = []
    first = made(kind)
    with pytest.raises(Killed):
        fit(first, kill, epochs=3, callbacks=callbacks())
    again = made(kind, seed=99)
    fit(again, epochs=3, callbacks=callbacks())
    return again


@every_kind
def test_a_killed_run_continues_bit_for_bit(kind, tmp_path):
    whole = made(kind)
    fit(whole, epochs=3)
    assert same(killed_and_resumed(kind, tmp_path / "a"), whole)


@every_kind
def test_a_run_that_starts_again_differs(kind, tmp_path):
    """Negative control: without the backup another order of the data, and other draws."""
    whole = made(kind)
    fit(whole, epochs=3)
    assert not same(killed_and_resumed(kind, tmp_path / "a", backup=False), whole)


@every_kind
def test_a_recorded_batch_is_visited_and_continued_from(kind):
    model, seen = made(kind), []
    recorder = cb.callbacks.Recorder()
    history = fit(model, lambda b: seen.append(bits(model.get_weights())), callbacks=[recorder])
    moment = history.at(1, 2)
    after = {**moment.after.params, **moment.after.stats}
    assert bits(after[weight.path] for weight in model.weights) == seen[11 + 2]
    branch = moment.branch()
    branch.fit(X, Y, batch_size=BATCH, epochs=2, verbose=0)
    assert same(branch.model, model), "the same steps again, on a copy"


@every_kind
def test_a_deep_copy_is_a_model_of_its_own(kind):
    model, copies = made(kind), []
    fit(model, lambda batch: copies.append(copy.deepcopy(model)) if batch == 2 else None, epochs=1)
    assert not same(copies[0], model)
    twin = copy.deepcopy(model)
    assert same(twin, model)
    fit(twin, epochs=1)
    assert not same(twin, model)
    fit(model, epochs=1)
    assert same(twin, model)


@every_kind
def test_a_pickled_model_is_the_same(kind):
    model = made(kind)
    fit(model, epochs=1)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


@every_kind
def test_parts_can_be_frozen_by_path(kind):
    model = made(kind, trainable=lambda path: "last" in path or "Dense_1" in path)
    model.build((None, 5))
    before = {w.path: w.numpy() for w in model.weights}
    trained = {w.path for w in model.trainable_weights}
    assert trained
    assert trained < set(before)
    assert list(before) == [w.path for w in model.weights]
    fit(model)
    after = {w.path: w.numpy() for w in model.weights}
    moved = {path for path in before if (before[path] != after[path]).any()}
    kept = {path for path in before if path not in trained and not _is_statistic(path)}
    assert kept
    assert trained <= moved
    assert not moved & kept


def _is_statistic(path):
    return path.startswith(("batch_stats", "state")) or path in ("norm/mean", "norm/var")


@every_held_kind
def test_the_whole_model_can_be_frozen_between_runs(kind):
    model = made(kind)
    fit(model, epochs=1)
    count = len(model.trainable_weights)
    before = {w.path: w.numpy() for w in model.trainable_weights}
    model.trainable = False
    assert model.trainable_weights == []
    fit(model, epochs=1)
    for weight in model.weights:
        if weight.path in before:
            np.testing.assert_array_equal(weight.numpy(), before[weight.path])
    model.trainable = True
    fit(model, epochs=1)
    assert len(model.trainable_weights) == count
    assert any((w.numpy() != before[w.path]).any() for w in model.trainable_weights)


@every_held_kind
def test_freezing_in_a_hook_is_refused(kind):
    model = made(kind)

    def freeze(batch):
        model.trainable = False

    with pytest.raises(RuntimeError, match=r"(?s)trainable = False.*between two runs"):
        fit(model, freeze)


@every_kind
def test_counts_and_shapes(kind, capsys):
    model = made(kind)
    model.build((None, 5))
    assert model.count_params() == sum(w.size for w in model.get_weights())
    assert model.output_shape == (None, 1)
    assert model.input_shape == (None, 5)
    model.summary()
    printed = capsys.readouterr().out
    assert "?" not in printed
    assert "(None, 1)" in printed
    if kind != "pair":
        assert "(None, 8)" in printed, "of the parts within"
        assert len(model.layers) == (3 if kind == "Equinox" else 4)
        named = "Dense_0" if kind == "Linen" else "first"
        assert model.get_layer(named) is not None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pair"])
def test_a_summary_tells_shapes_and_sizes_of_parts(kind):
    model, texts = made(kind), []
    fit(model, epochs=1)
    model.summary(print_fn=texts.append)
    rows = [[cell.strip() for cell in line.split("│")] for line in texts[0].splitlines()]
    first = 48 if kind in ("Equinox", "NNX") else 40
    for name, width, size in (("first", 8, first), ("last", 1, 9)):
        name = f"Dense_{['first', 'last'].index(name)}" if kind == "Linen" else name
        row = next(row for row in rows if len(row) > 3 and row[1].startswith(f"{name} ("))
        assert row[2:4] == [f"(None, {width})", str(size)]


@every_kind
def test_shapes_are_known_after_a_fit_and_traced_for_those_who_ask(kind, monkeypatch):
    model, traced = made(kind), []
    own = type(model._engine.functional)._traced
    monkeypatch.setattr(
        type(model._engine.functional),
        "_traced",
        lambda self, inputs: traced.append(inputs) or own(self, inputs),
    )
    fit(model)
    assert not traced
    for _ in range(3):
        model.summary(print_fn=lambda text: None)
    assert len(traced) == 1


@every_kind
def test_classes_are_as_they_were_after_a_summary(kind):
    before = [vars(c).get("__call__") for c in (eqx.nn.Linear, eqx.nn.Dropout, nnx.Linear)]
    model = made(kind)
    model.build((None, 5))
    model.summary(print_fn=lambda text: None)
    after = [vars(c).get("__call__") for c in (eqx.nn.Linear, eqx.nn.Dropout, nnx.Linear)]
    assert all(one is two for one, two in zip(before, after, strict=True))


@every_kind
def test_a_call_is_what_is_predicted(kind):
    model = made(kind)
    fit(model)
    np.testing.assert_array_equal(model(X), model.predict(X, batch_size=len(X), verbose=0))


@every_held_kind
def test_draws_follow_from_the_seed_or_from_the_global_one(kind):
    def weights(seed, model_seed):
        cb.utils.set_random_seed(seed)
        model = made(kind, seed=model_seed)
        fit(model, epochs=1)
        return bits(model.get_weights())

    assert weights(3, None) == weights(3, None) != weights(4, None)
    assert weights(3, 5) == weights(4, 5) != weights(4, 6)


@every_held_kind
def test_states_too_large_for_a_copy_leave_what_the_user_holds(kind, monkeypatch):
    kept = []
    monkeypatch.setattr(OneDevice, "memory", property(lambda self: 1))
    small = made(kind)
    small.build((None, 5))
    kept.append(small.module)
    fit(small, lambda batch: kept.append(small.module) if batch % 3 == 0 else None, epochs=2)
    kept.append(small.module)
    fit(small, epochs=1)
    assert all(np.isfinite(array).all() for module in kept for array in arrays_in(module))
    assert len({tuple(bits(arrays_in(module))) for module in kept}) == len(kept) == 10


@every_held_kind
def test_it_ends_as_on_a_large_device(kind, monkeypatch):
    large = made(kind)
    fit(large, epochs=3)
    monkeypatch.setattr(OneDevice, "memory", property(lambda self: 1))
    small = made(kind)
    fit(small, epochs=3)
    assert same(small, large)
    assert bits(arrays_in(small.module)) == bits(arrays_in(large.module))


class Constant(nn.Module):
    @nn.compact
    def __call__(self, x):
        return x[:, :1]


class Nothing(eqx.Module):
    def __call__(self, x):
        return x[:1]


class NnxNothing(nnx.Module):
    def __call__(self, x):
        return x[:, :1]


NOTHING = {
    "Equinox": Nothing,
    "Linen": Constant,
    "pair": lambda: (lambda key, x: {}, lambda params, x: x[:, :1]),
    "NNX": NnxNothing,
}


@pytest.mark.parametrize("kind", NOTHING)
def test_nothing_to_train_is_an_error_before_the_first_step(kind):
    model = cb.Model(NOTHING[kind]())
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"(?s)`fit`: expected .*can change, received .*none\."):
        model.fit(X, Y, verbose=0)
    assert model.optimizer.iterations == 0
    assert model.evaluate(X, Y, verbose=0) > 0


@every_kind
def test_a_path_that_is_nowhere_is_one_too(kind):
    with pytest.raises(ValueError, match=r"trainable=\.\.\."):
        fit(made(kind, trainable=lambda path: "haed" in path))


@pytest.mark.parametrize("thing", [object(), LookupError, [1], (1, 2), EOFError()])
def test_other_things_are_refused_by_the_names_of_what_is_known(thing):
    with pytest.raises(TypeError, match=r"(?s)flax.nnx.*flax.linen.*equinox.*Keras.*\(init, apply"):
        cb.Model(thing)


def test_trainable_takes_a_function():
    with pytest.raises(TypeError, match=r"trainable=\.\.\..*from the path"):
        cb.Model(KINDS["Linen"](), trainable=["Dense_1"])


@pytest.mark.parametrize(
    ("kind", "other"),
    [("Equinox", KINDS["Linen"]), ("Linen", KINDS["pair"]), ("NNX", KINDS["NNX"])],
)
def test_a_module_of_another_kind_is_not_taken_in_its_place(kind, other):
    with pytest.raises(TypeError, match=r"model.module = \.\.\."):
        made(kind).module = other()


def test_in_a_run_it_must_have_the_same_parts():
    model = made("Equinox")

    def assign(batch):
        model.module = eqx.nn.MLP(5, 1, 4, 1, key=jax.random.key(0))

    with pytest.raises(ValueError, match=r"(?s)numbers alone.*between two runs"):
        fit(model, assign)
    assign(0)
    fit(model)
    assert model.weights[0].path == "layers/0/weight"
    assert jnp.shape(model.weights[0].value) == (4, 5)


@every_kind
def test_the_paths_of_weights_are_those_of_the_weights(kind):
    model = made(kind)
    model.build((None, X.shape[1]))
    functional = model._engine.functional
    paths = list(functional.weight_paths())
    assert paths == [weight.path for weight in functional.weights()]
    assert sorted(paths) == sorted(functional.read().weights)
