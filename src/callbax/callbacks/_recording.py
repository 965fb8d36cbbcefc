"""What callbacks that record the whole run have in common."""

from typing import Any, Generic, Protocol, TypeVar

from callbax._core._frequency import Frequency, FrequencySetting
from callbax._core._hooks import Logs
from callbax._core._spans import Spans
from callbax._stores._protocol import RunState, RunStore
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._checks import overrides
from callbax.callbacks._model_view import is_in_lead, model_of

Store = TypeVar("Store", bound=RunStore)


class Traced(Protocol):
    """What a recording callback asks of the list that it is in."""

    @property
    def spans(self) -> Spans:
        """Where is told what took how long."""


class Recording(Callback, Generic[Store]):
    """Records the run when it begins, every now and then, and when a signal interrupts it.

    The hooks of such a callback run after those of all others, whatever its place in the list: a
    batch or epoch counts as done when every callback has seen its end.

    Invariant: from its first hook to its `teardown` a fit holds the store, and so the directory;
    ``fit`` asks for it and reads it before that hook.
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()
    runs_last: bool = True
    save_freq: FrequencySetting = FrequencySetting("Invalid value for argument `save_freq`.")
    _frequency: Frequency

    def __init__(self) -> None:
        super().__init__()
        self._store: Store | None = None
        self._is_new = False
        self._spans: Spans | None = None

    def set_callback_list(self, hooks: Traced) -> None:
        """Takes the list that it is in."""
        self._spans = hooks.spans

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: none of batches if saves are by epoch."""
        decides = overrides(self, "_should_save_on_batch", Recording)
        return hook != "on_train_batch_end" or self._frequency.by_batch or decides

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Records a run that has no record yet, as other callbacks may write files from now on."""
        self._frequency.start()
        if self._is_new:
            self._is_new = False
            self._save_model()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Records the run if it is due."""
        if self._should_save_on_batch(batch):
            self._save_model()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the run if it is due."""
        if self._frequency.epoch_ended():
            self._save_model()

    def save_interrupted(self) -> None:
        """Records a run that a signal ends at the end of a batch, whatever is due."""
        if self._store is not None:
            self._save_model()

    def teardown(self) -> None:
        """Waits for what is being written, and lets the next fit use the directory."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: it opens a store of its own."""
        return {**super().__getstate__(), "_store": None, "_spans": None}

    def state_dict(self) -> dict[str, Any]:
        """Returns the count of epochs or batches since the last record."""
        return self._frequency.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``."""
        self._frequency.load_state_dict(state)

    # For subclasses; the names are Keras's.

    def _should_save_on_batch(self, batch: int) -> bool:
        """Counts a batch; returns whether a record is due after it."""
        return self._frequency.batch_ended()

    def _save_model(self) -> None:
        """Records the run."""
        # A run that was asked to stop has no next batch to resume at; the record before leads
        # to the same end.
        model = model_of(self)
        if not model.stop_training:
            divided = self._store is not None and self._store.divided
            run = model.run_state(whole=not divided)  # in every process
            if divided or is_in_lead(self):
                self._write(run)

    def _write(self, run: RunState) -> None:
        """Writes a state of the run."""
        raise NotImplementedError
