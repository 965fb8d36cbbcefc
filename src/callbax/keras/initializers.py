"""The room ``callbax.initializers`` under its Keras name: the same objects."""

from callbax.initializers import *  # noqa: F403
from callbax.initializers import __all__  # noqa: F401
