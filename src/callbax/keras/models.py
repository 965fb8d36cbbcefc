"""The room ``callbax.models`` under its Keras name: the same objects."""

from callbax.models import *  # noqa: F403
from callbax.models import __all__  # noqa: F401
