"""Every layout: hooks see and leave the bits of single steps, and the numbers of one device."""

import copy
import pickle
import re

import jax
import keras
import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from tests._training import test_timeline_property as property_test
from tests.distribution.scenarios import DEVICES
from tests.programs import programs, random

import callbax as cb
from callbax.distribution import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    list_devices,
    set_distribution,
)

pytestmark = pytest.mark.one_device("each test says itself how its model is distributed")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 8)).astype("float32")
Y = RNG.normal(size=(50, 1)).astype("float32")
IMAGES = RNG.normal(size=(24, 6, 6, 1)).astype("float32")
CLASSES = RNG.integers(0, 4, 24).astype("int32")
RULES = {
    "nnx": {"first/kernel": (None, "model"), "first/bias": ("model",), "last/kernel": ("model",)},
    "sequential": {r".*dense(_\d+)?/kernel": (None, "model")},
    "keras": {r".*conv2d(_\d+)?/kernel": (None, None, None, "model"), r".*dense.*bias": ("model",)},
}
KINDS = ("dp", "fsdp", "tp", "tp and fsdp")


def distribution(kind, model):
    if kind in ("dp", "fsdp"):
        return DataParallel(shard_state=kind == "fsdp")
    rules = LayoutMap(DeviceMesh((2, 2), ("batch", "model")))
    fsdp = {r".*norm.*/.*": ("batch",)} if kind == "tp and fsdp" else {}
    for path, axes in (RULES[model] | fsdp).items():
        rules[path] = axes
    return ModelParallel(layout_map=rules)


def sequential(chosen, *, plain=False, **compiled):
    layers = cb.layers
    parts = [layers.Dense(8, activation="relu")]
    parts += [] if plain else [layers.BatchNormalization(), layers.Dropout(0.3)]
    model = cb.Sequential(
        [layers.Input((8,)), *parts, layers.Dense(2)], seed=3, distribution=chosen
    )
    model.compile(cb.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"], **compiled)
    return model, (X, np.repeat(Y, 2, 1))


def cnn(chosen, *, own=False, **compiled):
    layers = keras.layers
    parts = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(), layers.Flatten()]
    inner = keras.Sequential([keras.Input((6, 6, 1)), *parts, layers.Dropout(0.2), layers.Dense(4)])
    optimizers = keras.optimizers if own else cb.optimizers
    model = cb.Model(inner, seed=3, distribution=chosen)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if own else "mse"
    targets = CLASSES if own else np.eye(4, dtype="float32")[CLASSES]
    model.compile(optimizers.SGD(0.01, momentum=0.9), loss, **compiled)
    return model, (IMAGES, targets)


MAKERS = {
    "sequential": sequential,
    "keras": cnn,
    "keras's own step": lambda chosen, **compiled: cnn(chosen, own=True, **compiled),
}


class Changing(cb.callbacks.Callback):
    execution = "fused"

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.set_weights([np.float32(1.01) * w for w in self.model.get_weights()])


def trained(name, kind, steps="auto", hooks=True):
    cb.utils.set_random_seed(1)
    rules = "keras" if name.startswith("keras") else name
    chosen = None if kind is None else distribution(kind, rules)
    model, (x, y) = MAKERS[name](
        chosen, **({} if steps == "auto" else {"steps_per_execution": steps})
    )
    callbacks = [Changing()] if hooks else []
    fit = {"batch_size": 8, "epochs": 3, "verbose": 0, "callbacks": callbacks}
    history = model.fit(x, y, validation_data=(x[:8], y[:8]), **fit)
    return model, history.history


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAKERS)
def test_numbers_are_those_of_one_device(name, kind):
    _, alone = trained(name, None)
    model, history = trained(name, kind)
    for key, values in alone.items():
        np.testing.assert_allclose(history[key], values, rtol=0, atol=1e-5, err_msg=key)
    specs = [a.sharding.spec for a in model._engine.read().params.values()]
    assert any(spec != PartitionSpec() for spec in specs) == (kind != "dp")


