"""A name that older scripts use."""

from collections.abc import Iterable

from callbax.callbacks._callback import Callback, Execution


class BaseLogger(Callback):
    """Does nothing: the logs are means over the epoch already.

    In TensorFlow's Keras it made them so. It is here for scripts that still pass one.

    Args:
        stateful_metrics: Names of metrics that were not to be averaged.

    Example:
        >>> BaseLogger(stateful_metrics=["auc"]).stateful_metrics
        {'auc'}
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()

    def __init__(self, stateful_metrics: Iterable[str] | None = None) -> None:
        super().__init__()
        self.stateful_metrics: set[str] = set(stateful_metrics or ())
