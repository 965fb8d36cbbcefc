"""Frames, tables and columns of polars and pyarrow: the numbers of the same frame of pandas."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from tests._data.same import arrays, assert_close, assert_resumes, assert_same, line
from tests.thirdparty._run import can_run

NAMES = "abc"
DTYPES = ["float32", "float64", "int8", "int64", "uint8", "uint32", "bool"]
LIBRARIES = [name for name in ("pandas", "polars", "pyarrow") if can_run(name)]


@pytest.fixture(params=LIBRARIES)
def table(request, optional):
    """Makes a table of a dict of columns."""
    library = optional(request.param)
    return library.table if request.param == "pyarrow" else library.DataFrame


@pytest.fixture(params=LIBRARIES)
def series(request, optional):
    """Makes a single column."""
    library = optional(request.param)
    return library.array if request.param == "pyarrow" else library.Series


def columns(x):
    return {name: x[:, number] for number, name in enumerate(NAMES)}


@pytest.mark.parametrize("dtype", DTYPES)
def test_tables_of_one_dtype(table, dtype):
    x, y = arrays(DTYPES.index(dtype), dtype)
    assert_same(lambda: (table(columns(x)), table({"y": y[:, 0]})), (x, y))


@pytest.mark.parametrize("seed", range(5))
def test_tables_of_random_dtypes(table, seed):
    dtypes = np.random.default_rng(seed).choice(DTYPES, 3)
    x, y = arrays(seed, "bool" if "bool" in dtypes else "uint8")
    mixed = {name: x[:, i].astype(dtypes[i]) for i, name in enumerate(NAMES)}
    assert_same(lambda: (table(mixed), y), (x.astype("float32"), y))


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_keras_makes_the_same_numbers_of_the_arrays(table):
    x, y = arrays(3)
    assert_close(lambda: (table(columns(x)), table({"y": y[:, 0]})), (x, y))


def test_single_columns(series):
    x, y = arrays(4)
    first = x[:, :1]

    def ends(x, y):
        model = line(inputs=1)
        history = model.fit(x, y, shuffle=False, verbose=0, batch_size=8).history
        return history, model.get_weights(), model.predict(x, verbose=0)

    np.testing.assert_equal(ends(series(first[:, 0]), series(y[:, 0])), ends(first, y))


def test_columns_by_name_and_batches_of_tables(table):
    x, y = arrays(5)
    batches = (table(columns(x[i : i + 8])) for i in (0, 8, 16))
    right = line().predict(x, batch_size=8, verbose=0)
    np.testing.assert_equal(line().predict(batches, verbose=0), right)
    model = line()
    model.fit({"x": table(columns(x))}["x"], y, validation_split=0.2, shuffle=False, verbose=0)
    other = line()
    other.fit(x, y, validation_split=0.2, shuffle=False, verbose=0)
    np.testing.assert_equal(model.get_weights(), other.get_weights())


def test_a_run_over_a_table_is_resumed(table, tmp_path):
    x, y = arrays(6)
    got = assert_resumes(lambda: (table(columns(x)), y), tmp_path / "table")
    np.testing.assert_equal(got, assert_resumes(lambda: (x, y), tmp_path / "arrays"))


@pytest.mark.parametrize("missing", [[1, None], [0.5, None], [True, None]])
def test_what_is_missing_is_nan(optional, missing):
    for library in ("polars", "pyarrow"):
        loaded = optional(library)
        table = (loaded.table if library == "pyarrow" else loaded.DataFrame)({"a": missing})
        got = line(inputs=1).predict(table, verbose=0)[:, 0]
        np.testing.assert_array_equal(got, [missing[0], np.nan])


def test_integers_beyond_32_bits_and_decimals_keep_their_value(optional):
    for values in ([2**40, 3], [decimal.Decimal("1.5"), decimal.Decimal("-2.25")]):
        for table in (optional("polars").DataFrame, optional("pyarrow").table):
            got = line(inputs=1).predict(table({"a": values}), verbose=0)[:, 0]
            np.testing.assert_allclose(got, np.array(values, "float64"), rtol=1e-6)


REFUSED = {
    "text": ["u", "v"],
    "dates": [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)],
    "times": [datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2)],
    "spans": [datetime.timedelta(1), datetime.timedelta(2)],
    "lists": [[1.0], [2.0, 3.0]],
    "structures": [{"u": 1}, {"u": 2}],
    "nothing": [None, None],
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_column_that_holds_no_numbers_is_named_and_nothing_is_changed(table, kind):
    model, y = line(inputs=2), np.ones((2, 1), "float32")
    frame = table({"good": [1.0, 2.0], "city": REFUSED[kind]})
    before = model.get_weights()
    calls = {
        "`fit(x=...)`": lambda: model.fit(frame, y),
        "`fit(validation_data=...), x`": lambda: model.fit(
            y.repeat(2, 1), y, validation_data=(frame, y)
        ),
        "`evaluate(x=...)`": lambda: model.evaluate(frame, y),
        "`predict(x=...)`": lambda: model.predict(frame),
        "`fit(x=...), batch 0, x`": lambda: model.fit(iter([(frame, y)])),
    }
    for where, call in calls.items():
        with pytest.raises(ValueError, match="received the column 'city' of") as caught:
            call()
        assert str(caught.value).startswith(f"{where}: expected arrays of numbers")
    np.testing.assert_equal(model.get_weights(), before)
    assert model.optimizer.iterations == 0


def test_what_is_not_read_yet_is_refused(optional):
    frame = optional("polars").LazyFrame({"a": [1.0]})
    with pytest.raises(ValueError, match="collect"):
        line(inputs=1).predict(frame)


def test_record_batches_and_chunks(optional):
    arrow = optional("pyarrow")
    x, y = arrays(7)
    whole = arrow.record_batch(columns(x))
    assert_same(lambda: (whole, y), (x, y))
    parts = [arrow.table(columns(part)) for part in (x[:5], x[5:])]
    assert_same(lambda: (arrow.concat_tables(parts), y), (x, y))
    chunked = arrow.chunked_array([y[:5, 0], y[5:, 0]])
    assert_same(lambda: (x, chunked), (x, y))


def test_frames_of_pandas_with_dtypes_of_arrow(optional):
    optional("pyarrow")
    x, y = arrays(8)
    frame = pd.DataFrame(columns(x)).convert_dtypes(dtype_backend="pyarrow")
    assert_same(lambda: (frame, y), (x, y))
