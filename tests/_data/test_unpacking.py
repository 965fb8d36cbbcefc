"""A batch is read alike, whatever its source gave before it."""

import jax.numpy as jnp
import numpy as np
import pytest

from callbax._data._unpacking import Unpacking, unpack

X, Y = np.arange(6, dtype="float32").reshape(3, 2), np.arange(3)
LARGE = np.array([0, 1, 2**40])
GIVEN = {
    "the same shapes": (X + 1, Y + 1),
    "a list": [X + 1, Y + 1],
    "integers beyond 32 bits": (X, LARGE),
    "float64": (X.astype("float64"), Y),
    "fewer samples": (X[:2], Y[:2]),
    "lists of numbers": (X.tolist(), Y.tolist()),
    "objects": (X.astype(object), Y),
    "arrays of JAX": (jnp.asarray(X), jnp.asarray(Y)),
    "a view of what has strides": (np.zeros((3, 4), "float32")[:, ::2], Y),
    "no weights": (X, Y, None),
    "a mask": (np.ma.masked_array(X, X > 2), Y),
    "other lengths": (X, Y[:2]),
    "no samples": (X[:0], Y[:0]),
    "no targets": (X,),
    "four parts": (X, Y, Y, Y),
    "text": (X, np.array(["a", "b", "c"])),
}


def outcome(read):
    """Returns dtypes and values of a batch's parts, or the error."""
    try:
        parts = read()
    except ValueError as error:
        return str(error)
    return [None if part is None else (part.dtype, np.asarray(part).tolist()) for part in parts]


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("before", [(X, Y), (X, LARGE), [X, Y], (X.tolist(), Y)])
def test_it_is_read_as_if_it_were_the_first(given, before):
    unpacking = Unpacking("generator", needs_targets=True)
    unpacking(before, 0)
    unpacking(before, 1)
    where = "generator(x=...), batch 2"
    expected = outcome(lambda: unpack(given, where, needs_targets=True))
    assert outcome(lambda: unpacking(given, 2)) == expected
    expected = outcome(lambda: unpack(before, where, needs_targets=True))
    assert outcome(lambda: unpacking(before, 3)) == expected


def test_another_structure_than_that_of_the_first_is_refused_later_too():
    unpacking = Unpacking("generator", needs_targets=True)
    for number in range(2):
        unpacking((X, Y), number)
    with pytest.raises(ValueError, match="expected a batch like the first one"):
        unpacking((X, Y, np.ones(3, "float32")), 2)
