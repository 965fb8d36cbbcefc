"""The loop: epochs, batches, and every hook in Keras's order. It never looks at a device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from callbax._core._hooks import Hooks, Logs, Mode
from callbax._core._warnings import warn
from callbax._training._run_hooks import RunHooks


class Line(Protocol):
    """What the loop needs of a timeline."""

    def start_epoch(self, steps: int | None, *, done: int = 0) -> None: ...
    def next_size(self) -> int | None: ...
    def advance(self, *, whole: bool = False) -> int: ...
    def logs(self) -> Logs: ...
    def outputs(self, *, copy: bool = False) -> Any: ...


class Flags(Protocol):
    """What callbacks set to stop a run, or to start it elsewhere."""

    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    first_epoch: int | None
    """The epoch to start in, as Keras's own `BackupAndRestore` sets it in ``on_train_begin``."""


@dataclass(frozen=True)
class Epochs:
    """Which epochs to train, counted from 0.

    Attributes:
        first: The first one.
        end: The one after the last.
        steps: Batches in each; None goes through the data.
    """

    first: int
    end: int
    steps: int | None


@dataclass
class Progress:
    """How far a training run has come.

    Attributes:
        epoch: The epoch, counted from 0; one whose end hook is due counts as the next.
        batch: Batches of it that are done.
    """

    epoch: int
    batch: int = 0


def train(
    line: Line,
    hooks: RunHooks,
    flags: Flags,
    epochs: Epochs,
    validate: Callable[[int], Logs | None],
    finish: Callable[[], None],
    *,
    progress: Progress,
    recorded: Mapping[str, Any] | None = None,
) -> None:
    """Trains, calling hooks in Keras's order (https://keras.io/api/callbacks/).

    A stop requested in the middle of an epoch still validates and still ends the epoch; a stop
    requested before the first batch still trains that batch.

    Args:
        line: The timeline to move along.
        hooks: Whom to call.
        flags: Whose ``stop_training`` to obey.
        epochs: Which epochs to train.
        validate: Epoch -> metrics of the validation data, None if it is not due.
        finish: Called after the last epoch, before the last hook, unless an exception ends the run.
        progress: Where the run starts, an epoch that had begun included; it is kept up to date for
            whoever takes the state of the run in a hook.
        recorded: States of the callbacks if the run continues a recorded one. The hook of an epoch
            that had begun is not called again.
    """
    flags.stop_training, flags.first_epoch = False, None
    logs: Logs = {}
    hooks.on_train_begin({})
    if recorded is not None:
        hooks.resume(progress.epoch, recorded)
    elif flags.first_epoch is not None:
        progress.epoch = flags.first_epoch
    for epoch in range(progress.epoch, epochs.end):
        progress.epoch = epoch
        line.start_epoch(epochs.steps, done=progress.batch)
        if progress.batch == 0:
            hooks.on_epoch_begin(epoch, {})
        if _batches("train", line, hooks, flags, line.logs, progress):
            _warn_if_short(progress.batch, epochs.steps)
        logs = line.logs()
        for key, value in (validate(epoch) or {}).items():
            logs[f"val_{key}"] = value
        logs = dict(sorted(logs.items()))
        progress.epoch, progress.batch = epoch + 1, 0
        hooks.on_epoch_end(epoch, dict(logs))
        if flags.stop_training:
            break
    finish()
    hooks.on_train_end(logs)


def evaluate(line: Line, hooks: Hooks, flags: Flags, steps: int | None) -> Logs:
    """Evaluates and returns the metrics; obeys ``stop_evaluating``."""
    flags.stop_evaluating = False
    hooks.on_test_begin({})
    line.start_epoch(steps)
    progress = Progress(0)
    if _batches("test", line, hooks, flags, line.logs, progress):
        _warn_if_short(progress.batch, steps)
    logs = line.logs()
    hooks.on_test_end(dict(logs))
    return logs


def predict(line: Line, hooks: Hooks, flags: Flags, steps: int | None) -> list[Any]:
    """Predicts and returns the outputs batch by batch; obeys ``stop_predicting``."""
    flags.stop_predicting = False
    outputs: list[Any] = []
    hooks.on_predict_begin({})
    line.start_epoch(steps)

    def logs() -> Logs:
        return {"outputs": line.outputs(copy=True)}  # hooks may write to theirs, as in Keras

    def keep() -> None:
        outputs.append(line.outputs())

    if _batches("predict", line, hooks, flags, logs, Progress(0), keep):
        _warn_if_short(len(outputs), steps)
    hooks.on_predict_end({})
    return outputs


_STOPS = {"train": "stop_training", "test": "stop_evaluating", "predict": "stop_predicting"}
"""Names of the flags that stop a run, by mode."""


def _warn_if_short(done: int, steps: int | None) -> None:
    if steps is not None and done < steps:
        warn(
            f"Your input ran out of data after {done} of {steps} batches; the run continues "
            "without the others. Let the data have at least `steps_per_epoch * epochs` batches."
        )


def _batches(
    mode: Mode,
    line: Line,
    hooks: Hooks,
    flags: Flags,
    logs: Callable[[], Logs],
    progress: Progress,
    keep: Callable[[], None] | None = None,
) -> bool:
    """Moves along the batches of an epoch, hooks included; counts them in `progress`.

    No generator: that would turn a `StopIteration` from a hook into another error.

    Returns:
        Whether it came to the end, rather than being stopped.
    """
    begin, end = f"on_{mode}_batch_begin", f"on_{mode}_batch_end"
    on_begin = getattr(hooks, begin) if hooks.wants(begin) else None
    on_end = getattr(hooks, end) if hooks.wants(end) else None
    stop = _STOPS[mode]
    # Predictions are handed over batch by batch, and a run that was to stop takes a single batch.
    whole = on_begin is on_end is None and mode != "predict" and not getattr(flags, stop)
    while (size := line.next_size()) is not None:
        batch = progress.batch
        if on_begin is not None:
            on_begin(batch, {"batch": batch, "size": size})
        progress.batch += line.advance(whole=whole)
        if on_end is not None:
            on_end(batch, logs())
        if keep is not None:
            keep()
        if getattr(flags, stop):
            return False
    return True
