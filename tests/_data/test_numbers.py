"""What counts as numbers: converted without loss of meaning, or refused by name."""

import array
import decimal

import keras
import numpy as np
import pandas as pd
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def line(inputs=1):
    model = cb.Sequential(
        [cb.layers.Dense(1, kernel_initializer="ones", input_shape=(inputs,))], name="line"
    )
    model.compile("sgd", "mae")
    return model


def read(x, inputs=1):
    """Returns each row's sum, as the model reads it."""
    return line(inputs).predict(x, verbose=0)[:, 0].tolist()


BEYOND = {
    "int64": np.array([[1_732_500_000_000], [-(2**40)], [3]]),
    "int64 little": np.array([[2**31], [1]]),
    "uint64": np.array([[2**63 + 2**40], [1]], "uint64"),
    "uint32": np.array([[4_000_000_000], [1]], "uint32"),
    "big-endian int64": np.array([[2**40], [3]], ">i8"),
    "big-endian float": np.array([[0.5], [-3]], ">f4"),
    "long double": np.array([[0.5], [-3]], np.longdouble),
    "Python's integers": [[2**40], [1]],
    "Python's integers beyond 64 bits": [[2**70], [1]],
    "objects": np.array([[2**70], [0.5], [True], [decimal.Decimal("1.5")]], object),
    "bool": np.array([[True], [False]]),
}


@pytest.mark.parametrize("kind", BEYOND)
def test_numbers_of_any_width_keep_their_value(kind):
    x = BEYOND[kind]
    right = np.array(x, object)[:, 0].astype("float64")
    np.testing.assert_allclose(read(x), right, rtol=1e-6)
    np.testing.assert_allclose(read(iter([(x,)])), right, rtol=1e-6)
    np.testing.assert_allclose(read(iter([[np.asarray(x)]])), right, rtol=1e-6)


def test_so_do_targets_and_weights():
    big = np.array([3_000_000_000] * 8)
    zeros, arrays = np.zeros((8, 1)), {"verbose": 0}
    model = line()
    model.set_weights([np.zeros((1, 1)), np.zeros(1)])
    assert model.evaluate(zeros, big, **arrays) == pytest.approx(3e9)
    assert model.evaluate(iter([(zeros, big)]), **arrays) == pytest.approx(3e9)
    ones = np.ones(8)
    assert model.evaluate(zeros, ones, sample_weight=big, **arrays) == pytest.approx(3e9)
    assert model.test_on_batch(zeros, big) == pytest.approx(3e9)


@pytest.mark.parametrize("numbers", [range(8), array.array("f", range(8)), memoryview(bytes(8))])
def test_plain_sequences_of_numbers_are_arrays(numbers):
    assert read(numbers) == list(numbers)
    line(3).fit(X, numbers, verbose=0)


FRAMES = {
    "float and bool": {"a": [0.5, 1], "b": [True, False]},
    "nullable": {"a": pd.array([1, 2], "Int64"), "b": pd.array([0.5, 1], "Float64")},
    "nullable and bool": {"a": pd.array([True, False], "boolean"), "b": [1, 2]},
    "objects": {"a": pd.Series([1, 0.5], dtype=object), "b": [True, False]},
    "integers": {"a": [2**40, 1], "b": [1, 2]},
    "numbers as categories": {"a": pd.Categorical([1, 2]), "b": [0.5, 1]},
}


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_of_mixed_columns(frame):
    frame = pd.DataFrame(FRAMES[frame])
    right = frame.astype("float64").sum(axis=1)
    np.testing.assert_allclose(read(frame, 2), right, rtol=1e-6)
    np.testing.assert_allclose(read(iter([(frame,)]), 2), right, rtol=1e-6)
    np.testing.assert_allclose(read(frame["a"]), frame["a"].astype("float64"), rtol=1e-6)


def test_what_is_missing_is_nan():
    frame = pd.DataFrame({"a": pd.array([1, None], "Int64")})
    np.testing.assert_array_equal(read(frame), [1, np.nan])


COLUMNS = {
    "text": ["Seoul", "1.5"],
    "numbers as text": ["1", "2"],
    "categories": pd.Categorical(["u", "v"]),
    "dates": pd.to_datetime(["2020-01-01", "2020-01-02"]),
    "spans": pd.to_timedelta([1, 2], "s"),
    "None among objects": pd.Series([1.0, None], dtype=object),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_holds_no_numbers_is_named(column):
    frame = pd.DataFrame({"a": [1.0, 2.0], "city": COLUMNS[column]})
    for x, where in ((frame, "`predict(x=...)`"), (frame["city"], "`predict(x=...)`")):
        with pytest.raises(ValueError, match="'city'") as caught:
            line(2).predict(x)
        assert str(caught.value).startswith(f"{where}: expected arrays of numbers")


MASKED = np.ma.masked_array(Y, mask=Y > 0)
MASKS = {
    "x": lambda m: m.fit(np.ma.masked_array(X), Y),
    "y": lambda m: m.fit(X, MASKED),
    "sample_weight": lambda m: m.fit(X, Y, sample_weight=MASKED[:, 0]),
    "validation_data=...), y": lambda m: m.fit(X, Y, validation_data=(X, MASKED)),
    "batch 0, y": lambda m: m.fit(iter([(X, MASKED)])),
    "evaluate": lambda m: m.evaluate(X, MASKED),
    "predict": lambda m: m.predict([np.ma.masked_array(X)]),
    "train_on_batch": lambda m: m.train_on_batch(X, MASKED),
}


@pytest.mark.parametrize("argument", MASKS)
def test_masked_arrays_are_refused_as_in_keras(argument):
    with pytest.raises(ValueError, match="received a masked array") as caught:
        MASKS[argument](line(3))
    assert argument in str(caught.value)
    assert ".filled(" in str(caught.value)


def test_keras_refuses_them_too():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="masked arrays are not supported"):
        model.predict(np.ma.masked_array(X), verbose=0)


