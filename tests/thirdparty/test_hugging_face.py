"""Hugging Face's data sets: named columns, with the numbers of the arrays they were made from."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tests._data.same import ROWS, SIZE, arrays, assert_resumes, assert_same, line

import callbax as cb
from callbax._data import _hugging_face

FORMATS = [None, "numpy", "jax"]


@pytest.fixture
def datasets(optional):
    return optional("datasets")


def made(datasets, x, y, form=None):
    """Returns a data set of the columns "x" and "label"."""
    return datasets.Dataset.from_dict({"x": x, "label": y[:, 0]}).with_format(form)


@pytest.fixture(params=["at once", "batch by batch"])
def read(request, monkeypatch):
    """Reads columns as a whole, or as those that are too large for that."""
    if request.param == "batch by batch":
        monkeypatch.setattr(_hugging_face, "LARGE_BYTES", 0)


@pytest.mark.parametrize("form", FORMATS)
def test_columns_and_data_sets_of_one_column(datasets, form, read):
    x, y = arrays(1)
    rows = made(datasets, x, y, form)
    assert_same(lambda: (rows["x"], rows["label"]), (x, y))
    assert_same(lambda: (rows.select_columns("x"), rows.remove_columns("x")), (x, y))


class Joined(nnx.Module):
    """Takes two inputs by name."""

    def __init__(self):
        self.dense = nnx.Linear(3, 1, rngs=nnx.Rngs(0))

    def __call__(self, a, b):
        return self.dense(jnp.concatenate([a, b], -1))


@pytest.mark.parametrize("form", FORMATS)
def test_a_data_set_of_several_columns_is_a_dict_of_inputs(datasets, form, read):
    x, y = arrays(2)
    parts = {"a": x[:, :2], "b": x[:, 2:]}
    ends = []
    for data in (datasets.Dataset.from_dict(parts).with_format(form), parts):
        model = cb.Model(Joined())
        model.compile("sgd", "mse")
        model.fit(data, y, batch_size=SIZE, shuffle=False, verbose=0, epochs=2)
        ends.append((model.get_weights(), model.predict(data, verbose=0)))
    np.testing.assert_equal(*ends)


def test_a_transform_of_its_user_s_is_applied(datasets):
    x, y = arrays(3)
    rows = made(datasets, x, y).with_transform(lambda batch: {"x": np.asarray(batch["x"]) * 2.0})
    np.testing.assert_equal(line().predict(rows, verbose=0), line().predict(x * 2, verbose=0))


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_run_is_resumed_and_shuffled_as_arrays_are(datasets, read, tmp_path, shuffle):
    x, y = arrays(4)
    rows = made(datasets, x, y)
    got = assert_resumes(lambda: (rows["x"], rows["label"]), tmp_path / "rows", shuffle=shuffle)
    right = assert_resumes(lambda: (x, y), tmp_path / "arrays", shuffle=shuffle)
    np.testing.assert_equal(got, right)


COLUMNS = {
    "text": ["u"] * ROWS,
    "lists of different lengths": [[1.0]] * (ROWS - 1) + [[1.0, 2.0]],
    "structures": [{"u": 1}] * ROWS,
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_that_holds_no_numbers_is_named(datasets, kind, read):
    _, y = arrays(5)
    rows = datasets.Dataset.from_dict({"city": COLUMNS[kind]})
    model = line(inputs=1)
    for x in (rows, rows["city"]):
        with pytest.raises(ValueError, match="the column 'city' of"):
            model.fit(x, y, batch_size=ROWS, verbose=0)
    assert model.optimizer.iterations == 0


def test_targets_are_asked_for_and_splits_and_streams_are_refused(datasets):
    x, y = arrays(6)
    rows = made(datasets, x, y)
    refused = {
        r"fit\(y=...\)`: expected the targets": rows,
        "Pass one of its splits": datasets.DatasetDict({"train": rows}),
        "Pass batches": rows.to_iterable_dataset(),
    }
    for words, data in refused.items():
        with pytest.raises(ValueError, match=words):
            line().fit(data, verbose=0)
