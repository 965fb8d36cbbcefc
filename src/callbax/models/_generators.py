"""The spellings of TensorFlow 2.0 for data from generators."""

from typing import Any

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


def for_generator(method: str, args: tuple[Any, ...], arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a method that takes generators for those of its older form.

    Args:
        method: Name of the method: "fit", "evaluate" or "predict".
        args: What was passed by position, after the generator.
        arguments: What was passed by name.
    """
    warn(
        f"`{method}_generator` is deprecated; `{method}` takes generators too.", DeprecationWarning
    )
    given = dict(zip(_FIT if method == "fit" else _OTHERS, args, strict=False)) | arguments
    return {name: value for name, value in given.items() if name not in _QUEUE}
