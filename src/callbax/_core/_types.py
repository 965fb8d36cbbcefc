"""Type names that several rooms share."""

from typing import Any

import jax
import numpy as np

Array = jax.Array
ArrayLike = jax.Array | np.ndarray | float
PyTree = Any
"""Nested dicts, lists and tuples with arrays as leaves."""
