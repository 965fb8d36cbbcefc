"""Batches of one source are all alike; one that is not is named, once those before it are used."""

import numpy as np
import pytest
from tests._data.same import Source, arrays, line

X, Y = arrays(0)
W = np.ones(len(X), "float32")
OTHERS = {
    "no targets any more": (X,),
    "weights": (X, Y, W),
    "a dict": ({"a": X}, Y),
    "two inputs": ((X, X), Y),
    "another rank": (X[:, :, None], Y),
    "targets of another rank": (X, Y[:, 0]),
    "other lengths": (X, Y[:3]),
    "no rows": (X[:0], Y[:0]),
    "text": (X.astype(str), Y),
    "objects": (np.full((2, 3), None), Y[:2]),
    "dates": (X.astype("datetime64[s]"), Y),
    "four parts": (X, Y, W, W),
    "nothing": None,
}


FIRST = ("other lengths", "no rows", "text", "objects", "dates", "four parts", "nothing")
"""Those that are refused as a first batch; the batches after another one would have to fit it."""


@pytest.mark.parametrize(
    ("at", "other"), [(0, other) for other in FIRST] + [(at, o) for at in (1, 4) for o in OTHERS]
)
@pytest.mark.parametrize("once", [True, False], ids=["generator", "iterable"])
def test_it_is_named_by_its_number(other, at, once):
    batches = [(X, Y)] * at + [OTHERS[other]] + [(X, Y)] * 2
    model = line()
    with pytest.raises(ValueError, match=rf"^`fit\(x=...\), batch {at}[`,]") as caught:
        model.fit(iter(batches) if once else batches, verbose=0)
    assert ": expected " in str(caught.value)
    assert ", received " in str(caught.value)
    assert model.optimizer.iterations == at


@pytest.mark.parametrize("call", ["evaluate", "predict"])
def test_so_it_is_in_other_methods_and_in_validation(call):
    batches = [(X, Y), (X[:, :, None], Y)]
    with pytest.raises(ValueError, match=rf"^`{call}\(x=...\), batch 1`: expected a batch like"):
        getattr(line(), call)(batches, verbose=0)
    with pytest.raises(ValueError, match=r"^`fit\(validation_data=...\), batch 1`: expected"):
        line().fit(X, Y, validation_data=iter(batches), verbose=0)


def test_lengths_and_dtypes_may_change():
    x, y = arrays(3)
    right, model = line(), line()
    right.fit(Source(x, y), verbose=0)
    mixed = ((b.astype(kind), c) for (b, c), kind in zip(Source(x, y), "fid", strict=True))
    model.fit(mixed, verbose=0)
    np.testing.assert_equal(model.get_weights(), right.get_weights())


def test_numbers_are_counted_in_each_pass():
    class Second:
        passes = 0

        def __iter__(self):
            self.passes += 1
            yield X, Y
            yield (X, Y) if self.passes < 3 else (X, Y, W)

    model = line()
    with pytest.raises(ValueError, match=r"fit\(x=...\), batch 1`"):
        model.fit(Second(), epochs=3, verbose=0)
    assert model.optimizer.iterations == 5
