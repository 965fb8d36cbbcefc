"""The room ``callbax.utils`` under its Keras name: the same objects."""

from callbax.utils import *  # noqa: F403
from callbax.utils import __all__  # noqa: F401
