"""What a recorded run asks of its callbacks, and tells of them when it continues."""

from collections.abc import Iterable
from typing import Any, cast

from callbax._core._errors import explain
from callbax._core._frequency import Frequency
from callbax._core._warnings import warn
from callbax._stores._protocol import RunState, RunStore
from callbax.callbacks.checkpoint import Checkpoint
from callbax.callbacks.recorder import Recorder


def run_store_of(callbacks: Iterable[Any]) -> RunStore | None:
    """Returns where a run is recorded: in that of the first callback that has one.

    Raises:
        ValueError: There is a `Checkpoint` beside another one.
    """
    recording = [callback for callback in callbacks if hasattr(type(callback), "run_store")]
    if any(isinstance(callback, Checkpoint) for callback in recording[1:]):
        names = ", ".join(type(callback).__name__ for callback in recording)
        raise ValueError(
            explain(
                "fit(resume=..., callbacks=...)",
                expected="one callback that records the run",
                received=f"{len(recording)}: {names}",
                action="Leave out all but one: `resume` makes a `Checkpoint` of its own.",
            )
        )
    return cast(RunStore, recording[0].run_store()) if recording else None


def reads_every(callbacks: Iterable[Any]) -> int | None:
    """Returns after how many batches, the fewest, one of them is set to look at the model."""
    frequencies = (getattr(callback, "__dict__", {}).get("_frequency") for callback in callbacks)
    known = [each.batches for each in frequencies if isinstance(each, Frequency)]
    return min((batches for batches in known if batches is not None), default=None)


def recorders_of(callbacks: Iterable[Any]) -> list[Recorder]:
    """Returns what records a run so that its batches can be visited later."""
    recorders = (getattr(callback, "recorder", None) for callback in callbacks)
    return [recorder for recorder in recorders if isinstance(recorder, Recorder)]


def save_interrupted(callbacks: Iterable[Any]) -> None:
    """Lets those that record the run do so, as a signal ends it."""
    for callback in callbacks:
        if (save := getattr(type(callback), "save_interrupted", None)) is not None:
            save(callback)


def warn_of_forgotten(callbacks: Iterable[Any], run: RunState) -> None:
    """Warns of callbacks that are there again, had changed, and have no state.

    Args:
        callbacks: Those of the run that continues.
        run: The state that it continues from.
    """
    names = {type(callback).__name__ for callback in callbacks}
    forgotten = [text for text in run.forgotten if text.split(" (")[0] in names]
    if forgotten:
        warn(
            f"Not restored, as these callbacks have no `state_dict`: {', '.join(forgotten)}. "
            "They start afresh; what they keep may differ from that of an uninterrupted run."
        )


def describe_resumed(run: RunState) -> str:
    """Returns where a run continues, what was restored, and what was read again.

    Args:
        run: The state that it continues from.
    """
    if run.finished is not None:
        return f"The fit was over after epoch {run.epoch}, at step {run.steps}: nothing to train."
    restored = ["weights", "optimizer", "metrics", "random generators", *(run.callbacks or ())]
    lines = [
        f"Resuming in epoch {run.epoch + 1} after {run.batch} batches, at step {run.steps}.",
        f"  restored: {', '.join(restored)}",
    ]
    if any(run.digests):
        passes = f"{run.passes} pass{'es' * (run.passes != 1)} and " if run.passes else ""
        lines.append(f"  read again: {passes}{run.pass_done} batches of the training data")
    if times := run.validations[0]:
        lines.append(f"  read before: validation data, {times} time{'s' * (times != 1)}")
    return "\n".join(lines)
