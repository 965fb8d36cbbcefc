"""utils.set_random_seed beside Keras's."""

import random

import keras
import numpy as np
import pytest

from callbax._core._rng import SeedSource
from callbax.utils import set_random_seed


def draws():
    return random.random(), np.random.random(), SeedSource().draw()


@pytest.fixture(autouse=True)
def restored_generators():
    """Leaves the generators of the process as they were."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_draws_are_keras_s(seed):
    set_random_seed(seed)
    ours = draws()
    keras.utils.set_random_seed(seed)
    assert draws() == ours


@pytest.mark.parametrize(
    ("seed", "received"),
    [(1.5, "1.5 (float)"), ("7", "'7' (str)"), (None, "None"), (-1, "-1 (int)"), (2**32, "(int)")],
)
def test_a_bad_seed_changes_nothing(seed, received):
    before = random.getstate()
    with pytest.raises(ValueError, match=r"^`set_random_seed\(seed\)`: expected an int") as caught:
        set_random_seed(seed)
    assert received in str(caught.value)
    assert "Pass one number of your choice" in str(caught.value)
    assert random.getstate() == before