MISTAKES = {
    "y forgotten": lambda m: m.fit(X),
    "y forgotten in evaluate": lambda m: m.evaluate(X),
    "y forgotten in validation": lambda m: m.fit(X, Y, validation_data=X),
    "y forgotten on a batch": lambda m: m.train_on_batch(X),
    "no x": lambda m: m.fit(None, Y),
    "nothing": lambda m: m.fit(),
    "no x to predict": lambda m: m.predict(None),
    "nor on a batch": lambda m: m.predict_on_batch(None),
    "y a number": lambda m: m.fit(X, 1.0),
    "y a set": lambda m: m.fit(X, {1, 2}),
    "y a generator": lambda m: m.fit(X, (row for row in Y)),
    "y text": lambda m: m.fit(X, ["a"] * 8),
    "weight a number": lambda m: m.fit(X, Y, sample_weight=2.0),
    "times": lambda m: m.fit(X, np.arange(8).astype("timedelta64[s]")),
    "dates": lambda m: m.fit(np.full((8, 3), np.datetime64("2020")), Y),
    "lengths in one array": lambda m: m.fit([[1.0, 2.0], [3.0]], Y[:2]),
    "named input": lambda m: m.fit({"a": X}, Y),
    "two inputs": lambda m: m.fit((X, X), Y),
    "named input of a new model": lambda m: new().fit({"a": X}, Y),
    "two inputs of a new model": lambda m: new().fit((X, X), Y),
    "batches of names": lambda m: m.fit(iter([{"x": X, "y": Y}])),
    "batches without y": lambda m: m.fit(iter([(X,)])),
    "batches of numbers": lambda m: m.fit(iter([(X[:1], 0.5)])),
    "batches of nothing": lambda m: m.fit(iter([None])),
}


def new():
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_data_are_explained_and_change_nothing(mistake):
    model = line(3)
    with pytest.raises((TypeError, ValueError)) as caught:
        MISTAKES[mistake](model)
    assert str(caught.value).startswith("`")
    assert "expected" in str(caught.value)
    assert "received" in str(caught.value)
    assert model.optimizer.iterations == 0
    model.fit(X, Y, verbose=0)


def test_a_new_model_that_was_given_the_wrong_structure_can_be_given_the_right_one():
    model = new()
    with pytest.raises(ValueError, match="expected"):
        model.fit({"a": X}, Y)
    model.fit(X, Y, verbose=0)


RANKS = {
    "a vector": ((1,), (8,)),
    "an axis too many": ((3,), (8, 3, 1)),
    "an axis too few": ((3, 1), (8, 3)),
}


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("rank", RANKS)
def test_the_only_input_gets_the_rank_of_the_model_as_in_keras(rank):
    known, given = RANKS[rank]
    x = np.linspace(0, 1, np.prod(given), dtype="float32").reshape(given)
    y = np.arange(8, dtype="float32")
    results = []
    for library in (keras, cb):
        layers = library.layers
        dense = layers.Dense(1, kernel_initializer="ones")
        first = keras.Input(known) if library is keras else layers.Input(known)
        model = library.Sequential([first, dense])
        model.compile("sgd", "mse")
        outputs = model.predict(x, verbose=0), np.asarray(model(x))
        results.append([*outputs, model.predict_on_batch(x)])
        if rank != "an axis too few":
            kinds = ({"x": x, "y": y}, {"x": x, "y": y, "sample_weight": y})
            results[-1] += [model.fit(**kind, verbose=0).history["loss"] for kind in kinds]
            results[-1].append(model.evaluate(((x, y) for _ in range(1)), steps=1, verbose=0))
    for right, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-5)


def test_outputs_that_hooks_get_may_be_written_to_and_are_theirs_as_in_keras():
    def double(batch, logs):
        logs["outputs"][...] *= 2
        results[-1].append(logs["outputs"].copy())

    results = []
    for library in (keras, cb):
        results.append([])
        layers = library.layers
        first = keras.Input((3,)) if library is keras else layers.Input((3,))
        model = library.Sequential([first, layers.Dense(1, kernel_initializer="ones")])
        hook = library.callbacks.LambdaCallback(on_predict_batch_end=double)
        outputs = model.predict(X, batch_size=3, verbose=0, callbacks=[hook])
        results[-1].append(outputs)
    for right, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-5)
