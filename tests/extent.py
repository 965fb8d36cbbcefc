"""How much of a breadth is tried: some of it in CI, all of it by ``make nightly``."""

from collections.abc import Collection, Iterable

import pytest


def some(values: Iterable, often: Collection) -> list:
    """Returns parameters of tests.

    Args:
        values: All of them.
        often: Those that CI takes too.
    """
    marks = pytest.mark.nightly
    return [value if value in often else pytest.param(value, marks=marks) for value in values]
