"""Why a call is left to Keras."""

from typing import Any

from callbax._modules._keras import unusable
from callbax._modules._keras_inside import loaded, makes_own_functions


def reason_to_leave(model: Any, call: str, arguments: dict[str, Any]) -> str | None:
    """Returns why a call is left to Keras; None if callbax serves it.

    Args:
        model: The Keras model.
        call: The method: ``"fit"``.
        arguments: The arguments that were given by name.
    """
    keras: Any = loaded()
    if (setting := unusable()) is not None:
        return setting
    if keras.distribution.distribution() is not None:
        return "keras.distribution is set"
    if keras.config.max_epochs() is not None or keras.config.max_steps_per_epoch() is not None:
        return "keras.config limits the epochs or steps of every run"
    if makes_own_functions(model):
        return f"{type(model).__name__} makes its train, test or predict function by itself"
    if model.compiled and model.run_eagerly:
        return "run_eagerly=True"
    if model.compiled and not model.jit_compile:
        return "jit_compile is off, or a layer does not support it"
    if isinstance(arguments.get("callbacks"), keras.callbacks.CallbackList):
        return "callbacks is a CallbackList of Keras"
    return None
