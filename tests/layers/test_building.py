"""How layers are built, by hand and in a model, and what reaches them: beside Keras."""

import keras
import numpy as np
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
ONES = np.ones((8, 4), "float32")


def with_weights(lib, **options):
    layer = lib.layers.Dense(1, use_bias=False, **options)
    layer.build((None, 4))
    layer.set_weights([np.full((4, 1), 2.0)])
    return layer


@pytest.mark.parametrize("lib", [keras, cb])
def test_what_build_made_stays(lib):
    layer = with_weights(lib)
    assert layer.built
    assert np.asarray(layer(ONES)).ravel().tolist() == [8.0] * 8
    model = lib.Sequential([with_weights(lib), lib.layers.Flatten()])
    assert model.predict(ONES, verbose=0).ravel().tolist() == [8.0] * 8
    model.layers[0].set_weights([np.full((4, 1), 3.0)])
    assert model.predict(ONES, verbose=0).ravel().tolist() == [12.0] * 8
    model.compile(lib.optimizers.SGD(0.0), "mse")
    model.fit(ONES, ONES[:, :1], verbose=0)
    assert model.get_weights()[0].ravel().tolist() == [3.0] * 4


@pytest.mark.parametrize("lib", [keras, cb])
def test_a_layer_called_before_it_is_in_a_model_keeps_its_weights(lib):
    layer = lib.layers.Dense(2)
    expected = np.asarray(layer(X))
    model = lib.Sequential([layer])
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-6)
    np.testing.assert_array_equal(layer.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("lib", [keras, cb])
def test_a_layer_with_weights_is_not_built_again(lib):
    layer = with_weights(lib)
    with pytest.raises(ValueError, match=r"already|expected a layer that is not built yet"):
        layer.build((None, 5))
    assert layer.get_weights()[0].shape == (4, 1)


@pytest.mark.parametrize("lib", [keras, cb])
def test_weights_before_build_are_refused(lib):
    with pytest.raises(ValueError, match="set_weights"):
        lib.layers.Dense(1).set_weights([np.ones((4, 1)), np.ones(1)])
    assert lib.layers.Dense(1).get_weights() == []


@pytest.mark.parametrize("lib", [keras, cb])
def test_a_build_that_calls_that_of_its_base(lib):
    class Shifted(lib.layers.Dense):
        def build(self, input_shape):
            super().build(input_shape)
            self.shift = self.add_weight(shape=(), initializer="ones")

        def call(self, inputs):
            return super().call(inputs) + self.shift

    model = lib.Sequential([Shifted(1, kernel_initializer="zeros")])
    assert model.predict(ONES, verbose=0).ravel().tolist() == [1.0] * 8
    assert sorted(w.shape for w in model.get_weights()) == [(), (1,), (4, 1)]


INPUTS = {
    "list": [X, X],
    "tuple": (X, X),
    "dict": {"b": X, "a": X},
    "dict named as arguments": {"inputs": X, "training": X},
}


@pytest.mark.parametrize("kind", INPUTS)
def test_several_inputs_keep_their_kind(kind):
    def seen_by(lib):
        seen = []

        class Kind(lib.layers.Layer):
            def build(self, input_shape):
                seen.append((type(input_shape), len(input_shape)))

            def call(self, inputs):
                seen.append((type(inputs), len(inputs)))
                return inputs[0] if kind in ("list", "tuple") else sum(inputs.values())

        model = lib.Sequential([Kind(), lib.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.predict(INPUTS[kind], verbose=0)
        if kind != "tuple":  # as data of `fit`, Keras itself takes a tuple for an (x, y)
            model.fit(INPUTS[kind], X[:, :1], verbose=0)
        return set(seen)

    assert seen_by(cb) == seen_by(keras)


@pytest.mark.parametrize("kind", ["list", "tuple"])
def test_inputs_may_be_told_apart_by_place(kind):
    class Add(cb.layers.Layer):
        def call(self, inputs):
            one, other = inputs
            return one + other

    model = cb.Sequential([Add(), cb.layers.Dense(1)])
    assert model.predict(INPUTS[kind], verbose=0).shape == (8, 1)
    built = cb.Sequential([Add(), cb.layers.Dense(1)])
    built.build([(None, 4), (None, 4)] if kind == "list" else ((None, 4), (None, 4)))
    assert built.count_params() == 5


@pytest.mark.parametrize("lib", [keras, cb])
def test_an_activation_may_be_taken_away(lib):
    layer = lib.layers.Dense(2, activation="relu", kernel_initializer="ones")
    layer.activation = None
    assert np.asarray(layer(-ONES)).min() == -4
    model = lib.Sequential([lib.layers.Dense(2, "sigmoid", kernel_initializer="ones")])
    model.layers[0].activation = None
    assert model.predict(-ONES, verbose=0).min() == -4


NOISE_SHAPES = [(16,), (1, 16), (None, 1), (2, 1), (1, None), [2, 16], (1, 1), (1,), (None, None)]


@pytest.mark.parametrize("noise_shape", NOISE_SHAPES, ids=str)
def test_a_noise_shape_is_that_of_the_mask(noise_shape):
    x = np.ones((2, 16), "float32")

    def mask(lib, seed):
        return np.asarray(lib.layers.Dropout(0.5, noise_shape, seed=seed)(x, training=True))

    def alike(lib):
        """Returns whether rows are always alike, and whether columns are."""
        masks = [mask(lib, seed) for seed in range(1, 7)]
        return [all((m == m.take([0], axis)).all() for m in masks) for axis in (0, 1)], {
            value for m in masks for value in m.ravel().tolist()
        }

    assert alike(cb) == alike(keras)


@pytest.mark.parametrize(
    "noise_shape", ["Invalid", (20, -1, 10), (0, 3), (1.5, 3), ("a",), 5.0, (True, 2)], ids=str
)
def test_a_noise_shape_that_is_none_is_refused(noise_shape):
    with pytest.raises(ValueError, match=r"(?s)`Dropout\(noise_shape=.*expected .*received .*Pass"):
        cb.layers.Dropout(0.5, noise_shape=noise_shape)


@pytest.mark.parametrize("noise_shape", [(3, 16), (1, 1, 1), (2,)], ids=str)
def test_a_noise_shape_that_does_not_fit_is_refused(noise_shape):
    layer = cb.layers.Dropout(0.5, noise_shape=noise_shape)
    with pytest.raises(ValueError, match=r"(?s)expected inputs to which a mask of shape .*Give"):
        layer(np.ones((2, 16), "float32"), training=True)


SECOND_INPUTS = {
    "two": lambda lib: [lib.Input((4,)), lib.Input((7,)), lib.layers.Dense(1)],
    "after a layer": lambda lib: [lib.layers.Dense(3), lib.Input((7,)), lib.layers.Dense(1)],
    "at the end": lambda lib: [lib.Input((4,)), lib.layers.Dense(3), lib.Input((3,))],
    "after an input shape": lambda lib: [lib.layers.Dense(3, input_shape=(4,)), lib.Input((3,))],
    "after a Sequential": lambda lib: [
        lib.Sequential([lib.Input((4,)), lib.layers.Dense(3)]),
        lib.Input((3,)),
        lib.layers.Dense(1),
    ],
}


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")  # Keras's
@pytest.mark.parametrize("case", SECOND_INPUTS)
@pytest.mark.parametrize("lib", [keras, cb])
def test_a_second_input_is_an_error(lib, case):
    def make():
        model = lib.Sequential(SECOND_INPUTS[case](lib))
        model.build((None, 4))

    with pytest.raises(ValueError, match=r"Input|input shape"):
        make()


@pytest.mark.parametrize("lib", [keras, cb])
def test_a_model_is_not_built_for_another_shape(lib):
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
    model.build((None, 4))
    with pytest.raises(ValueError, match=r"\(None, 5\)"):
        model.build((None, 5))


def test_a_sequential_in_another_is_shown_and_shares_its_weights(tmp_path):
    def make(lib):
        inner = lib.Sequential([lib.Input((4,)), lib.layers.Dense(3, name="a")], name="inner")
        return inner, lib.Sequential([inner, lib.layers.Dense(1, name="b")], name="outer")

    (their_inner, theirs), (inner, ours) = make(keras), make(cb)
    assert ours.built
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert ours.layers[0] is inner is ours.get_layer("inner") is ours.get_layer(index=0)
    ours.compile("sgd", "mse")
    ours.fit(X, X[:, :1], verbose=0)
    for one, another in zip(inner.get_weights(), ours.get_weights(), strict=False):
        np.testing.assert_array_equal(one, another)
    lines = []
    ours.summary(print_fn=lines.append)
    assert "inner (Sequential)" in lines[0]
    assert f" {their_inner.count_params()} " in lines[0]
    ours.save(tmp_path / "model.keras")
    for lib in (keras, cb):
        again = lib.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(again.predict(X, verbose=0), ours.predict(X, verbose=0), 1e-5)
        assert type(again.layers[0]).__name__ == "Sequential"
    assert ours.pop().name == "b"
    assert ours.pop() is inner
