"""Class numbers outside the classes: an error before the first step, or NaN; never a loss of 0."""

import keras
import numpy as np
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = np.arange(24) % 3
SPARSE = cb.losses.SparseCategoricalCrossentropy
BAD = {
    "from 1": (Y + 1, 3),
    "padding of -1": (np.where(Y == 1, -1, Y), -1),
    "padding of 255": (np.where(Y == 1, 255, Y).astype("uint8"), 255),
    "a column": ((Y + 1)[:, None], 3),
    "floats": ((Y + 1).astype("float32"), 3),
}


def classifier(loss="sparse_categorical_crossentropy", library=cb):
    layers = library.layers
    first = keras.Input((3,)) if library is keras else layers.Input((3,))
    ones = {"kernel_initializer": "ones", "activation": "softmax"}
    model = library.Sequential([first, layers.Dense(3, **ones)])
    model.compile("sgd", loss, weighted_metrics=["sparse_categorical_crossentropy"])
    return model


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", SPARSE(), SPARSE(axis=1)])
@pytest.mark.parametrize("bad", BAD)
def test_an_array_with_such_a_label_is_refused_before_the_first_step(bad, loss):
    y, label = BAD[bad]
    model = classifier(loss)
    before = model.get_weights()
    for call, where in (
        (lambda: model.fit(X, y, verbose=0), "fit(y=...)"),
        (lambda: model.fit(X, Y, validation_data=(X, y)), "fit(validation_data=...), y"),
        (lambda: model.evaluate(X, y, verbose=0), "evaluate(y=...)"),
        (lambda: model.train_on_batch(X, y), "train_on_batch(y=...)"),
    ):
        with pytest.raises(ValueError, match=rf"label {label} is outside \[0, 3\)") as caught:
            call()
        assert str(caught.value).startswith(f"`{where}`: expected class numbers in [0, 3)")
    np.testing.assert_equal(model.get_weights(), before)
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize("bad", BAD)
def test_in_a_stream_its_loss_is_nan(bad):
    y, _ = BAD[bad]
    assert np.isnan(classifier().fit(iter([(X, y)]), verbose=0).history["loss"][0])
    assert np.isnan(classifier().evaluate(iter([(X, y)]), verbose=0)).all()


def test_a_label_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="label nan is outside"):
        classifier().fit(X, np.where(Y == 1, np.nan, Y))


@pytest.mark.parametrize("label", [-1, 7])
def test_a_class_that_is_ignored_may_be_any_number(label):
    loss = SPARSE(ignore_class=label)
    y = np.where(np.arange(24) < 4, label, Y)
    assert np.isfinite(classifier(loss).fit(X, y, verbose=0).history["loss"][0])
    with pytest.raises(ValueError, match="label 3 is outside"):
        classifier(loss).fit(X, np.where(np.arange(24) < 4, 3, Y))


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("form", [(24,), (24, 1)])
def test_a_label_whose_weight_is_0_may_be_any_number_as_in_keras(form):
    y = np.where(np.arange(24) < 4, -1, Y).reshape(form)
    weights = (np.arange(24) >= 4).astype("float32")
    right, got = (
        classifier(library=library).evaluate(X, y, sample_weight=weights, verbose=0)
        for library in (keras, cb)
    )
    np.testing.assert_allclose(got, right, rtol=1e-5)
    weights[0] = 1
    with pytest.raises(ValueError, match="1 labels of 24 outside, such as -1"):
        classifier().evaluate(X, y, sample_weight=weights)


def test_a_loss_of_ones_own_may_count_as_it_likes():
    class FromOne(SPARSE):
        def call(self, y_true, y_pred):
            return super().call(y_true - 1, y_pred)

    model, plain = classifier(FromOne()), classifier()
    history = model.fit(X, Y + 1, verbose=0, shuffle=False).history
    assert history["loss"] == plain.fit(X, Y, verbose=0, shuffle=False).history["loss"]
