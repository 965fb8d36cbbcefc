"""What callbacks see of the model; nothing here knows of arrays on a device."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from callbax._core._errors import explain
from callbax._stores._protocol import RunState
from callbax._stores._tape import Tape


@runtime_checkable
class OptimizerView(Protocol):
    """What a callback sees of the optimizer."""

    learning_rate: Any
    """Reads as a number, the one at the current batch; may be assigned."""

    @property
    def iterations(self) -> int:
        """Updates of the weights up to the current batch."""


class PastView(Protocol):
    """A recorded run."""

    def at(self, epoch: int, batch: int) -> Any:
        """Returns a batch of it."""

    def first(self, condition: Callable[[Mapping[str, float]], bool]) -> Any:
        """Returns the first batch whose logs fulfil a condition; None if none does."""


class GaugeView(Protocol):
    """What a callback may know of the speed of a run; it keeps up with the run."""

    @property
    def steps(self) -> int | None:
        """Steps in an epoch; None if unknown."""

    @property
    def seconds_per_step(self) -> float | None:
        """Mean wall time of this epoch's steps, waiting for data and hooks included.

        Compiling, and validation inside ``fit``, do not count. At an epoch's begin it is that of
        the epoch before; None before there is a measurement.
        """


@runtime_checkable
class ModelView(Protocol):
    """What a callback sees of the model: every read and write is as of the current batch."""

    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    history: Any

    @property
    def ema_swapped(self) -> bool:
        """Whether the weights and their moving averages have changed places."""

    @property
    def validates_by_batch(self) -> bool:
        """Whether the run validates within epochs, every n batches."""

    @property
    def is_lead(self) -> bool:
        """Whether this process writes files and prints for all that take part in the run."""

    @property
    def optimizer(self) -> OptimizerView:
        """The optimizer."""

    @property
    def current_rate(self) -> "float | partial[float] | None":
        """The learning rate at the current batch, if it can be told without work.

        A schedule's is a call that tells it later too; None if it is not known.
        """

    @property
    def log_keys(self) -> tuple[str, ...] | None:
        """Keys of the logs at the end of an epoch, sorted; None while they are unknown."""

    @property
    def batch_loss(self) -> float:
        """The last batch's own loss."""

    @property
    def gauge(self) -> GaugeView | None:
        """How fast the innermost run under way is; None outside of runs."""

    @property
    def metric_directions(self) -> Mapping[str, str | None]:
        """Log key (without ``val_``) -> "up", "down", or None if unknown."""

    def as_seen_by(self, callback: object) -> Any:
        """The model to give to a callback: this one, or one of another library that it is made of.

        Args:
            callback: The callback.
        """

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of all weights, in Keras's order."""

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all weights."""

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes the whole model."""

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes the weights."""

    def run_state(self, *, finished: bool = False, whole: bool = True) -> RunState:
        """The fit under way as one value; `finished` says that it is over.

        Not `whole`, arrays that are divided among processes stay so.
        """

    def past_of(self, tape: Tape) -> PastView:
        """What finds the batches of the fit under way, as far as it was recorded."""

    def swap_ema_weights(self) -> None:
        """Exchanges the weights and their averages."""

    def get_state_tree(self) -> dict[str, Any]:
        """Returns all state as nested dicts of arrays."""

    def described(self) -> str | None:
        """What the model is made of and compiled with, as JSON; None if it cannot be told."""

    def start_profile(self, log_dir: str) -> None:
        """Starts the profiler."""

    def stop_profile(self) -> None:
        """Ends it."""


class Watching(Protocol):
    """A callback, as far as its model goes."""

    @property
    def model(self) -> ModelView | None: ...


def model_of(callback: Watching) -> ModelView:
    """Returns the model that a callback watches.

    Raises:
        RuntimeError: It has none, as it is not part of a run.
    """
    if callback.model is None:
        name = type(callback).__name__
        raise RuntimeError(
            explain(
                f"{name}.model",
                expected="the model of a run",
                received="None",
                action=f"Pass the {name} to `fit`, or call `set_model` before its hooks.",
            )
        )
    return callback.model


def is_in_lead(watching: Watching) -> bool:
    """Returns whether a callback is in the process that writes files and prints for all."""
    # `is False`, as a model that is not callbax's has no such attribute, and a mock has any.
    return getattr(watching.model, "is_lead", True) is not False
