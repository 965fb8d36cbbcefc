"""The room ``callbax.metrics`` under its Keras name: the same objects."""

from callbax.metrics import *  # noqa: F403
from callbax.metrics import __all__  # noqa: F401
