"""The room ``callbax.activations`` under its Keras name: the same objects."""

from callbax.activations import *  # noqa: F403
from callbax.activations import __all__  # noqa: F401
