"""Why a call is left to Keras."""

from typing import Any

from callbax._modules._keras import unusable
from callbax._modules._keras_inside import loaded, makes_own_functions, uncompilable


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
    if keras.config.max_epochs() is not None or keras.config.max_steps_per_epoch() is not None:
        return "keras.config limits the epochs or steps of every run"
    if makes_own_functions(model):
        return f"{type(model).__name__} makes its train, test or predict function by itself"
    if model.run_eagerly:
        return "run_eagerly=True"
    if not model.jit_compile:
        layers = ", ".join(uncompilable(model))
        return f"{layers} cannot be compiled, says Keras" if layers else "jit_compile is off"
    if isinstance(arguments.get("callbacks"), keras.callbacks.CallbackList):
        return "callbacks is a CallbackList of Keras"
    return None
