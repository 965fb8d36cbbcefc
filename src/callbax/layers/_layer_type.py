"""What making a layer of callbax comes to, if it is given what only Keras's layer has."""

import inspect
from typing import Any

from flax.nnx.module import ModuleMeta

from callbax._core._keras import load_keras
from callbax._core._naming import auto_name

_KERAS_ONLY = frozenset(
    {
        "activity_regularizer",
        "autocast",
        "beta_constraint",
        "beta_regularizer",
        "bias_constraint",
        "bias_regularizer",
        "data_format",
        "depthwise_constraint",
        "depthwise_regularizer",
        "dropout",
        "dtype",
        "embeddings_constraint",
        "embeddings_regularizer",
        "gamma_constraint",
        "gamma_regularizer",
        "go_backwards",
        "implementation",
        "input_length",
        "kernel_constraint",
        "kernel_regularizer",
        "lora_alpha",
        "lora_rank",
        "mask_zero",
        "noise_shape",
        "quantization_config",
        "recurrent_constraint",
        "recurrent_dropout",
        "recurrent_regularizer",
        "renorm",
        "reset_after",
        "return_state",
        "rms_scaling",
        "sparse",
        "stateful",
        "synchronized",
        "unroll",
        "use_cudnn",
        "weights",
        "zero_output_for_mask",
    }
)
"""Arguments of Keras's layers that callbax's of the same name need not have."""
_NEUTRAL = (None, False, 0, "channels_last", "auto", "float32")
"""Values of these that ask for nothing."""

FORMER = {
    former: f"It is called `{now}` now."
    for former, now in {
        "W_regularizer": "kernel_regularizer",
        "b_regularizer": "bias_regularizer",
        "bias": "use_bias",
        "border_mode": "padding",
        "dim_ordering": "data_format",
        "filter_length": "kernel_size",
        "init": "kernel_initializer",
        "inner_activation": "recurrent_activation",
        "inner_init": "recurrent_initializer",
        "nb_filter": "filters",
        "output_dim": "units",
        "p": "rate",
        "pool_length": "pool_size",
        "subsample": "strides",
        "subsample_length": "strides",
    }.items()
}
"""Arguments of Keras 1 and 2 -> what to write in their place."""


class LayerType(ModuleMeta):
    """Makes layers: one with a regularizer or a constraint is Keras's."""

    @property
    def __signature__(cls) -> inspect.Signature:  # noqa: N805  a metaclass
        """What a layer is made with, as help and editors show it."""
        of_init = inspect.signature(cls.__init__)  # type: ignore[misc]
        return of_init.replace(parameters=list(of_init.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  a metaclass
        foreign = _KERAS_ONLY & kwargs.keys()
        if not foreign or not cls.__module__.startswith("callbax."):
            return super().__call__(*args, **kwargs)
        init: Any = vars(cls).get("__init__", cls)
        known = inspect.signature(init).parameters
        unknown = foreign - known.keys()
        asked = {name for name in unknown if not _is_neutral(name, kwargs[name])}
        if not asked:
            return super().__call__(*args, **{n: v for n, v in kwargs.items() if n not in unknown})
        keras = load_keras(f"{cls.__name__}({sorted(asked)[0]}=...)")
        if kwargs.get("name") is None:
            # Keras counts its own layers, and would give the name of one of callbax's again.
            kwargs = kwargs | {"name": auto_name(cls.__name__)}
        return getattr(keras.layers, cls.__name__)(*args, **kwargs)


def _is_neutral(name: str, value: object) -> bool:
    """Returns whether a value is that of a layer that lacks the argument."""
    return value is True if name == "reset_after" else value in _NEUTRAL
