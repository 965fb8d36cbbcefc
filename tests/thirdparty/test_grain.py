"""Grain's data sets and loaders: the numbers of the arrays that they were made from."""

import numpy as np
import pytest
from tests._data.endless import assert_steps_are_asked_for
from tests._data.same import (
    EPOCHS,
    ROWS,
    SIZE,
    arrays,
    assert_close,
    assert_resumes,
    assert_same,
    line,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


@pytest.fixture
def grain(optional):
    return optional("grain")


def rows(grain, x, y):
    return grain.MapDataset.source(list(zip(x, y, strict=True)))


def loader(grain, x, y):
    """Returns a loader, which does not know its length."""
    order = grain.samplers.IndexSampler(ROWS, num_epochs=1, shuffle=False)
    operations = [grain.transforms.Batch(SIZE, drop_remainder=False)]
    pairs = list(zip(x, y, strict=True))
    return grain.DataLoader(data_source=pairs, sampler=order, operations=operations)


KINDS = {
    "MapDataset": lambda grain, x, y: rows(grain, x, y).batch(SIZE),
    "IterDataset": lambda grain, x, y: rows(grain, x, y).to_iter_dataset().batch(SIZE),
    "DataLoader": loader,
}


@pytest.mark.parametrize("kind", KINDS)
def test_data_sets_and_loaders(grain, kind):
    x, y = arrays(1)
    assert_same(lambda: (KINDS[kind](grain, x, y),), (x, y))
    assert_close(lambda: (KINDS[kind](grain, x, y),), (x, y))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_resumed(grain, kind, tmp_path):
    x, y = arrays(2)
    got = assert_resumes(lambda: (KINDS[kind](grain, x, y),), tmp_path / "grain")
    right = assert_resumes(lambda: (x, y), tmp_path / "arrays", shuffle=False)
    np.testing.assert_equal(got, right)


def test_a_shuffled_run_is_resumed(grain, tmp_path):
    x, y = arrays(3)
    assert_resumes(lambda: (rows(grain, x, y).shuffle(seed=3).batch(SIZE),), tmp_path)


def test_an_endless_one_has_no_length_and_is_resumed(grain, tmp_path):
    x, y = arrays(4)

    def endless():
        return rows(grain, x, y).shuffle(seed=3).repeat().batch(SIZE)

    history = line().fit(endless(), steps_per_epoch=4, epochs=EPOCHS, verbose=0).history
    assert len(history["loss"]) == EPOCHS
    assert_resumes(lambda: (endless(),), tmp_path, steps_per_epoch=4)


def test_an_endless_one_needs_steps(grain):
    x, y = arrays(5)
    assert_steps_are_asked_for(rows(grain, x, y).repeat().batch(SIZE))
