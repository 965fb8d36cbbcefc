"""Feeds of arrays: the same batches at every pass, on the device once or anew."""

import numpy as np
import pytest

from callbax._data import _array_feeds
from callbax._data._placement import OneDevice
from callbax._data._select import select

X = np.arange(46, dtype="float32").reshape(23, 2)


def samples(passes):
    return _array_feeds.Samples((X, None, None), len(X), 5, passes, OneDevice())


def batches(feed):
    feed.open()
    feed.start_pass(0)
    chunks = list(iter(feed.next_chunk, None))
    return chunks, [select(chunk.batches, i)[0] for chunk in chunks for i in range(chunk.count)]


@pytest.mark.parametrize(("passes", "keep"), [(2, True), (1, False)])
def test_pieces_are_kept_on_the_device_only_for_more_passes(passes, keep, monkeypatch):
    monkeypatch.setattr(_array_feeds, "PIECE_BYTES", 2 * 5 * X[0].nbytes)
    feed = _array_feeds.OrderedFeed(samples(passes))
    first, second = batches(feed), batches(feed)
    for _, rows in (first, second):
        np.testing.assert_array_equal(np.concatenate(rows), X)
    assert [chunk.count for chunk in first[0]] == [2, 2, 1]
    assert all((a is b) == keep for a, b in zip(first[0], second[0], strict=True))


def test_a_pass_prepared_ahead_is_the_pass_that_comes():
    ahead, plain = (_array_feeds.ShuffledFeed(samples(3), seed=3) for _ in range(2))
    ahead.prepare_pass(5)
    for feed in (ahead, plain):
        feed.open()
        feed.start_pass(5)
    orders = [np.asarray(feed.next_chunk().batches.order) for feed in (ahead, plain)]
    np.testing.assert_array_equal(*orders)
    ahead.prepare_pass(10)
    ahead.reseed(4)
    ahead.start_pass(10)
    other = _array_feeds.shuffled(len(X), 4, 10)[:20]
    np.testing.assert_array_equal(np.asarray(ahead.next_chunk().batches.order), other)


def test_no_pass_is_drawn_after_the_last(monkeypatch):
    drawn = []

    def shuffled(rows, seed, step):
        drawn.append(step)
        return np.arange(rows, dtype=np.int32)

    monkeypatch.setattr(_array_feeds, "shuffled", shuffled)
    feed = _array_feeds.ShuffledFeed(samples(2), seed=3)
    for step in (0, 5):
        feed.start_pass(step)
        feed.prepare_pass(step + 5)
    assert drawn == [0, 5]
