"""Type names that several rooms share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

import jax
from numpy.typing import NDArray

Array = jax.Array
ArrayLike = jax.Array | NDArray[Any] | float
Arrays = Mapping[str, Array]
"""Name -> array."""
PyTree = Any
"""Nested dicts, lists and tuples with arrays as leaves."""
Shape = Sequence[int | None]
"""Shape of a batch; None for a length that is open, such as the number of samples."""
ShapeLike = Shape | Sequence[Shape] | Mapping[str, Shape]
"""Shape of a batch, or of several inputs."""


class SupportsArray(Protocol):
    """What NumPy can turn into an array: a tensor, a series, a frame."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]: ...


DataLike = SupportsArray | Iterable[Any]
"""Arrays; dicts, lists and tuples of arrays; or an iterable of batches."""
ActivationLike = str | Callable[[Any], Any]
"""A name, or a function of an array."""
InitializerLike = str | Callable[..., Any] | Mapping[str, Any] | SupportsArray
"""A name, an `Initializer`, a function of (shape, dtype), a config, or the values themselves."""
LossLike = str | Callable[..., Any] | Mapping[str, Any]
"""A name, a `Loss`, a function of (y_true, y_pred), or a config."""
MetricLike = str | Callable[..., Any] | Mapping[str, Any]
"""A name, a `Metric`, a function of (y_true, y_pred), or a config."""
MetricsLike = Sequence[MetricLike | Sequence[MetricLike]] | Mapping[str, Any] | MetricLike
"""Metrics of one output; or a list or dict of them by output."""
RateLike = ArrayLike | Callable[..., Any]
"""A number, a `LearningRateSchedule`, or a function of (step,)."""
OnInterrupt = Literal["raise", "return"]
"""What Ctrl-C does: it raises `KeyboardInterrupt`, or ``fit`` returns what it has so far."""
Verbose = int | Literal["auto"]
"""0 silent, 1 a progress bar, 2 a line per epoch, 3 the numbers of epochs alone; "auto" is 1."""
