"""The room ``callbax.optimizers`` under its Keras name: the same objects."""

from callbax.optimizers import *  # noqa: F403
from callbax.optimizers import __all__  # noqa: F401
