"""The loop: epochs, batches, and every hook in Keras's order. It never looks at a device."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from callbax._core._hooks import Hooks, Logs, Mode


class Line(Protocol):
    """What the loop needs of a timeline."""

    def start_epoch(self, steps: int | None, *, done: int = 0) -> None: ...
    def next_size(self) -> int | None: ...
    def advance(self, *, whole: bool = False) -> int: ...
    def logs(self) -> Logs: ...
    def outputs(self) -> Any: ...


class Flags(Protocol):
    """What callbacks set to stop a run."""

    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    resume_point: tuple[int, int] | None
    """Epoch and batches of it that are done, if the run goes on from a recorded one."""


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


def train(
    line: Line,
    hooks: Hooks,
    flags: Flags,
    epochs: Epochs,
    validate: Callable[[int], Logs | None],
    finish: Callable[[], None],
) -> None:
    """Trains, calling hooks in Keras's order (https://keras.io/api/callbacks/).

    A stop requested in the middle of an epoch still validates and still ends the epoch; a stop
    requested before the first batch still trains that batch.

    Args:
        line: The timeline to move along.
        hooks: Whom to call.
        flags: Whose ``stop_training`` to obey.
        epochs: Which epochs to train.
        validate: Epoch -> metrics of the validation data, None where it is not due.
        finish: Called after the last epoch, before the last hook, unless an exception ends the run.
    """
    flags.stop_training = False
    logs: Logs = {}
    hooks.on_train_begin({})
    (first, at), flags.resume_point = flags.resume_point or (epochs.first, 0), None
    for epoch in range(first, epochs.end):
        line.start_epoch(epochs.steps, done=at)
        hooks.on_epoch_begin(epoch, {})
        done = at
        for done in _batches("train", line, hooks, flags, line.logs, at):  # noqa: B007  counts
            if flags.stop_training:
                break
        else:
            _warn_if_short(done, epochs.steps)
        logs = line.logs()
        for key, value in (validate(epoch) or {}).items():
            logs[f"val_{key}"] = value
        logs = dict(sorted(logs.items()))
        hooks.on_epoch_end(epoch, dict(logs))
        at = 0
        if flags.stop_training:
            break
    finish()
    hooks.on_train_end(logs)


def evaluate(line: Line, hooks: Hooks, flags: Flags, steps: int | None) -> Logs:
    """Evaluates and returns the metrics; obeys ``stop_evaluating``."""
    flags.stop_evaluating = False
    hooks.on_test_begin({})
    line.start_epoch(steps)
    done = 0
    for done in _batches("test", line, hooks, flags, line.logs):  # noqa: B007  counts
        if flags.stop_evaluating:
            break
    else:
        _warn_if_short(done, steps)
    logs = line.logs()
    hooks.on_test_end(dict(logs))
    return logs


def predict(line: Line, hooks: Hooks, flags: Flags, steps: int | None) -> list[Any]:
    """Predicts and returns the outputs batch by batch; obeys ``stop_predicting``."""
    flags.stop_predicting = False
    outputs = []
    hooks.on_predict_begin({})
    line.start_epoch(steps)
    for _ in _batches("predict", line, hooks, flags, lambda: {"outputs": line.outputs()}):
        outputs.append(line.outputs())
        if flags.stop_predicting:
            break
    else:
        _warn_if_short(len(outputs), steps)
    hooks.on_predict_end({})
    return outputs


_STOPS = {"train": "stop_training", "test": "stop_evaluating", "predict": "stop_predicting"}
"""Names of the flags that stop a run, by mode."""


def _warn_if_short(done: int, steps: int | None) -> None:
    if steps is not None and done < steps:
        warnings.warn(
            f"Your input ran out of data after {done} of {steps} batches; the run goes on without "
            "the others. Let the data have at least `steps_per_epoch * epochs` batches.",
            stacklevel=5,
        )


def _batches(
    mode: Mode,
    line: Line,
    hooks: Hooks,
    flags: Flags,
    logs: Callable[[], Logs],
    done: int = 0,
) -> Iterator[int]:
    """Moves along the batches of an epoch, hooks included; yields how many are done."""
    begin, end = f"on_{mode}_batch_begin", f"on_{mode}_batch_end"
    on_begin = getattr(hooks, begin) if hooks.wants(begin) else None
    on_end = getattr(hooks, end) if hooks.wants(end) else None
    # Predictions are handed over batch by batch, and a run that was to stop takes a single batch.
    whole = on_begin is on_end is None and mode != "predict" and not getattr(flags, _STOPS[mode])
    batch = done
    while (size := line.next_size()) is not None:
        if on_begin is not None:
            on_begin(batch, {"batch": batch, "size": size})
        moved = line.advance(whole=whole)
        if on_end is not None:
            on_end(batch, logs())
        batch += moved
        yield batch
