"""The room ``callbax.callbacks`` under its Keras name: the same objects."""

from callbax.callbacks import *  # noqa: F403
from callbax.callbacks import __all__  # noqa: F401
