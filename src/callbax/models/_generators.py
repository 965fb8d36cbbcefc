"""The spellings of TensorFlow 2.0 for data from generators."""

from collections.abc import Callable
from typing import Any

from callbax._core._types import DataLike
from callbax._core._warnings import warn

_FIT = (
    "steps_per_epoch",
    "epochs",
    "verbose",
    "callbacks",
    "validation_data",
    "validation_steps",
    "validation_freq",
    "class_weight",
    "max_queue_size",
    "workers",
    "use_multiprocessing",
    "shuffle",
    "initial_epoch",
)
_OTHERS = ("steps", "callbacks", "max_queue_size", "workers", "use_multiprocessing", "verbose")
_QUEUE = ("max_queue_size", "workers", "use_multiprocessing")
"""How TensorFlow drew from a generator; here a thread does."""


def takes_generators(method: str) -> Callable[..., Any]:
    """Returns the older form of a method, for data from generators: deprecated, and the same.

    Args:
        method: Name of the method: "fit", "evaluate" or "predict".
    """
    names = _FIT if method == "fit" else _OTHERS

    def forward(self: Any, generator: DataLike, *args: Any, **arguments: Any) -> Any:
        warn(
            f"`{method}_generator` is deprecated; `{method}` takes generators too.",
            DeprecationWarning,
        )
        given = dict(zip(names, args, strict=False)) | arguments
        kept = {name: value for name, value in given.items() if name not in _QUEUE}
        return getattr(self, method)(generator, **kept)

    forward.__name__ = f"{method}_generator"
    forward.__doc__ = f"Deprecated: use ``{method}``, which takes generators."
    return forward
