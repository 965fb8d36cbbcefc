"""What is the same on one device, and nearly so over several."""

import re

import jax
import numpy as np


def assert_alike(received, expected, distribution):
    """Compares bits on one device; several add up in another order, which Adam makes larger.

    Args:
        received: Nested lists and dicts of numbers, arrays and texts.
        expected: Likewise.
        distribution: What the fixture of this name gives.
    """
    several = distribution in ("dp", "fsdp")
    tolerance = {"rtol": 1e-2, "atol": 2e-3} if several else {"rtol": 0, "atol": 0}
    (left, form), (right, expected_form) = map(jax.tree.flatten, (received, expected))
    assert form == expected_form
    for one, other in zip(left, right, strict=True):
        if isinstance(other, str):
            assert (several and without_decimals(one) == without_decimals(other)) or one == other
        else:
            np.testing.assert_allclose(one, other, **tolerance)


def without_decimals(text):
    return re.sub(r"\d*\.\d+(e-?\d+)?", "#", text)
