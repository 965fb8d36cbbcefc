"""Large arrays that nobody can change meanwhile are read where they lie, on a CPU."""

import ctypes
import mmap

import jax
import ml_dtypes
import numpy as np
import pytest
from tests._data.placed import placed

import callbax as cb
from callbax._data import _array_feeds, _placement
from callbax._data._in_place import InPlace
from callbax._data._memory import BYTES_PER_THREAD, aligned_empty, around, fill
from callbax._data._placement import OneDevice
from callbax._data._select import select

RNG = np.random.default_rng(0)
DTYPES = ("float32", "uint8", "bool", "int16", "complex64", ml_dtypes.bfloat16)


@pytest.fixture
def anything_is_large(monkeypatch):
    monkeypatch.setattr(_placement, "IN_PLACE_BYTES", 0)
    monkeypatch.setattr(_array_feeds, "PIECE_BYTES", 200)


def feed_of(array, order, *, watched=False):
    parts = array, None, None
    samples = _array_feeds.Samples(parts, len(array), 5, 1, OneDevice(), watched=watched)
    if order == "ordered":
        return _array_feeds.OrderedFeed(samples)
    return _array_feeds.ShuffledFeed(samples, seed=3)


def read(feed):
    feed.open()
    feed.start_pass(0)
    chunks = list(iter(feed.next_chunk, None))
    rows = [select(c.batches, i)[0] for c in chunks for i in range(c.count)]
    return np.concatenate(rows), [jax.tree.leaves(c.batches.arrays)[0] for c in chunks]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["ordered", "shuffled"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 1)])
def test_batches_hold_the_samples_wherever_they_lie(dtype, order, shape, anything_is_large):
    array = RNG.integers(0, 100, (23, *shape)).astype(dtype)
    numbers = _array_feeds.shuffled(23, 3, 0) if order == "shuffled" else np.arange(23)
    for offset in range(0, 64, array.itemsize):
        for watched in (False, True):
            rows, _ = read(feed_of(placed(array, offset), order, watched=watched))
            np.testing.assert_array_equal(rows, array[numbers])
            assert rows.dtype == array.dtype


@pytest.mark.parametrize("order", ["ordered", "shuffled"])
@pytest.mark.parametrize("watched", [False, True])
def test_memory_is_shared_unless_hooks_might_write_to_it(order, watched, anything_is_large):
    array = placed(RNG.normal(size=(20, 6)).astype("float32"), 16)
    _, memories = read(feed_of(array, order, watched=watched))
    begin, end = np.lib.array_utils.byte_bounds(array)
    inside = [begin - 64 < memory.unsafe_buffer_pointer() < end for memory in memories]
    assert inside == [not watched] * len(memories)


def test_what_cannot_be_read_in_place_is_copied(anything_is_large):
    array = placed(RNG.normal(size=(20, 6)).astype("float32"), 16)
    for other in (array[:, ::2], array[::-1], array.astype("float64"), array.astype(">f4")):
        rows, _ = read(feed_of(other, "ordered"))
        np.testing.assert_array_equal(rows, other.astype("float32"))


def test_no_page_is_touched_that_the_array_does_not_reach(anything_is_large):
    """An array that ends where the next page must not be read."""
    page, libc = mmap.PAGESIZE, ctypes.CDLL(None, use_errno=True)
    region = mmap.mmap(-1, 2 * page)
    raw = np.frombuffer(region, np.uint8)
    after = ctypes.c_void_p(raw.ctypes.data + page)
    assert libc.mprotect(after, ctypes.c_size_t(page), 0) == 0
    try:
        for missing in (0, 16, 60, 64, 128):
            count = (page - 16 - missing) // 24
            start = page - missing - count * 24
            array = raw[start : page - missing].view(np.float32).reshape(count, 6)
            array[...] = RNG.normal(size=array.shape)
            found = around(array, array)
            before = array.ctypes.data % 64
            assert (found is None) == (before < 64 - missing)
            np.testing.assert_array_equal(read(feed_of(array, "ordered"))[0], array)
            np.testing.assert_array_equal(
                np.sort(read(feed_of(array, "shuffled"))[0], axis=0), np.sort(array, axis=0)
            )
    finally:
        libc.mprotect(after, ctypes.c_size_t(page), 3)


def test_memory_lives_as_long_as_it_is_read(anything_is_large):
    feed = feed_of(placed(np.full((20, 6), 7, "float32"), 16), "shuffled")
    feed.open()
    feed._arrays = None
    other = [np.full((20, 6), 8, "float32") for _ in range(100)]
    feed.start_pass(0)
    batches = feed.next_chunk().batches
    assert isinstance(batches.arrays[0], InPlace)
    assert (np.asarray(select(batches, 0)[0]) == 7).all(), len(other)


@pytest.mark.parametrize("shuffle", [False, True])
def test_runs_come_to_the_same_bits(shuffle, monkeypatch):
    x = RNG.normal(size=(203, 6)).astype("float32")
    y = x.sum(1, keepdims=True)

    def results(x, y):
        model = cb.Sequential([cb.layers.Input((6,)), cb.layers.Dense(3), cb.layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        model.set_weights([np.full_like(w, 0.1) for w in model.get_weights()])
        data = {"batch_size": 8, "verbose": 0}
        cb.utils.set_random_seed(1)
        history = model.fit(
            x, y, epochs=2, shuffle=shuffle, validation_data=(x[:50], y[:50]), **data
        )
        measured = model.evaluate(x, y, **data), model.predict(x, **data)
        return history.history, measured, model.get_weights()

    plain = results(x, y)
    monkeypatch.setattr(_placement, "IN_PLACE_BYTES", 0)
    for offset in (0, 4, 60):
        np.testing.assert_equal(results(placed(x, offset), placed(y, offset)), plain)


def test_where_arrays_lie_compiles_nothing_again(anything_is_large):
    x = RNG.normal(size=(64, 6)).astype("float32")
    model = cb.Sequential([cb.layers.Input((6,)), cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    traces = []
    for offset in (0, 4, 16, 60):
        for callbacks in (None, [cb.callbacks.LambdaCallback(on_epoch_end=lambda *_: None)]):
            model.fit(placed(x, offset), x[:, :1], verbose=0, callbacks=callbacks)
            traces.append(model._engine.traces()["train"])
    assert len(set(traces)) == 1


@pytest.mark.parametrize("rows", [1, 3, 1001])
def test_threads_copy_everything(rows):
    source = RNG.normal(size=(rows, 3 * BYTES_PER_THREAD // rows // 4))
    target = aligned_empty(source.shape, "float32")
    fill(target, source)
    np.testing.assert_array_equal(target, source.astype("float32"))


def test_a_copy_that_fails_says_so():
    source = np.zeros((4, BYTES_PER_THREAD), "complex64")
    with pytest.raises(TypeError, match="same_kind"):
        fill(aligned_empty(source.shape, "float32"), source)
