"""Small data sets to try things on, each loaded by its own ``load_data``."""

from callbax.datasets import digits, mnist

__all__ = ["digits", "mnist"]
