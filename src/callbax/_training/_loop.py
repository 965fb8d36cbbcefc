"""The loop: epochs, batches, and every hook in Keras's order. It never looks at a device."""

from collections.abc import Callable
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
    def stops(self, wanted: bool) -> bool: ...
    def ends_epoch(self, wanted: bool) -> bool: ...
    def check_interrupts(self, first: Callable[[], None] | None) -> None: ...
    def logs(self) -> Logs: ...
    def outputs(self, *, copy: bool = False) -> Any: ...
    def last_outputs(self, batches: int) -> list[Any]: ...


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
        begun: Whether it has begun.
    """

    epoch: int
    batch: int = 0
    begun: bool = False


def train(
    line: Line,
    hooks: RunHooks,
    flags: Flags,
    epochs: Epochs,
    validate: Callable[[int], Logs | None],
    finish: Callable[[], None],
    *,
    progress: Progress,
    resume: Callable[[], None] | None = None,
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
        resume: Puts a recorded run in place, states of callbacks included, if there is one: after
            their hook of the beginning, which sees what it saw in that run. The hook of an epoch
            that had begun is not called again.
    """
    flags.stop_training, flags.first_epoch = False, None
    logs: Logs = {}
    hooks.on_train_begin({})
    if resume is not None:
        resume()
    elif flags.first_epoch is not None:
        progress.epoch = flags.first_epoch
    for epoch in range(progress.epoch, epochs.end):
        progress.epoch = epoch
        line.start_epoch(epochs.steps, done=progress.batch)
        progress.begun = True
        if progress.batch == 0:
            hooks.on_epoch_begin(epoch, {})
        save = hooks.save_interrupted
        if _batches("train", line, hooks, flags, line.logs, progress, interrupted=save):
            _warn_if_short(progress.batch, epochs.steps)
        logs = line.logs()
        for key, value in (validate(epoch) or {}).items():
            logs[f"val_{key}"] = value
        logs = dict(sorted(logs.items()))
        progress.epoch, progress.batch, progress.begun = epoch + 1, 0, False
        hooks.on_epoch_end(epoch, dict(logs))
        if line.ends_epoch(flags.stop_training):
            flags.stop_training = True  # as another process may have wanted it
            break
        line.check_interrupts(hooks.save_interrupted)
    finish()
    hooks.on_train_end(logs)


def evaluate(
    line: Line,
    hooks: Hooks,
    flags: Flags,
    steps: int | None,
    *,
    interrupted: Callable[[], None] | None = None,
) -> Logs:
    """Evaluates and returns the metrics; obeys ``stop_evaluating``.

    Args:
        line: The timeline to move along.
        hooks: Whom to call.
        flags: Whose flag to obey.
        steps: Batches to take; None goes through the data.
        interrupted: Called before a signal is raised for.
    """
    flags.stop_evaluating = False
    hooks.on_test_begin({})
    line.start_epoch(steps)
    progress = Progress(0)
    if _batches("test", line, hooks, flags, line.logs, progress, interrupted=interrupted):
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

    def keep(moved: int) -> None:
        outputs.extend(line.last_outputs(moved))

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
    keep: Callable[[int], None] | None = None,
    *,
    interrupted: Callable[[], None] | None = None,
) -> bool:
    """Moves along the batches of an epoch, hooks included; counts them in `progress`.

    `keep` is told over how many batches it has moved. A signal that came meanwhile is raised for at
    a batch's end, after `interrupted` was called.

    No generator: that would turn a `StopIteration` from a hook into another error.

    Returns:
        Whether it came to the end, rather than being stopped.
    """
    begin, end = f"on_{mode}_batch_begin", f"on_{mode}_batch_end"
    on_begin = getattr(hooks, begin) if hooks.wants(begin) else None
    on_end = getattr(hooks, end) if hooks.wants(end) else None
    stop = _STOPS[mode]
    # A run that was to stop takes a single batch.
    whole = on_begin is on_end is None and not getattr(flags, stop)
    while (size := line.next_size()) is not None:
        batch = progress.batch
        if on_begin is not None:
            on_begin(batch, {"batch": batch, "size": size})
        moved = line.advance(whole=whole)
        progress.batch += moved
        if on_end is not None:
            on_end(batch, logs())
        if keep is not None:
            keep(moved)
        if line.stops(getattr(flags, stop)):
            setattr(flags, stop, True)
            return False
        line.check_interrupts(interrupted)
    return True
