"""The room ``callbax.optimizers.schedules`` under its Keras name: the same objects."""

from callbax.optimizers.schedules import *  # noqa: F403
from callbax.optimizers.schedules import __all__  # noqa: F401
