"""The room ``callbax.losses`` under its Keras name: the same objects."""

from callbax.losses import *  # noqa: F403
from callbax.losses import __all__  # noqa: F401
