"""Small public helpers under Keras's names."""

from callbax.utils.numerical import to_categorical
from callbax.utils.random import set_random_seed

__all__ = ["set_random_seed", "to_categorical"]
