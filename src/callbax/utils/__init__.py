"""Small public helpers under Keras's names."""

from callbax.utils.files import get_file
from callbax.utils.numerical import normalize, to_categorical
from callbax.utils.plotting import plot_model
from callbax.utils.py_dataset import PyDataset, Sequence
from callbax.utils.random import set_random_seed
from callbax.utils.sequences import pad_sequences

__all__ = [
    "PyDataset",
    "Sequence",
    "get_file",
    "normalize",
    "pad_sequences",
    "plot_model",
    "set_random_seed",
    "to_categorical",
]
