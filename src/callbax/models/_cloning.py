"""Models of new weights, made like another one."""

from collections.abc import Callable
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._keras import load_keras
from callbax._modules._keras import is_keras_model
from callbax.models._files import compile_arguments
from callbax.models._keras_model import KerasModel
from callbax.models._model import Model
from callbax.models._sequential import Sequential


def clone_model(
    model: Model | KerasModel,
    input_tensors: object = None,
    clone_function: Callable[[Any], Any] | None = None,
    **options: Any,
) -> Any:
    """Returns a model of the same layers with weights of its own, compiled alike.

    Args:
        model: A `Sequential`, or a Keras model, under callbax or not.
        input_tensors: As in Keras, for Keras's models.
        clone_function: Layer -> the layer that takes its place; by default one that is made alike.
        **options: What else Keras takes, for Keras's models.

    Returns:
        The model, of the kind of `model`.

    Raises:
        TypeError: Plain values cannot describe the model, as with a plain NNX module, or what it is
            compiled with, as with optax.

    Example:
        >>> from callbax import layers
        >>> target = clone_model(Sequential([layers.Dense(1, input_shape=(2,))]))
        >>> target.count_params(), target.compiled
        (3, False)

    Source: ``keras.models.clone_model``.
    """
    if isinstance(model, KerasModel):
        clone = KerasModel(clone_model(model.module, input_tensors, clone_function, **options))
        # What Keras has compiled, Keras has compiled again.
        return clone if model.is_own else _compiled_like(model, clone)
    if is_keras_model(model):
        clone_by_keras: Callable[..., Any] = load_keras("clone_model").models.clone_model
        return clone_by_keras(model, input_tensors, clone_function, **options)
    if input_tensors is not None or options:
        raise TypeError(
            explain(
                "clone_model(...)",
                expected="a model and a `clone_function`",
                received=describe(input_tensors) if input_tensors is not None else f"{options}",
                action="Leave it out, or clone a Keras model.",
            )
        )
    kind: Any = type(model)
    if clone_function is not None and isinstance(model, Sequential):
        return _compiled_like(model, kind([clone_function(layer) for layer in model.layers]))
    config = model.get_config()  # which refuses a plain module
    return _compiled_like(model, kind.from_config(config))


def _compiled_like(model: Model | KerasModel, clone: Any) -> Any:
    config = model.get_compile_config()
    if config is not None:
        clone.compile(**compile_arguments(config))
    return clone
