"""Sparse matrices and mapped files: the same numbers as the arrays, never in memory as a whole."""

import keras
import numpy as np
import pytest
import scipy.sparse
from tests._data.same import Source, arrays, assert_close, assert_resumes, assert_same, line

import callbax as cb
from callbax._data import _adapter, _rows

DTYPES = ["float32", "float64", "int64", "uint8", "bool"]
FORMATS = ["csr", "csc", "coo", "lil", "dok", "dia", "bsr"]


@pytest.fixture
def never_whole(monkeypatch):
    """Fails if more than a batch becomes dense."""
    seen = []
    toarray = scipy.sparse.csr_matrix.toarray

    def counted(self, *given, **named):
        seen.append(self.shape[0])
        return toarray(self, *given, **named)

    for base in scipy.sparse.csr_matrix.__mro__:
        if "toarray" in vars(base):
            monkeypatch.setattr(base, "toarray", counted)
            break
    yield seen
    assert seen
    assert max(seen) <= 8


@pytest.mark.every(3)
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_sparse_matrices_of_every_format(form, kind, never_whole):
    x, y = arrays(FORMATS.index(form))
    make = getattr(scipy.sparse, f"{form}_{kind}")
    assert_same(lambda: (make(x), y), (x, y))


@pytest.mark.every(3)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sparse_matrices_of_every_dtype(dtype):
    x, y = arrays(1, dtype)
    assert_same(lambda: (scipy.sparse.csr_array(x), y), (x, y))


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_keras_makes_the_same_numbers_of_them():
    x, y = arrays(2)
    sparse = scipy.sparse.csr_matrix(x)
    assert_close(lambda: (sparse, y), (x, y))
    model = line(keras)
    got = line().predict(sparse, verbose=0)
    np.testing.assert_allclose(got, model.predict(sparse, verbose=0), rtol=1e-5)


def test_sparse_targets_batches_and_parts():
    x, y = arrays(3)
    sparse = scipy.sparse.csr_array
    assert_same(lambda: (x, sparse(y)), (x, y))
    assert_same(lambda: (Source(x, y, form=sparse),), (x, y))
    model, right = line(), line()
    for each, rows in ((model, sparse(x)), (right, x)):
        each.train_on_batch(rows, y)
        each.fit(rows, y, validation_split=0.3, shuffle=False, verbose=0)
    np.testing.assert_equal(model.get_weights(), right.get_weights())
    np.testing.assert_equal(model.predict_on_batch(sparse(x)), right.predict_on_batch(x))


@pytest.mark.parametrize("form", ["numbers", "one-hot"])
def test_sparse_labels_have_class_weights(form):
    x, _ = arrays(4)
    labels = np.arange(22) % 3
    y = np.eye(3, dtype="float32")[labels] if form == "one-hot" else labels[:, None]
    losses = {"one-hot": "categorical_crossentropy", "numbers": "sparse_categorical_crossentropy"}
    found = []
    for targets in (y, scipy.sparse.csr_array(y)):
        dense = cb.layers.Dense(3, "softmax", kernel_initializer="ones", input_shape=(3,))
        model = cb.Sequential([dense])
        model.compile("sgd", losses[form])
        model.fit(x, targets, class_weight={0: 5.0, 2: 0.5}, shuffle=False, verbose=0)
        found.append(model.get_weights())
    np.testing.assert_equal(*found)


def test_sparse_integers_beyond_32_bits_keep_their_value():
    x = np.array([[2**40, 0, 0], [0, 0, 3]])
    got = line().predict(scipy.sparse.csr_array(x), verbose=0)[:, 0]
    np.testing.assert_allclose(got, x.sum(1))


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_run_over_sparse_rows_is_resumed_and_shuffled_as_arrays_are(tmp_path, shuffle):
    x, y = arrays(5)
    ends = [
        assert_resumes(lambda rows=rows: (rows, y), tmp_path / str(number), shuffle=shuffle)
        for number, rows in enumerate((x, scipy.sparse.csr_array(x)))
    ]
    np.testing.assert_equal(*ends)


def test_what_is_not_numbers_is_refused():
    sparse = scipy.sparse.csr_array(np.eye(3))
    sparse.data = sparse.data.astype("datetime64[s]")
    with pytest.raises(ValueError, match=r"`fit\(x=...\)`: expected arrays of numbers"):
        line().fit(sparse, np.ones(3))


def test_hooks_cannot_change_sparse_rows_meanwhile():
    x, y = arrays(6)
    sparse = scipy.sparse.csr_array(x)

    def change(batch, logs):
        sparse.data += 1

    with pytest.raises(ValueError, match="read-only"):
        line().fit(sparse, y, callbacks=cb.callbacks.LambdaCallback(on_train_batch_end=change))
    sparse.data += 1


@pytest.fixture
def on_disk(tmp_path, monkeypatch):
    """Saves an array and opens it as a map; maps of any size are read batch by batch."""
    monkeypatch.setattr(_rows, "LARGE_BYTES", 0)
    monkeypatch.setattr(_rows, "MAPPED_BYTES", 1)

    def opened(array, mode="r"):
        np.save(tmp_path / "x.npy", array)
        return np.load(tmp_path / "x.npy", mmap_mode=mode)

    return opened


@pytest.mark.every(5)
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_mapped_files(on_disk, mode, dtype):
    x, y = arrays(7, dtype)
    assert_same(lambda: (on_disk(x, mode), y), (x, y))
    assert_same(lambda: (np.asarray(on_disk(x, mode))[:], y), (x, y))


def test_what_was_written_to_a_private_map_is_read_and_kept(on_disk):
    x, y = arrays(8)
    changed = on_disk(x, "c")
    changed[:] = x * 2
    assert_same(lambda: (changed, y), (x * 2, y))
    np.testing.assert_equal(np.asarray(changed), x * 2)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_run_over_a_mapped_file_is_resumed_and_shuffled_as_arrays_are(
    on_disk, tmp_path, shuffle, monkeypatch
):
    x, y = arrays(9)
    mapped = assert_resumes(lambda: (on_disk(x), y), tmp_path / "mapped", shuffle=shuffle)
    monkeypatch.setattr(_rows, "LARGE_BYTES", 2**40)
    kept = assert_resumes(lambda: (x, y), tmp_path / "arrays", shuffle=shuffle)
    monkeypatch.setattr(_adapter, "RESIDENT_SHARE", 0)
    from_host = assert_resumes(lambda: (x, y), tmp_path / "host", shuffle=shuffle)
    np.testing.assert_equal(mapped, kept)
    np.testing.assert_equal(mapped, from_host)
