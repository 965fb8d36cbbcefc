"""The room ``callbax.layers`` under its Keras name: the same objects."""

from callbax.layers import *  # noqa: F403
from callbax.layers import __all__  # noqa: F401
