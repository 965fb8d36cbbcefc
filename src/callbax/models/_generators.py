"""The spellings of TensorFlow 2.0 for data from generators."""

import warnings
from typing import Any

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


class GeneratorMethods:
    """``fit_generator`` and its kin: deprecated, and the same as ``fit`` and its kin."""

    def fit_generator(self, generator: Any, *args: Any, **arguments: Any) -> Any:
        """Deprecated: use ``fit``, which takes generators."""
        return self._forward("fit", generator, _FIT, args, arguments)

    def evaluate_generator(self, generator: Any, *args: Any, **arguments: Any) -> Any:
        """Deprecated: use ``evaluate``, which takes generators."""
        return self._forward("evaluate", generator, _OTHERS, args, arguments)

    def predict_generator(self, generator: Any, *args: Any, **arguments: Any) -> Any:
        """Deprecated: use ``predict``, which takes generators."""
        return self._forward("predict", generator, _OTHERS, args, arguments)

    def _forward(
        self,
        method: str,
        generator: Any,
        names: tuple[str, ...],
        args: tuple[Any, ...],
        arguments: dict[str, Any],
    ) -> Any:
        warnings.warn(
            f"`{method}_generator` is deprecated; `{method}` takes generators too.",
            DeprecationWarning,
            stacklevel=3,
        )
        given = dict(zip(names, args, strict=False)) | arguments
        kept = {name: value for name, value in given.items() if name not in _QUEUE}
        return getattr(self, method)(generator, **kept)
