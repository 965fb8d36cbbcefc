"""Files: weights, and whole models."""

from callbax.saving.models import load_model, save_model
from callbax.saving.objects import deserialize_keras_object, serialize_keras_object
from callbax.saving.registration import (
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from callbax.saving.weights import load_weights, save_weights

__all__ = [
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
