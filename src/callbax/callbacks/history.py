"""The record of a run that ``fit`` returns."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from callbax._core._errors import explain
from callbax._core._hooks import Logs
from callbax._core._markup import table
from callbax._core._run_events import RunEvent
from callbax._pictures._load import load_pictures
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._costs import CallbackCosts
from callbax.callbacks._model_view import PastView
from callbax.callbacks._number import as_number
from callbax.callbacks._terminal._console import place
from callbax.callbacks._timetable import Timetable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class History(Callback):
    """Records the logs of every epoch; ``fit`` adds one by itself and returns it.

    Where ``fit`` validates within epochs, each validation is recorded, and nothing again at the
    epoch's end: the ``val_`` lists have an entry for each of `validations`, the others one for
    each epoch.

    Pass one of your own to keep recording over several fits: `history` grows, `epoch` starts
    afresh. It is on ``model.history`` from the start of the run, so it can be read after an
    exception too.

    Attributes:
        history: Log key -> values of the epochs, or validations, that had that key.
        epoch: The epochs that were run, counted from 0.
        validations: Epoch and batch, counted from 0, after which each validation within an epoch
            was run; it starts afresh with `epoch`.
        events: What callbacks did in the last run, each with `kind`, `by`, `epoch`, `batch`, `key`
            and `value`: ``"stop"``, where `EarlyStopping` found the ``"best"`` value, and
            reductions of the ``"learning_rate"``. A callback of your own adds some by a method
            ``run_events()``.
        stop_reason: Which callback asked the last run to stop, and when, counted from 1 as in
            what callbacks print: ``"EarlyStopping at epoch 3"``; None if none did.
        callback_costs: Name of a callback of the last run -> its `hooks`, each with `calls`,
            `seconds` and `worst`, steps `replayed` and `discarded` for it, and whether it forces
            `single_steps`; printed, it is a table.
        past: What finds the batches of the last run, if a `Recorder` recorded it, or states of it
            are kept, by `Checkpoint` or `BackupAndRestore`; it holds the data of that run.

    Differs from Keras: `epoch` exists before the first run; all but `history`, `epoch`, `params`
    and `model` is new.

    Example:
        >>> history = History()
        >>> history.on_train_begin({})
        >>> history.on_epoch_end(0, {"loss": 0.5})
        >>> history.on_epoch_end(1, {"loss": 0.25, "val_loss": 0.5})
        >>> history.epoch, history.history
        ([0, 1], {'loss': [0.5, 0.25], 'val_loss': [0.5]})
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.validations: list[tuple[int, int]] = []
        self._current_epoch = 0
        self._recorded: set[str] = set()
        self._times = Timetable()
        self._rates: list[float | partial[float]] = []
        self.events: tuple[RunEvent, ...] = ()
        self.stop_reason: str | None = None
        self.past: PastView | None = None
        self.callback_costs: CallbackCosts = CallbackCosts({})

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Empties `epoch` and `validations`; `history` is kept."""
        self.epoch = []
        self.validations = []
        self.events = ()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, for validations within it."""
        self._current_epoch, self._recorded = epoch, set()
        self._times.begin(epoch)

    def on_validation_end(self, batch: int, logs: Logs | None = None) -> None:
        """Records the validation."""
        values = {key: value for key, value in (logs or {}).items() if key.startswith("val_")}
        self.validations.append((self._current_epoch, batch))
        self._recorded.update(values)
        self._record(values, batch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, but for what its validations have brought."""
        self.epoch.append(epoch)
        self._current_epoch = epoch
        self._record({k: v for k, v in (logs or {}).items() if k not in self._recorded})
        rate = (logs or {}).get("learning_rate", getattr(self.model, "current_rate", None))
        if isinstance(rate, float | partial):  # a mock has any attribute
            self._rates.append(rate)
            self._times.note(_RATE, epoch, None, None)
        if self.model is not None:
            self.model.history = self

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold."""
        history = {key: list(values) for key, values in self.history.items()}
        return {
            "history": history,
            "epoch": list(self.epoch),
            "validations": [list(at) for at in self.validations],
            "current_epoch": self._current_epoch,
            "recorded": sorted(self._recorded),
            "learning_rates": self.learning_rates,
            "times": self._times.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``, which resets."""
        self.history = {key: list(values) for key, values in state["history"].items()}
        self.epoch = list(state["epoch"])
        self.validations = [(epoch, batch) for epoch, batch in state["validations"]]
        self._current_epoch = state["current_epoch"]
        self._recorded = set(state["recorded"])
        # A run that was recorded by an earlier version has neither.
        self._rates = list(state.get("learning_rates", ()))
        self._times.load_state_dict(state.get("times", {}))

    def _record(self, values: Logs, batch: int | None = None) -> None:
        steps = (self.params or {}).get("steps")
        for key, value in values.items():
            self.history.setdefault(key, []).append(value)
            self._times.note(key, self._current_epoch, batch, steps)

    @property
    def learning_rates(self) -> list[float]:
        """The learning rate at the end of each epoch, a schedule's too.

        An optimizer of another library must have a callback that logs it, as
        `LearningRateScheduler` does.
        """
        rates = [rate() if isinstance(rate, partial) else rate for rate in self._rates]
        self._rates = [*rates]
        return rates

    def plot(
        self, keys: str | Sequence[str] | None = None, *, ax: "Axes | Sequence[Axes] | None" = None
    ) -> "Figure":
        """Draws the curves of training and validation, and what callbacks did.

        Each key has a panel with its ``val_`` key, and below them is the learning rate if it
        changed. Marked are where the run was stopped, the best epoch that `EarlyStopping` found,
        and reductions of the learning rate. Epochs are counted from 1, as in what callbacks print.

        Args:
            keys: Which to draw, without ``val_``; ``"learning_rate"`` is one too. By default all,
                or the loss alone if `ax` is a single one.
            ax: Where to draw: one of matplotlib's axes for each key; by default a new figure.

        Returns:
            The figure.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: Nothing was recorded under a key, or there are not as many axes as keys.

        Differs from Keras: new.

        Example:
            >>> history = History()
            >>> for epoch, loss in enumerate([0.5, 0.25]):
            ...     history.on_epoch_end(epoch, {"loss": loss})
            >>> [axes.get_ylabel() for axes in history.plot().axes]
            ['loss']
        """
        pictures = load_pictures("history.plot()")
        steps = (self.params or {}).get("steps")
        return pictures.draw_history(
            self._curves(), self._times.marks(self.events, steps), keys=keys, ax=ax
        )

    def plot_costs(self, *, ax: "Axes | None" = None) -> "Figure":
        """Draws what each callback of the last run cost, hook by hook, in seconds.

        It is the picture of `callback_costs`, those that took longest first.

        Args:
            ax: Where to draw; by default a new figure.

        Returns:
            The figure.

        Raises:
            ImportError: matplotlib is not installed.

        Differs from Keras: new.
        """
        pictures = load_pictures("history.plot_costs()")
        costs = {
            name: {hook: spent.seconds for hook, spent in cost.hooks.items()}
            for name, cost in self.callback_costs.items()
        }
        remarks = {name: cost.remarks() for name, cost in self.callback_costs.items()}
        return pictures.draw_costs(costs, remarks, ax=ax)

    def __repr__(self) -> str:
        """Returns how many epochs there were, and what the last one had."""
        return f"<History: {'; '.join([self._told_epochs(), *self._told_last()])}>"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: the first and the last value of each key."""
        told = "; ".join([self._told_epochs(), *([self.stop_reason] if self.stop_reason else [])])
        rows = [(key, *map(_shown, (values[0], values[-1]))) for key, values in self._numbers()]
        return table(("", "first", "last"), rows, title=f"History: {told}")

    def _told_epochs(self) -> str:
        count = len(self.epoch)
        return f"{count} epoch{'s' * (count != 1)}" if count else "no epochs"

    def _told_last(self) -> list[str]:
        values = [f"{key} {_shown(values[-1])}" for key, values in self._numbers()]
        stop = [f"stopped by {self.stop_reason}"] if self.stop_reason else []
        return [", ".join(values)] * bool(values) + stop

    def _numbers(self) -> list[tuple[str, list[float]]]:
        """Returns the keys whose values are numbers, and these."""
        found = {
            key: [as_number(value) for value in values] for key, values in self.history.items()
        }
        return [
            (key, [value for value in values if value is not None])
            for key, values in found.items()
            if values and None not in values
        ]

    def _curves(self) -> dict[str, tuple[Sequence[float], Sequence[float]]]:
        """Returns key -> where its values lie, in epochs, and the values."""
        numbers = dict(self._numbers())
        curves: dict[str, tuple[Sequence[float], Sequence[float]]]
        curves = {key: (self._times.of(key, len(ys)), ys) for key, ys in numbers.items()}
        if self.learning_rates:
            rates = self.learning_rates
            curves["learning_rate"] = self._times.of(_RATE, len(rates)), rates
        return curves

    def at(self, epoch: int, batch: int) -> Any:
        """Returns a batch of the last run as a `Moment`: what went in, and what came out.

        Args:
            epoch: The epoch, counted from 0.
            batch: The batch, counted from 0.

        Raises:
            ValueError: The run was not recorded, or never came to that batch, or the states that
                are kept do not lead there.

        Differs from Keras: new.
        """
        return self._recorded_past("at").at(epoch, batch)

    def first(self, condition: Callable[[Mapping[str, float]], bool]) -> Any:
        """Returns the first batch of the last run whose logs fulfil a condition, as a `Moment`.

        Args:
            condition: Called with the logs of a batch, and ``batch_loss``, its own loss.

        Returns:
            The moment; None if no batch fulfils it.

        Raises:
            ValueError: The run was not recorded by a `Recorder`.

        Differs from Keras: new.
        """
        return self._recorded_past("first").first(condition)

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: no way back into the run, nor its data."""
        return {**super().__getstate__(), "past": None, "_rates": self.learning_rates}

    def _recorded_past(self, where: str) -> PastView:
        if self.past is None:
            raise ValueError(
                explain(
                    f"history.{where}",
                    expected="a run that was recorded",
                    received="one that was not",
                    action="Pass a `callbacks.Recorder(...)` to `fit`, or `resume=directory`.",
                )
            )
        return self.past


_RATE = "learning_rates"
"""Under what the times of the learning rates are kept; no log key is called so."""


def told_stop(stop: RunEvent) -> str:
    """Returns who stopped a run, and when."""
    at = place(stop.epoch, stop.batch)
    return f"{stop.by} at {at}" if at else f"{stop.by} before the first epoch"


def _shown(value: float) -> str:
    return f"{value:.4g}"
