"""The room ``callbax.backend`` under its Keras name: the same objects."""

from callbax.backend import *  # noqa: F403
from callbax.backend import __all__  # noqa: F401
