"""Models: what is compiled, fitted, evaluated and asked for predictions."""

from callbax.models._model import Model
from callbax.models._sequential import Sequential

__all__ = ["Model", "Sequential"]
