"""Class weights of batches that come one by one; tests/parity compares their numbers to Keras's."""

import numpy as np
import pytest

import callbax
from callbax.callbacks import LambdaCallback

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = np.arange(24) % 3
WEIGHTS = {0: 0.5, 2: 4.0}


def make():
    model = callbax.Sequential([callbax.layers.Dense(3, activation="softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.set_weights([np.full((3, 3), 0.1) * np.arange(3), np.zeros(3)])
    return model


def batches(x=X, y=Y):
    return ((x[i : i + 4], y[i : i + 4]) for i in range(0, len(x), 4))


def fitted(*fits):
    model = make()
    for x, arguments in fits:
        model.fit(x, verbose=0, **arguments)
    return model.get_weights()


def test_batches_that_were_drawn_ahead_have_no_weights_of_the_fit_before():
    """The first fit stops after two batches; by then all six are drawn and weighed."""

    def stop(batch, logs):
        stopping.stop_training = batch == 1

    rest, stopping = batches(), make()
    hook = LambdaCallback(on_train_batch_end=stop)
    stopping.fit(rest, class_weight=WEIGHTS, callbacks=hook, verbose=0)
    stopping.fit(rest, verbose=0)
    expected = fitted((batches(X[:8]), {"class_weight": WEIGHTS}), (batches(X[8:], Y[8:]), {}))
    np.testing.assert_equal(stopping.get_weights(), expected)


def test_classes_may_be_written_as_in_json():
    as_text = {str(label): weight for label, weight in WEIGHTS.items()}
    expected, weights = (
        fitted((batches(), {"class_weight": found})) for found in (WEIGHTS, as_text)
    )
    np.testing.assert_equal(weights, expected)


BAD = {
    "both kinds of weights": ((X[:4], Y[:4], np.ones(4)), "received both"),
    "no targets": ((X[:4],), "Let the source yield pairs"),
    "several outputs": ((X[:4], {"a": Y[:4]}), "With several outputs, pass `sample_weight`"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("before", [0, 2], ids=["first batch", "third batch"])
def test_a_batch_that_cannot_be_weighed_is_an_error_when_its_turn_comes(bad, before):
    batch, words = BAD[bad]
    good = [*batches()][:before]
    if good and bad != "no targets":
        words = r"batch 2`: expected a batch like the first one, \(float32\[4, 3\], int64\[4\]\)"
    model = make()
    with pytest.raises(ValueError, match=words):
        model.fit((some for some in [*good, batch]), class_weight=WEIGHTS, verbose=0)
    expected = fitted((good, {"class_weight": WEIGHTS})) if good else make().get_weights()
    np.testing.assert_equal(model.get_weights(), expected)


def test_a_mapping_that_is_none_is_refused_before_anything_is_drawn():
    source = batches()
    with pytest.raises(ValueError, match=r"fit\(class_weight=...\)`: expected a dict of class"):
        make().fit(source, class_weight=[1.0], verbose=0)
    assert len([*source]) == 6
