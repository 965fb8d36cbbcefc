"""Sources that go through their data in another order each time: a run is resumed in its order."""

import keras
import numpy as np
import pytest
from tests._data.same import BATCHES, ROWS, SIZE, Source, arrays, assert_resumes

X, Y = arrays(0)


class Shuffling:
    """Draws an order for each pass from one generator, and counts the batches that are read."""

    def __init__(self):
        self.order, self.read = np.random.default_rng(3), 0

    def __iter__(self):
        order = self.order.permutation(ROWS)
        for rows in BATCHES:
            self.read += 1
            yield X[order[rows]], Y[order[rows]]


class ShufflingAtEnd(keras.utils.PyDataset):
    """Draws a new order when an epoch ends, as Keras's guide has it."""

    def __init__(self):
        super().__init__()
        self.rng, self.order = np.random.default_rng(3), np.arange(ROWS)

    @property
    def num_batches(self):
        return len(BATCHES)

    def __getitem__(self, number):
        rows = self.order[BATCHES[number]]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.rng.shuffle(self.order)


def endless():
    made = Shuffling()
    while True:
        yield from made


SOURCES = {
    "an iterable": (Shuffling, {}),
    "an iterable, by steps": (Shuffling, {"steps_per_epoch": 2}),
    "a PyDataset": (ShufflingAtEnd, {}),
    "a generator": (endless, {"steps_per_epoch": 4}),
    "batches in one order": (lambda: Source(X, Y), {}),
    "a list of batches": (lambda: [(X[rows], Y[rows]) for rows in BATCHES], {}),
}


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # passes end within epochs
@pytest.mark.parametrize("source", SOURCES)
def test_a_run_is_resumed(source, tmp_path):
    make, options = SOURCES[source]
    assert_resumes(lambda: (make(),), tmp_path, **options)


def test_the_orders_differ():
    made = Shuffling()
    orders = [[x.tolist() for x, _ in made] for _ in range(2)]
    assert orders[0] != orders[1], "the tests above show nothing"
    assert SIZE * 2 < ROWS


def test_passes_are_read_again_only_if_they_may_differ(tmp_path):
    class Steady(Shuffling):
        def at_step(self, step):
            return iter(Source(X, Y))

    read = {}
    for cls in (Shuffling, Steady):
        sources = []

        def make(cls=cls, sources=sources):
            sources.append(cls())
            return (sources[-1],)

        assert_resumes(make, tmp_path / cls.__name__)
        read[cls] = max(source.read for source in sources)
    assert read[Shuffling] >= 3 * len(BATCHES)
    assert read[Steady] == 0
