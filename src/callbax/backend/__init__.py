"""Values in and out, and the numbers that Keras keeps in its backend, under Keras's names."""

from callbax.backend.config import epsilon, floatx, image_data_format
from callbax.backend.session import clear_session
from callbax.backend.values import get_value, set_value
from callbax.backend.variables import BackendVariable, variable

__all__ = [
    "BackendVariable",
    "clear_session",
    "epsilon",
    "floatx",
    "get_value",
    "image_data_format",
    "set_value",
    "variable",
]
