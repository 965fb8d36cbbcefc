"""The base class of every callback."""

from typing import Any, Literal

from callbax._core._hooks import Logs, default
from callbax._core._misfits import explain_arguments
from callbax.callbacks._failures import OnFailure
from callbax.callbacks._model_view import ModelView

Execution = Literal["auto", "fused", "exact"]
"""How a callback needs the batches to be run; see `Callback`."""
Processes = Literal["all", "first"]
"""In which processes a callback's hooks are called; see `Callback`."""
_FORMER = {
    "save_best": "It is called `save_best_only`.",
    "metric": "It is called `monitor`.",
}
"""Arguments that newcomers expect -> what to write in their place."""


class Callback:
    """Base of a callback: override the hooks you need, leave the others alone.

    Use it to look at a run, or to steer it, at any batch or epoch of ``fit``, ``evaluate`` and
    ``predict``. A hook that is not overridden is never called and costs nothing. `epoch` and
    `batch` count from 0, and `batch` starts again in every epoch and every validation run.

    ``logs`` is always a dict, the same one for all callbacks of that hook call, so what one adds
    the later ones see. Batch and epoch values are running means over the epoch so far.

    Attributes:
        params: ``{"verbose", "epochs", "steps"}`` of the run; ``None`` before it.
        model: The model being run; ``None`` before it. Reads and writes of its weights are as of
            the batch whose hook is running.
        execution: How this callback needs the batches to be run. ``"fused"``: many steps may run
            in one dispatch before their hooks are called, which changes nothing but the wall
            clock. ``"exact"``: one step per dispatch, so that the time between the begin and the
            end of a batch is the time that batch took. ``"auto"``: exact for a mode (train, test,
            predict) whose two batch hooks are both overridden, as they may then be timing the
            batch; else fused.
        adds_logs: Keys that this very class, not a subclass, adds to the logs; ``None`` if it
            does not say. With it a mistyped ``monitor`` is an error before the first step, without
            it only a warning, as the class may add that key.
        processes: In which processes of a distributed run its hooks are called: ``"all"``, or
            ``"first"``, the one that writes files and prints for all, if it only tells what
            happens and neither reads nor changes the model's state.
        runs_last: Whether its hooks come after those of all others, to see what they left behind.
        on_failure: ``"raise"``: an exception from one of its hooks ends the run. ``"warn"``: it is
            a warning with the traceback, the callback is not called any more, and the run
            continues. Callbacks that log or show have the latter, but not before the first epoch,
            unless it is set on the callback itself or in ``fit``.

    A callback that also defines ``state_dict()`` and ``load_state_dict(state)`` has its state
    saved and restored with the run by `BackupAndRestore`; the state is made of dicts, lists,
    tuples, numbers, strings, None and arrays.

    A copy of a callback, and what is read from a pickle, has no model until it gets a run's own.

    Differs from Keras: `model` may be assigned; a copy has no copy of it; `execution`, `adds_logs`,
    `processes`, `runs_last`, `on_failure`, `on_exception`, `on_validation_end` and `wants_hook`
    are new;
    ``super().__init__()`` need not be called.

    Example:
        >>> class LossPrinter(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(f"epoch {epoch}: {logs['loss']:.2f}")
        >>> LossPrinter().on_epoch_end(0, {"loss": 0.5})
        epoch 0: 0.50
    """

    execution: Execution = "auto"
    adds_logs: tuple[str, ...] | None = None
    processes: Processes = "all"
    runs_last: bool = False
    on_failure: OnFailure = "raise"
    params: dict[str, Any] | None = None
    _model: ModelView | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        explain_arguments(cls, _FORMER)

    @property
    def model(self) -> ModelView | None:
        """The model being run."""
        return self._model

    @model.setter
    def model(self, model: ModelView | None) -> None:
        self._model = model

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook that the class defines has anything to do.

        The list asks it when a run begins and never calls a hook that is not wanted. Override it
        if that depends on settings.

        Args:
            hook: Its name: ``"on_train_batch_end"``.

        Differs from Keras: new.
        """
        return True

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes the parameters of the run, before its first hook."""
        self.params = params

    def set_model(self, model: ModelView | None) -> None:
        """Takes the model, before the first hook of the run."""
        self._model = model

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy or a pickle of it gets: all but the model."""
        return {name: value for name, value in vars(self).items() if name != "_model"}

    @default
    def teardown(self) -> None:
        """Called last, however the run ended: close here what must not stay open.

        After an exception ``on_train_end`` is not called, but this is, and its own failure is
        only a warning. It may be called more than once.

        Differs from Keras: new.
        """

    @default
    def on_exception(self, exception: BaseException) -> None:
        """Called once before `teardown` if an exception ends ``fit``, ``evaluate`` or ``predict``.

        Of every callback, whatever the others do; what it raises itself is a note on the exception,
        which is raised in any case.

        Args:
            exception: What ended the run: also `KeyboardInterrupt`, or `SystemExit` on SIGTERM.

        Differs from Keras: new.
        """

    @default
    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called before the first epoch of ``fit``; `logs` is empty."""

    @default
    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called when ``fit`` ends normally, with the last epoch's metrics."""

    @default
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before the first batch of an epoch; `logs` is empty."""

    @default
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after an epoch and its validation, with metrics and ``val_`` metrics."""

    @default
    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each training batch."""
        self.on_batch_begin(batch, logs=logs)

    @default
    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each training batch, with the metrics over the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    @default
    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_begin`, which forwards to it."""

    @default
    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_end`, which forwards to it."""

    @default
    def on_validation_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each validation that ``fit(validation_freq="500 batches")`` asks for.

        It comes after ``on_train_batch_end`` of that batch and the test hooks of the validation.
        `logs` hold the metrics over the epoch so far and the ``val_`` metrics; the epoch's logs
        repeat the last ``val_`` values, with those that callbacks add here. A validation at an
        epoch's end has no such hook: it is part of ``on_epoch_end``.

        Differs from Keras: new.
        """

    @default
    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before ``evaluate``, and before each validation inside ``fit``."""

    @default
    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after ``evaluate`` or validation, with metrics named without ``val_``."""

    @default
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of ``evaluate`` or validation."""

    @default
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of ``evaluate`` or validation, with the metrics so far."""

    @default
    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called before ``predict``; `logs` is empty."""

    @default
    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called after ``predict``; `logs` is empty."""

    @default
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of ``predict``."""

    @default
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of ``predict``, with ``{"outputs": array}``."""
