"""A module that brings training steps of its own, as pure functions."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Arrays, Batch, StateAccess, Variables


class OwnState(NamedTuple):
    """What a step moves.

    Attributes:
        variables: The module's arrays.
        optimizer: The optimizer's, in its order, without the learning rate.
        learning_rate: The learning rate, a float32 scalar; 0 if a schedule sets it.
        metrics: Running sums of loss and metrics.
    """

    variables: Variables
    optimizer: list[Array]
    learning_rate: Array
    metrics: list[Array]


class StepResult(NamedTuple):
    """What a step of a batch comes to.

    Attributes:
        logs: Key -> running value after the batch, a scalar.
        loss: The batch's own loss; NaN if the step does not tell.
        state: What it moved.
    """

    logs: dict[str, Array]
    loss: Array
    state: OwnState


class Seen(NamedTuple):
    """What a training step computes on its way.

    Attributes:
        outputs: The module's output in training.
        loss: The total that is minimised.
        losses: One value for each sample, float32; None if a loss looks at the batch as a whole.
        gradients: Path of a parameter -> the gradient of the total.
    """

    outputs: PyTree
    loss: Array
    losses: Array | None
    gradients: Arrays


class NumbersAccess(StateAccess, Protocol):
    """Where the state is while the module is run, the optimizer and metrics included."""

    learning_rate: float

    def read_own(self) -> OwnState:
        """Returns the state at the current batch."""

    def write_own(self, state: OwnState) -> None:
        """Replaces it at the current batch."""


class StepError(RuntimeError):
    """A step of the user's own is none that callbax can follow."""


class OwnTraining(Protocol):
    """How a module trains itself.

    Attributes:
        module: The user's object.
    """

    module: Any

    @property
    def optimizer(self) -> Any:
        """The user's optimizer; None if the module is not compiled."""

    @property
    def loss(self) -> Any:
        """The loss as it was given."""

    @property
    def steps_per_execution(self) -> int | None:
        """Steps in one dispatch; None if the user did not say."""

    @property
    def run_eagerly(self) -> bool:
        """Whether every step runs in Python."""

    def bind(self, batch: Batch) -> None:
        """Makes what training needs, for the shapes of a first batch."""

    @property
    def needs_targets(self) -> bool:
        """Whether a batch without targets is of no use."""

    def class_losses(self) -> Any:
        """Returns the losses of class numbers, with None for others; None if there are none."""

    def sealed(self) -> AbstractContextManager[None]:
        """Lets whatever assigns a variable of the user's objects raise a `StepError`.

        A step that does so while it is traced is not a function of the state.
        """

    def read(self) -> tuple[list[Array], Array]:
        """Returns the optimizer's arrays and the learning rate, as the user's objects hold them."""

    def write(self, optimizer: Sequence[Array], learning_rate: Array, metrics: Any) -> None:
        """Gives them back; metrics too, unless there are none."""

    def metrics(self) -> list[Array]:
        """Returns the running sums as the user's objects hold them."""

    def reset(self) -> list[Array | None]:
        """Returns the running sums with which an epoch starts; None for those that continue."""

    def train(self, state: OwnState, batch: Batch) -> StepResult:
        """Takes a training step; pure, to be traced."""

    def look(self, state: OwnState, batch: Batch) -> Seen:
        """Computes what a training step computes on its way; pure, to be traced.

        Raises:
            TypeError: The step is one of the user's own, which does not tell.
        """

    def test(self, state: OwnState, batch: Batch) -> StepResult:
        """Evaluates a batch; pure, to be traced."""

    def predict(self, state: OwnState, x: PyTree) -> tuple[PyTree, OwnState]:
        """Returns the output for a batch, and what it moved; pure, to be traced."""

    def directions(self) -> dict[str, str]:
        """Returns key of the logs -> "up" if more is better, "down" if less, as far as known."""

    def live(self, state: NumbersAccess) -> AbstractContextManager[None]:
        """Lets the user's optimizer and metrics show the state of runs for as long as they last."""

    def averaged(self) -> list[int] | None:
        """Returns where among the optimizer's arrays the averages of `params` are, in order."""

    @property
    def use_ema(self) -> bool:
        """Whether the optimizer keeps averages of the weights, with which training ends."""
