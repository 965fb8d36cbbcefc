"""The room ``callbax.distribution`` under its Keras name: the same objects."""

from callbax.distribution import *  # noqa: F403
from callbax.distribution import __all__  # noqa: F401
