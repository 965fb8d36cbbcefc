"""How a model trains and what it reports: what ``compile`` makes, as the engine sees it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from callbax._core._hooks import Mode
from callbax._core._types import PyTree
from callbax._data._feed import Targets
from callbax._data._placement import Placement
from callbax._modules._captured import Captured
from callbax._modules._own_training import NumbersAccess
from callbax._modules._protocol import Arrays, Variables
from callbax._training._objective import Goals
from callbax._training._pace import StepsPerExecution
from callbax._training._rest import Rest
from callbax._training._state import TrainState
from callbax._training._step import Fields, Outside, Step
from callbax.optimizers._live import Source


class Report(Protocol):
    """What runs report, known once the shapes of a first batch are."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of what is reported, the loss first."""

    @property
    def directions(self) -> dict[str, str | None]:
        """Key -> "up" if more is better, "down" if less is, None if unknown."""

    def reset(self, metrics: PyTree) -> PyTree:
        """Returns running sums that start again.

        Args:
            metrics: Those so far, or what was there before the first batch.
        """

    def check(self, targets: Targets) -> None:
        """Looks at targets before the first step.

        Raises:
            ValueError: They do not fit.
        """


class FiledOptimizer(Protocol):
    """The optimizer's part of a state, as the list of arrays that files hold."""

    @property
    def fresh(self) -> int:
        """How many of them there are before the first step."""

    def read(self, state: TrainState) -> list[Any]:
        """Returns the arrays."""

    def write(self, state: TrainState, variables: Sequence[Any]) -> TrainState:
        """Returns the state with these arrays in it."""


class Recipe(Protocol):
    """How a model trains and what it reports."""

    @property
    def optimizer(self) -> Any:
        """What ``model.optimizer`` is; None before ``compile``."""

    @property
    def goals(self) -> Goals:
        """Losses and metrics as they were given to ``compile``."""

    @property
    def captured(self) -> Captured:
        """What losses and metrics hold from outside."""

    @property
    def steps_per_execution(self) -> StepsPerExecution:
        """Steps in one dispatch."""

    @property
    def run_eagerly(self) -> bool:
        """Whether every step runs in Python."""

    @property
    def report(self) -> Report | None:
        """What runs report; None before it is bound to a first batch."""

    @property
    def descends(self) -> bool:
        """Whether there is something to minimise."""

    @property
    def needs_targets(self) -> bool:
        """Whether a batch without targets is of no use."""

    @property
    def use_ema(self) -> bool:
        """Whether averages of the weights are kept, with which training ends."""

    def follow(self, source: Source) -> None:
        """Lets the numbers of the optimizer be those of a model's run."""

    def bind(self, mode: Mode, batch: PyTree, variables: Variables) -> Report:
        """Returns what runs report, bound to the shapes of a batch if it is not yet.

        Args:
            mode: "train" or "test".
            batch: ``(x, y, sample_weight)``, arrays or their shapes and dtypes.
            variables: The module's arrays.
        """

    def forget(self) -> None:
        """Lets what was bound be bound again: the module has changed."""

    def rest(self, placement: Placement) -> Rest:
        """Returns the place of the state between runs, as of the optimizer's first step."""

    def step(self, mode: Mode, outside: Outside, batch: PyTree) -> Step:
        """Returns the pure step of a mode, for what was bound.

        Args:
            mode: "train", "test" or "predict".
            outside: What losses and metrics may read besides their arguments.
            batch: Shapes and dtypes of a batch.
        """

    def shown(self, state: Fields) -> AbstractContextManager[None]:
        """Lets losses and metrics read the optimizer, and what they hold, as of a traced step."""

    def live(self, state: NumbersAccess) -> AbstractContextManager[None]:
        """Lets the user's optimizer and metrics show the state of runs for as long as they last."""

    def check_form(self, name: str, value: float, state: TrainState) -> None:
        """Looks whether a hyperparameter may join the state.

        Raises:
            ValueError: The optimizer keeps no state for it.
        """

    def averages(self, state: TrainState) -> Arrays | None:
        """Returns the averages of the weights; None if none are kept."""

    def with_averages(self, state: TrainState, averages: Arrays) -> TrainState:
        """Returns a state with other averages of the weights."""

    def filed(self, paths: Sequence[str]) -> FiledOptimizer | None:
        """Returns the optimizer's part of a state as files hold it; None if there is none.

        Args:
            paths: Paths of all weights in the order of ``get_weights``.
        """
