"""Python's and NumPy's global random generators, which a user's hooks may draw from."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np


def read_generators() -> dict[str, Any]:
    """Returns their states, as nested values of numbers and arrays."""
    version, words, gauss = random.getstate()
    return {
        "random": (version, np.array(words, np.uint32), gauss),
        "numpy.random": np.random.get_state(legacy=False),
    }


def write_generators(states: Mapping[str, Any]) -> None:
    """Brings them to the states that `read_generators` returned."""
    if "random" in states:
        version, words, gauss = states["random"]
        random.setstate((version, tuple(words.tolist()), gauss))
    if "numpy.random" in states:
        np.random.set_state(states["numpy.random"])
