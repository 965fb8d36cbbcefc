"""The room ``callbax.datasets`` under its Keras name: the same objects."""

from callbax.datasets import *  # noqa: F403
from callbax.datasets import __all__  # noqa: F401
