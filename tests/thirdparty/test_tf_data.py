"""TensorFlow's tensors and tf.data: the numbers of the arrays that they were made from."""

import keras
import numpy as np
import pytest
from tests._data.endless import assert_steps_are_asked_for
from tests._data.same import (
    EPOCHS,
    ROWS,
    SIZE,
    Source,
    arrays,
    assert_close,
    assert_resumes,
    assert_same,
    line,
    results,
)

import callbax

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


@pytest.fixture
def tf(optional):
    return optional("tensorflow")


def dataset(tf, *parts):
    return tf.data.Dataset.from_tensor_slices(parts)


def generated(tf, *parts):
    """Returns a data set that does not know its length."""
    spec = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in parts)
    return tf.data.Dataset.from_generator(lambda: iter(Source(*parts)), output_signature=spec)


KINDS = {
    "of known length": lambda tf, x, y: dataset(tf, x, y).batch(SIZE),
    "filtered": lambda tf, x, y: dataset(tf, x, y).filter(lambda x, y: True).batch(SIZE),
    "from a generator": generated,
    "cached and read ahead": lambda tf, x, y: dataset(tf, x, y).batch(SIZE).cache().prefetch(2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_data_sets(tf, kind):
    x, y = arrays(len(kind))
    assert_same(lambda: (KINDS[kind](tf, x, y),), (x, y))


def test_keras_makes_the_same_numbers(tf):
    x, y = arrays(2)
    made = dataset(tf, x, y).batch(SIZE)
    assert_close(lambda: (made,), (x, y))
    right, got = (results(lambda: (made,), library) for library in (keras, callbax))
    np.testing.assert_allclose(got[0]["loss"], right[0]["loss"], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8", "int64", "bool"])
def test_tensors_are_arrays(tf, dtype):
    x, y = arrays(3, dtype)
    assert_same(lambda: (tf.constant(x), tf.Variable(y)), (x, y))
    assert_same(lambda: (tf.cast(x, tf.bfloat16), y), (x, y))


def test_an_endless_one_needs_steps_and_goes_on_where_the_epoch_before_ended(tf):
    x, y = arrays(4)
    model, right = line(), line()
    endless = dataset(tf, x, y).batch(SIZE).repeat()
    steps = {"epochs": EPOCHS, "steps_per_epoch": 4, "verbose": 0}
    model.fit(endless, **steps, validation_data=endless, validation_steps=2)
    right.fit((batch for _ in range(4) for batch in Source(x, y)), **steps)
    np.testing.assert_equal(model.get_weights(), right.get_weights())
    got = model.evaluate(endless, steps=3, verbose=0)
    assert got == right.evaluate(Source(x, y), verbose=0)
    np.testing.assert_equal(
        model.predict(endless, steps=3, verbose=0), right.predict(x, batch_size=SIZE, verbose=0)
    )


def test_weights_of_samples_and_classes_as_in_keras(tf):
    x, _ = arrays(5)
    labels = (np.arange(ROWS) % 2).astype("int64")[:, None]
    weights = np.linspace(0.5, 2, ROWS, dtype="float32")
    ends = []
    for library in (keras, callbax):
        models = [line(library) for _ in range(2)]
        models[0].fit(dataset(tf, x, labels, weights).batch(SIZE), verbose=0, shuffle=False)
        classes = {"class_weight": {0: 3.0, 1: 1.0}}
        models[1].fit(dataset(tf, x, labels).batch(SIZE), verbose=0, shuffle=False, **classes)
        ends.append([weight for model in models for weight in model.get_weights()])
    for right, got in zip(*ends, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_resumed(tf, kind, tmp_path):
    x, y = arrays(6)
    got = assert_resumes(lambda: (KINDS[kind](tf, x, y),), tmp_path / "data set")
    right = assert_resumes(lambda: (x, y), tmp_path / "arrays", shuffle=False)
    np.testing.assert_equal(got, right)


def test_a_run_is_resumed_in_the_order_that_each_pass_is_shuffled(tf, tmp_path):
    x, y = arrays(7)

    def shuffled():
        return dataset(tf, x, y).shuffle(ROWS, seed=3).batch(SIZE)

    made = shuffled()
    orders = [[batch[0].numpy().tolist() for batch in made] for _ in range(2)]
    assert orders[0] != orders[1], "every pass has the same order; the test shows nothing"
    assert_resumes(lambda: (shuffled(),), tmp_path, reseeds=False)


def test_an_endless_run_is_resumed(tf, tmp_path):
    x, y = arrays(8)
    assert_resumes(
        lambda: (dataset(tf, x, y).shuffle(ROWS, seed=3).batch(SIZE).repeat(),),
        tmp_path,
        steps_per_epoch=4,
        reseeds=False,
    )


REFUSED = {
    "ragged": (lambda tf: tf.ragged.constant([[1.0, 2.0, 3.0], [1.0]]), "to_tensor"),
    "sparse": (lambda tf: tf.sparse.from_dense(np.eye(3, dtype="float32")), "to_dense"),
    "text": (lambda tf: tf.constant([["a", "b", "c"]]), "of bytes"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_dense_numbers_is_refused(tf, kind):
    make, words = REFUSED[kind]
    for data in (make(tf), tf.data.Dataset.from_tensors(make(tf))):
        with pytest.raises(ValueError, match=words) as caught:
            line().predict(data)
        assert str(caught.value).startswith("`predict(x=...)")


def test_a_batch_that_differs_is_named(tf):
    def batches():
        yield np.ones((4, 3)), np.ones((4, 1))
        yield np.ones((4, 3, 1)), np.ones((4, 1))

    spec = tf.TensorSpec(None, tf.float32), tf.TensorSpec(None, tf.float32)
    made = tf.data.Dataset.from_generator(batches, output_signature=spec)
    model = line()
    words = r"`fit\(x=...\), batch 1`: expected a batch like the first one, \(float32\[4, 3\]"
    with pytest.raises(ValueError, match=words):
        model.fit(made, verbose=0)
    assert model.optimizer.iterations == 1


def test_an_endless_one_needs_steps(tf):
    x, y = arrays(9)
    assert_steps_are_asked_for(dataset(tf, x, y).batch(SIZE).repeat())
