"""Keras models under callbax end where Keras's own `fit` ends, with the same logs."""

import functools

import keras
import numpy as np
import pytest
from tests.extent import some
from tests.keras_models.alike import assert_alike
from tests.keras_models.kinds import BATCH, KINDS, everything, made

import callbax as cb

OFTEN = [kind for kind in KINDS[::2] if kind.__name__ not in ("augmentation", "bidirectional_gru")]
# Kinds in which Keras's own compilation of one step rounds otherwise than one inside of a loop.
ROUNDED = {"augmentation": 1e-6}

FIT = {"batch_size": BATCH, "epochs": 3, "shuffle": False, "verbose": 0}


def assert_equal(kind, distribution, one, other):
    if (rounded := ROUNDED.get(kind.__name__)) is None:
        assert_alike(list(one), list(other), distribution)
        return
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=rounded)


@pytest.mark.parametrize("kind", some(KINDS, OFTEN), ids=lambda kind: kind.__name__)
def test_it_ends_where_keras_ends(kind, distribution):
    theirs, x, y = made(kind)
    history = theirs.fit(x, y, validation_data=(x, y), **FIT).history
    ours, x, y = made(kind)
    model = cb.Model(ours)
    found = model.fit(x, y, validation_data=(x, y), **FIT).history
    assert set(found) == set(history)
    alike = functools.partial(assert_equal, kind, distribution)
    alike([history[key] for key in sorted(history)], [found[key] for key in sorted(history)])
    alike(everything(theirs), everything(ours))
    evaluated = (each.evaluate(x, y, batch_size=BATCH, verbose=0) for each in (theirs, model))
    alike(*map(np.atleast_1d, evaluated))
    flat = keras.tree.flatten
    alike(flat(theirs.predict(x, verbose=0)), flat(model.predict(x, verbose=0)))
