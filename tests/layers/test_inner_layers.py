"""Layers that layers hold: trained, counted, ordered, filed and frozen as in Keras."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from flax import nnx

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 4)).astype("float32")
Y = X.sum(1, keepdims=True)
FIT = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}


def in_the_constructor(lib):
    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = lib.layers.Dense(1)

        def call(self, inputs):
            return self.dense(inputs)

    return [Block()]


def built_by_hand(lib):
    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = lib.layers.Dense(1)

        def build(self, input_shape):
            self.dense.build(input_shape)

        def call(self, inputs):
            return self.dense(inputs)

    return [Block()]


def made_in_build(lib):
    class Block(lib.layers.Layer):
        dense = None

        def build(self, input_shape):
            self.dense = lib.layers.Dense(1)

        def call(self, inputs):
            return self.dense(inputs)

    return [Block()]


def appended_in_turn(lib):
    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.sizes = [], [], [3, 2]
            for size in self.sizes:
                self.first.append(lib.layers.Dense(size, activation="tanh"))
                self.second.append(lib.layers.Dense(size))
            self.last = lib.layers.Dense(1)

        def call(self, inputs):
            for first, second in zip(self.first, self.second, strict=True):
                inputs = second(first(inputs))
            return self.last(inputs)

    return [Block()]


def in_tuples_and_dicts(lib):
    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.pair = (lib.layers.Dense(2), lib.layers.Dense(3))
            self.named = {"z": lib.layers.Dense(2), "a": lib.layers.Dense(1)}
            self.mixed = {"1": [lib.layers.Dense(3)], "0": [{"deep": lib.layers.Dense(2)}, "text"]}

        def call(self, inputs):
            for layer in self.pair:
                inputs = layer(inputs)
            inputs = self.mixed["0"][0]["deep"](self.mixed["1"][0](inputs))
            for layer in self.named.values():
                inputs = layer(inputs)
            return inputs

    return [Block()]


def several_deep(lib):
    class Block(lib.layers.Layer):
        def __init__(self, depth):
            super().__init__()
            self.dense = lib.layers.Dense(3)
            self.inner = Block(depth - 1) if depth else None

        def build(self, input_shape):
            self.factor = self.add_weight(shape=(3,), initializer="ones")

        def call(self, inputs):
            outputs = self.dense(inputs) * self.factor
            return outputs if self.inner is None else self.inner(outputs)

    return [Block(2), lib.layers.Dense(1)]


def used_twice(lib):
    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.z = lib.layers.Dense(4)
            self.a, self.more = self.z, [self.z]
            self.last = lib.layers.Dense(1)

        def call(self, inputs):
            return self.last(self.a(self.z(self.more[0](inputs))))

    return [Block()]


def with_running_state(lib):
    class Norm(lib.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")
            self.mean = self.add_weight(
                shape=(input_shape[-1],), initializer="zeros", trainable=False
            )
            self.shift = self.add_weight(shape=(input_shape[-1],), initializer="zeros")

        def call(self, inputs, training=False):
            if training:
                self.mean.assign(self.mean * 0.9 + 0.1 * inputs.mean(0))
            return (inputs - self.mean) * self.scale + self.shift

    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm, self.dense = Norm(), lib.layers.Dense(1)

        def call(self, inputs):
            return self.dense(self.norm(inputs))

    return [Block()]


def with_a_sequential(lib):
    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = lib.Sequential([lib.layers.Dense(5, "relu"), lib.layers.Dense(4)])
            self.last = lib.layers.Dense(1)

        def call(self, inputs):
            return self.last(self.inner(inputs) + inputs)

    return [Block()]


def with_several_arguments(lib):
    class Mix(lib.layers.Layer):
        def build(self, one_shape, other_shape):
            self.weight = self.add_weight(shape=(one_shape[-1], other_shape[-1]))

        def call(self, one, other, add=False):
            return one @ self.weight + other if add else one

    class Block(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.mix, self.last = Mix(), lib.layers.Dense(1)

        def call(self, inputs):
            return self.last(self.mix(inputs, 2 * inputs, add=True))

    return [Block()]


def a_sequential(lib):
    inner = lib.Sequential([lib.Sequential([lib.layers.Dense(4)]), *used_twice(lib)])
    return [lib.Input((4,)), inner, lib.layers.Dense(1)]


def frozen_inside(lib):
    (block,) = with_running_state(lib)
    block.dense.trainable = False
    return [block, lib.layers.Dense(1)]


def frozen_but_for_one(lib):
    (block,) = appended_in_turn(lib)
    block.trainable = False
    block.second[0].trainable = True
    return [block, lib.layers.Dense(1)]


KINDS = (
    in_the_constructor,
    built_by_hand,
    made_in_build,
    appended_in_turn,
    in_tuples_and_dicts,
    several_deep,
    used_twice,
    with_running_state,
    with_a_sequential,
    with_several_arguments,
    a_sequential,
    frozen_inside,
    frozen_but_for_one,
)


def compiled(lib, kind, seed=3):
    lib.utils.set_random_seed(seed)
    model = lib.Sequential(kind(lib))
    model.build((None, 4))
    model.compile("sgd", "mse")
    return model


@pytest.mark.every(2)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_they_train_and_count_as_in_keras(kind, tmp_path):
    models = {lib: compiled(lib, kind) for lib in (keras, cb)}
    losses = {lib: model.fit(X, Y, **FIT).history["loss"] for lib, model in models.items()}
    theirs, ours = models[keras], models[cb]
    np.testing.assert_allclose(losses[cb], losses[keras], rtol=1e-5)
    assert losses[cb][2] < losses[cb][0]
    for one, another in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-4, atol=1e-6)
    assert ours.count_params() == theirs.count_params()
    for layer, other in zip(ours.layers, theirs.layers, strict=True):
        assert layer.count_params() == other.count_params()
        for one, another in zip(layer.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(one, another, rtol=1e-4, atol=1e-6)

    for name, writer, reader in (("ours", ours, keras), ("theirs", theirs, cb)):
        path = tmp_path / f"{name}.weights.h5"
        writer.save_weights(path)
        again = compiled(reader, kind, seed=4)
        again.load_weights(path)
        np.testing.assert_allclose(
            again.predict(X, verbose=0), writer.predict(X, verbose=0), rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize(
    "kind", [k for k in KINDS[:-3] if k is not several_deep], ids=lambda kind: kind.__name__
)
def test_a_layer_alone_lists_what_it_holds(kind):
    (theirs,), (ours,) = kind(keras), kind(cb)
    for layer in (theirs, ours):
        layer(X)
    for of in ("weights", "variables", "trainable_weights", "non_trainable_weights"):
        shapes = [[tuple(v.shape) for v in getattr(layer, of)] for layer in (theirs, ours)]
        assert shapes[0] == shapes[1], of
    for layer in (theirs, ours):
        layer.trainable = False
    assert len(ours.trainable_variables) == len(theirs.trainable_variables) == 0
    assert len(ours.non_trainable_variables) == len(theirs.non_trainable_variables)


def test_the_summary_counts_them():
    model = compiled(cb, several_deep)
    model.fit(X, Y, **FIT)
    lines = []
    model.summary(print_fn=lines.append)
    assert f"Total params: {model.count_params()}" in lines[0]
    assert f" {model.layers[0].count_params()} " in lines[0]


def test_dropout_inside_knows_about_training_and_has_a_key_of_its_own():
    class Block(cb.layers.Layer):
        def __init__(self):
            super().__init__()
            self.drops = [cb.layers.Dropout(0.5), cb.layers.Dropout(0.5)]

        def call(self, inputs):
            return jnp.concatenate([drop(inputs) for drop in self.drops], axis=-1)

    x = np.ones((8, 50), "float32")
    block = Block()
    assert (np.asarray(block(x)) == 1).all()
    for outputs in (block(x, training=True), cb.Sequential([Block()])(x, training=True)):
        left, right = np.split(np.asarray(outputs), 2, axis=-1)
        assert {0, 2} == set(np.unique(left)) == set(np.unique(right))
        assert (left != right).any()
    model = cb.Sequential([Block()])
    assert (model.predict(x, verbose=0) == 1).all()


def test_the_training_flag_comes_from_the_layer_around_or_the_default():
    seen = []

    def flags(lib):
        seen.clear()

        class Inner(lib.layers.Layer):
            def call(self, inputs, training=True):
                seen.append(bool(training))
                return inputs

        class Outer(lib.layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = Inner()

            def call(self, inputs):
                return self.inner(inputs)

        last = []
        for layer, arguments in (
            (Inner(), {}),
            (Outer(), {}),
            (Outer(), {"training": False}),
            (Outer(), {"training": True}),
        ):
            layer(X, **arguments)
            last.append(seen[-1])
        return last

    assert flags(cb) == flags(keras) == [True, True, False, True]


def test_the_call_that_builds_leaves_counters_alone():
    class Counter(cb.layers.Layer):
        def build(self, input_shape):
            self.count = self.add_weight(initializer="zeros", trainable=False)

        def call(self, inputs):
            self.count.assign_add(1.0)
            return inputs

    class Block(cb.layers.Layer):
        def __init__(self):
            super().__init__()
            self.counter, self.dense = Counter(), cb.layers.Dense(1)

        def call(self, inputs):
            return self.dense(self.counter(inputs))

    model = cb.Sequential([Block()])
    model.compile("sgd", "mse")
    model.build((None, 4))
    assert float(model.layers[0].counter.count.numpy()) == 0
    model.fit(X, Y, **FIT)
    assert float(model.layers[0].counter.count.numpy()) == 6


def test_a_seed_of_the_model_reaches_them():
    def weights():
        model = cb.Sequential(appended_in_turn(cb), seed=5)
        model.build((None, 4))
        return model.get_weights()

    for one, another in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize("as_list", [False, True])
def test_an_nnx_module_may_hold_them_and_be_held(as_list):
    class Net(nnx.Module):
        def __init__(self):
            ones = cb.layers.Dense(1, kernel_initializer="ones")
            self.dense = nnx.List([ones]) if as_list else ones

        def __call__(self, x):
            return self.dense[0](x) if as_list else self.dense(x)

    class Holder(cb.layers.Layer):
        def __init__(self):
            super().__init__()
            self.net = Net()
            self.linear = nnx.Linear(1, 1, rngs=nnx.Rngs(0))

        def call(self, inputs):
            return self.linear(self.net(inputs))

    x, y = np.ones((8, 4), "float32"), np.zeros((8, 1), "float32")
    model = cb.Model(Net())
    assert not model.built
    model.compile("sgd", "mse")
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    np.testing.assert_allclose(losses, [16, 12.96, 10.4976], rtol=1e-5)
    assert model.count_params() == 5
    held = cb.Sequential([Holder()])
    held.compile("sgd", "mse")
    losses = held.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]
    assert held.count_params() == 7


def test_a_config_makes_them_again():
    @cb.saving.register_keras_serializable("inner_tests")
    class Wrap(cb.layers.Layer):
        def __init__(self, layer, others=(), **kwargs):
            super().__init__(**kwargs)
            self.layer, self.others = layer, list(others)

        def call(self, inputs):
            for layer in (self.layer, *self.others):
                inputs = layer(inputs)
            return inputs

    wrap = Wrap(cb.layers.Dense(3), [cb.layers.Dense(2)])
    model = cb.Sequential([wrap])
    model.build((None, 4))
    again = cb.Sequential.from_config(model.get_config())
    assert [w.shape for w in again.get_weights()] == [w.shape for w in model.get_weights()]
    other = Wrap.from_config(wrap.get_config())
    assert other.layer is not wrap.layer
    assert (other.layer.units, other.others[0].units) == (3, 2)


def test_what_is_not_built_before_it_runs_is_an_error():
    class Late(nnx.Module):
        def __init__(self):
            self.early = nnx.Linear(4, 4, rngs=nnx.Rngs(0))

        def __call__(self, x):
            self.dense = nnx.Linear(4, 1, rngs=nnx.Rngs(0))
            return self.dense(self.early(x))

    model = cb.Model(Late())
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"(?s)`Late\(inputs\)`: expected .* received .*Make"):
        model.fit(X, Y, **FIT)


def test_a_set_of_layers_is_refused():
    layer = cb.layers.Layer()
    with pytest.raises(TypeError, match=r"(?s)expected layers in a list.*received.*Use a list"):
        layer.parts = {cb.layers.Dense(1)}


def test_layers_taken_out_of_a_list_no_longer_count():
    class Block(cb.layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = [cb.layers.Dense(3), cb.layers.Dense(2)]
            self.blocks.pop()
            self.blocks.insert(0, cb.layers.Dense(5))
            self.blocks += [cb.layers.Dense(1)]

        def call(self, inputs):
            for layer in self.blocks:
                inputs = layer(inputs)
            return inputs

    model = cb.Sequential([Block()])
    model.build((None, 4))
    assert model.count_params() == (4 + 1) * 5 + (5 + 1) * 3 + (3 + 1) * 1


def test_a_layer_that_is_given_a_sequential_travels(tmp_path):
    """Both ways: the files of one side are read by the other."""

    def wrapper(lib):
        class Given(lib.layers.Layer):
            def __init__(self, net, **kwargs):
                super().__init__(**kwargs)
                if isinstance(net, dict):  # Keras leaves this to the class
                    net = lib.saving.deserialize_keras_object(net)
                self.net = net

            def call(self, inputs):
                return self.net(inputs)

            def get_config(self):
                net = lib.saving.serialize_keras_object(self.net)
                return {**super().get_config(), "net": net}

        return lib.saving.register_keras_serializable("given_tests")(Given)

    classes = {lib: wrapper(lib) for lib in (keras, cb)}
    for writer, reader in ((keras, cb), (cb, keras)):
        net = writer.Sequential([writer.layers.Dense(3), writer.layers.Dense(2)])
        model = writer.Sequential([writer.Input((4,)), classes[writer](net)])
        model.save(tmp_path / "model.keras")
        names = {"given_tests>Given": classes[reader], "Given": classes[reader]}
        again = reader.saving.load_model(tmp_path / "model.keras", custom_objects=names)
        np.testing.assert_allclose(
            again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5
        )
