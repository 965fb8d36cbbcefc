"""What making a layer of callbax comes to, if it is given what only Keras's layer has."""

import inspect
from typing import Any

from flax.nnx.module import ModuleMeta

from callbax._core._keras import load_keras

_KERAS_ONLY = frozenset(
    {
        "activity_regularizer",
        "beta_constraint",
        "beta_regularizer",
        "bias_constraint",
        "bias_regularizer",
        "depthwise_constraint",
        "depthwise_regularizer",
        "embeddings_constraint",
        "embeddings_regularizer",
        "gamma_constraint",
        "gamma_regularizer",
        "kernel_constraint",
        "kernel_regularizer",
        "lora_alpha",
        "lora_rank",
        "quantization_config",
        "recurrent_constraint",
        "recurrent_regularizer",
    }
)
"""Arguments of Keras's layers that callbax's of the same name need not have."""


class LayerType(ModuleMeta):
    """Makes layers: one with a regularizer or a constraint is Keras's."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  a metaclass
        foreign = _KERAS_ONLY & kwargs.keys()
        if not foreign or not cls.__module__.startswith("callbax."):
            return super().__call__(*args, **kwargs)
        known = inspect.signature(cls).parameters
        asked = {name for name in foreign - known.keys() if kwargs[name] is not None}
        if not asked:
            kept = {name: v for name, v in kwargs.items() if name in known or v is not None}
            return super().__call__(*args, **kept)
        keras = load_keras(f"{cls.__name__}({sorted(asked)[0]}=...)")
        return getattr(keras.layers, cls.__name__)(*args, **kwargs)