@pytest.mark.usefixtures("unshared")
@pytest.mark.parametrize("name", ["sequential", "keras"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_layout_compiles_twice(name, kind):
    alone, _ = trained(name, None)
    model, _ = trained(name, kind)
    assert model._engine.traces() == alone._engine.traces()


@pytest.fixture(scope="module")
def models():
    """One compiled model for each layout, and the state it starts from."""
    made = {}
    for kind in KINDS:
        net = property_test.Net()
        model = cb.Model(net, seed=7, distribution=distribution(kind, "nnx"))
        model.compile(cb.optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"])
        made[kind] = model, model._engine.read()
    return made


@random(30)
@given(
    kind=st.sampled_from(KINDS),
    source=st.sampled_from(("arrays", "generator")),
    steps=st.sampled_from(("auto", 2, 3, 5, 256)),
    actions=programs(property_test.ACTIONS, property_test.EPOCHS, property_test.BATCHES),
)
def test_fused_executions_equal_single_steps(models, kind, source, steps, actions):
    model, start = models[kind]
    expected = property_test.run(model, start, actions, 1, source)
    received = property_test.run(model, start, actions, steps, source)
    for what, one, many in zip(("trace", "state", "state later"), expected, received, strict=True):
        assert one == many, f"{what} differs between one step and {steps} at a time"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAKERS)
def test_fused_steps_leave_the_bits_of_single_ones(name, kind):
    (one, history), (many, other) = (trained(name, kind, steps) for steps in (1, 5))
    assert history == other
    for a, b in zip(one.get_weights(), many.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_device_is_the_same_program():
    results = []
    for chosen in (None, DataParallel(devices=list_devices()[:1])):
        cb.utils.set_random_seed(1)
        model, (x, y) = sequential(chosen)
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_data_parallel_steps_reduce_once():
    """One all-reduce of everything, as in a loop by hand: XLA combines them."""
    model, (x, y) = sequential(DataParallel(), plain=True)
    model.fit(x[:48], y[:48], batch_size=8, verbose=0)
    compiled = model._engine._programs.by_mode["train"]
    state = model._engine.read()
    metrics = model._engine.recipe.report.reset(())
    packed = compiled.pack(state.replace(metrics=model._engine.placement.place_state(metrics)))
    feed = model._runs._feed("fit", x[:48], y[:48], batch_size=8, shuffle_seed=1)
    feed.open()
    feed.start_pass(0)
    batches = feed.next_chunk().batches
    placement = model._engine.placement
    with placement.tracing():
        single = compiled._computation(packed, batches).single
        lowered = single.lower(packed.moving, packed.rest, batches, placement.scalar(0))
    text = lowered.compile().as_text()
    assert len(re.findall(r"= .* all-reduce\(", text)) == 1
    assert not re.findall(r"all-gather\(|all-to-all\(", text)


def test_fsdp_divides_the_state():
    sizes = {}
    for kind in ("dp", "fsdp"):
        chosen = DataParallel(shard_state=kind == "fsdp")
        model = cb.Sequential([cb.layers.Input((64,)), cb.layers.Dense(256)], distribution=chosen)
        model.compile("adam", "mse")
        model.fit(np.zeros((8, 64)), np.zeros((8, 256)), verbose=0)
        leaves = jax.tree.leaves(model._engine.read())
        sizes[kind] = sum(leaf.addressable_shards[0].data.nbytes for leaf in leaves)
    assert sizes["fsdp"] < 1.05 * sizes["dp"] / DEVICES


@pytest.mark.parametrize("axis_type", [AxisType.Auto, AxisType.Explicit])
def test_a_module_that_is_placed_stays_so(axis_type):
    mesh = jax.make_mesh((DEVICES,), ("data",), axis_types=(axis_type,))
    net = property_test.Net()
    divided = NamedSharding(mesh, PartitionSpec(None, "data"))
    net.first.kernel.set_value(jax.device_put(np.asarray(net.first.kernel[...]), divided))
    model = cb.Model(net, seed=3)
    model.compile("sgd", "mse")
    x, y = property_test.X, property_test.Y
    model.fit(x, y, batch_size=8, verbose=0)
    assert net.first.kernel[...].sharding.spec == PartitionSpec(None, "data")
    model.set_weights([2 * w for w in model.get_weights()])
    model.fit(x, y, batch_size=8, verbose=0)
    assert net.first.kernel[...].sharding.spec == PartitionSpec(None, "data")
    alone = cb.Model(property_test.Net(), seed=3)
    alone.compile("sgd", "mse")
    alone.fit(x, y, batch_size=8, verbose=0)
    alone.set_weights([2 * w for w in alone.get_weights()])
    alone.fit(x, y, batch_size=8, verbose=0)
    for a, b in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_model_of_keras_follows_keras():
    chosen = keras.distribution.DataParallel(devices=keras.distribution.list_devices())
    keras.distribution.set_distribution(chosen)
    try:
        model, (x, y) = cnn(None, own=True)
        model.fit(x, y, batch_size=8, verbose=0)
        weights = model._engine.read().params.values()
        assert {w.sharding.mesh.size for w in weights} == {DEVICES}
    finally:
        keras.distribution.set_distribution(None)


def test_a_distribution_set_later_places_weights_anew():
    net = property_test.Net()
    set_distribution(DataParallel(shard_state=True))
    model = cb.Model(net)
    set_distribution(None)
    model.compile("sgd", "mse")
    model.fit(property_test.X, property_test.Y, batch_size=8, verbose=0)
    assert net.first.kernel[...].sharding.spec == PartitionSpec(None, "batch")


def test_copies_and_pickles_are_placed_alike(tmp_path):
    model, (x, y) = sequential(DataParallel(shard_state=True))
    model.fit(x, y, batch_size=8, verbose=0)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        one, two = (
            m.fit(x, y, batch_size=8, verbose=0).history["loss"]
            for m in (copy.deepcopy(model), again)
        )
        assert one == two
        specs = {a.sharding.spec for a in again._engine.read().params.values()}
        assert specs != {PartitionSpec()}


def test_grouped_convolutions_under_fsdp_train_to_the_numbers_of_one_device():
    """XLA divided their inputs as the weights of the layer behind them, and got them wrong."""
    images = np.random.default_rng(0).normal(size=(22, 8, 8, 3)).astype("float32")
    losses = []
    for chosen in (None, DataParallel(shard_state=True)):
        cb.utils.set_random_seed(1)
        layers = cb.layers
        rows = [
            layers.Input((8, 8, 3)),
            layers.Conv2D(6, 2, dilation_rate=2, groups=3, use_bias=False),
            layers.Flatten(),
            layers.Dense(1),
        ]
        model = cb.Sequential(rows, distribution=chosen)
        model.compile(cb.optimizers.SGD(0.02, momentum=0.5), "mse")
        options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}
        losses.append(model.fit(images, images.mean((1, 2))[:, :1], **options).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def saved_and_loaded(model, folder):
    model.save_weights(folder / "a.weights.h5")
    model.load_weights(folder / "a.weights.h5")


def saved_and_loaded_whole(model, folder):
    model.save(folder / "a.keras")
    model.load_weights(folder / "a.keras")


def resumed(model, folder):
    for epochs in (1, 2):
        model.fit(X, np.tile(Y, 2), batch_size=10, epochs=epochs, verbose=0, resume=folder)


def frozen_and_thawed(model, folder):
    layer = model.layers[1]
    layer.trainable = False
    model.fit(X, np.tile(Y, 2), batch_size=10, verbose=0)
    layer.trainable = True


DEEDS = {
    "weights set": lambda model, folder: model.set_weights(model.get_weights()),
    "weights read": saved_and_loaded,
    "model read": saved_and_loaded_whole,
    "resumed": resumed,
    "frozen": frozen_and_thawed,
    "called in training": lambda model, folder: model(X, training=True),
    "one batch": lambda model, folder: model.train_on_batch(X[:8], np.tile(Y[:8], 2)),
}


@pytest.mark.parametrize("when", ["between runs", "in a hook"])
@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_a_user_does_takes_a_layout_away(deed, when, tmp_path):
    """Under FSDP a state that is no longer divided takes the memory of all devices on each."""

    def places():
        state = model._engine.read()
        tree = state.params, state.stats, state.optimizer
        return [leaf.sharding for leaf in jax.tree.leaves(tree)]

    model, _ = sequential(DataParallel(shard_state=True))
    y = np.tile(Y, 2)
    model.fit(X, y, batch_size=10, verbose=0)
    before, during = places(), []
    if when == "between runs":
        DEEDS[deed](model, tmp_path)
    elif deed not in ("resumed", "frozen"):  # these are not for hooks

        def do(batch, logs):
            DEEDS[deed](model, tmp_path)
            during.append(places())

        hook = cb.callbacks.LambdaCallback(on_train_batch_end=do)
        model.fit(X, y, batch_size=10, verbose=0, callbacks=[hook])
    assert any(place.spec != PartitionSpec() for place in before)
    assert all(each == before for each in [*during, places()])
    model.fit(X, y, batch_size=10, verbose=0)
    assert places() == before


WRONG = {
    "a rule without a weight": ({"nothing": ("model",)}, r"'nothing'.*rules that match a weight"),
    "too many axes": ({"first/bias": (None, "model")}, r"at most 1 dimensions"),
    "a size that does not divide": (
        {"last/bias": ("model",)},
        r"'model' to divide a multiple of 2",
    ),
    "two rules": ({"first/.*": (None,), ".*/kernel": (None,)}, r"one rule for a weight.*several"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_said_before_the_first_step(what):
    rules, message = WRONG[what]
    layouts = LayoutMap(DeviceMesh((2, 2), ("batch", "model")))
    for path, axes in rules.items():
        layouts[path] = axes
    model = cb.Model(property_test.Net(), distribution=ModelParallel(layout_map=layouts))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=rf"(?s){message}"):
        model.fit(property_test.X, property_test.Y, verbose=0)


def test_nnx_state_of_sharded_modules_is_live():
    class Look(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(nnx.state(net)["first"]["kernel"][...].sharding.spec)

    seen, net = [], property_test.Net()
    model = cb.Model(net, distribution=DataParallel(shard_state=True))
    model.compile("sgd", "mse")
    model.fit(property_test.X, property_test.Y, batch_size=8, verbose=0, callbacks=[Look()])
    assert set(seen) == {PartitionSpec(None, "batch")}
