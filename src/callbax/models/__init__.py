"""Models: what is compiled, fitted, evaluated and asked for predictions."""

from callbax.models._model import Model
from callbax.models._sequential import Sequential
from callbax.saving import load_model, save_model

__all__ = ["Model", "Sequential", "load_model", "save_model"]
