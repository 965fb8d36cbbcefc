"""The room ``callbax.saving`` under its Keras name: the same objects."""

from callbax.saving import *  # noqa: F403
from callbax.saving import __all__  # noqa: F401
