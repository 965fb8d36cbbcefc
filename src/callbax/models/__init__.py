"""Models: what is compiled, fitted, evaluated and asked for predictions."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.models import _keras_loading as _keras_loading  # it makes such files known
from callbax.models._cloning import clone_model
from callbax.models._model import Model
from callbax.models._sequential import Sequential
from callbax.saving import load_model, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "save_model"]

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__, "Make a `Sequential` of layers, or a `Model` of any nnx.Module."
    )
