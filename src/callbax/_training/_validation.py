"""Validation inside ``fit``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from callbax._core._at_end import AtEnd
from callbax._core._frequency import Frequency
from callbax._core._hooks import Logs
from callbax._data._feed import Feed, Targets
from callbax._training import _loop
from callbax._training._engine import Engine
from callbax._training._run_hooks import RunHooks


class Validation:
    """Evaluates the validation data at the ends of epochs, or every n batches.

    For the latter it joins the callbacks, after the others, as their hooks of a batch come first,
    and before those that run last, as a backup of a batch holds its validation.

    Args:
        engine: What runs the module.
        feed: The validation data, read from their beginning each time.
        steps: Batches of it; None takes all.
        is_due: Epoch, counted from 0 -> whether to validate at its end.
        frequency: After which batches to validate.
    """

    execution = "fused"
    belongs_to_run = True
    adds_logs: tuple[str, ...] = ()
    _hooks: RunHooks
    _flags: _loop.Flags

    def __init__(
        self,
        engine: Engine,
        feed: Feed,
        steps: int | None,
        is_due: Callable[[int], bool],
        frequency: Frequency,
    ) -> None:
        self._engine, self._feed, self._steps = engine, feed, steps
        self._is_due, self._frequency = is_due, frequency
        self._latest: Logs = {}
        self._readings = self._batches = 0

    @property
    def readings(self) -> tuple[int, int]:
        """How often the data were read, and how many batches in all."""
        return self._readings, self._batches

    def skip(self, readings: int, batches: int) -> None:
        """Lets the next reading be the one after those of a recorded run."""
        self._readings, self._batches = readings, batches
        if readings:
            self._feed.skip_readings(readings, batches)

    def identity(self) -> dict[str, str]:
        """Returns what the data are, and how they are read: name -> value."""
        data = {f"validation.{name}": value for name, value in self._feed.identity().items()}
        return data | {"validation.steps": str(self._steps)}

    @property
    def by_batch(self) -> bool:
        """Whether it validates within epochs."""
        return self._frequency.by_batch

    @property
    def targets(self) -> Targets | None:
        """The targets of the validation data if they are arrays."""
        return self._feed.targets

    @contextmanager
    def within(self, hooks: RunHooks, flags: _loop.Flags) -> Iterator[None]:
        """Validates with the callbacks of a fit while it lasts; after it the data are closed.

        Args:
            hooks: The callbacks.
            flags: Whose ``stop_evaluating`` to obey.
        """
        self._hooks, self._flags = hooks, flags
        joined = hooks.joined_by(self) if self.by_batch else nullcontext()
        with AtEnd(lambda error: self._feed.close()), joined:
            self._feed.open()
            yield

    def at_epoch_end(self, epoch: int) -> Logs:
        """Returns the metrics for the epoch's logs: of now, or of its last validation, if any."""
        if not self._is_due(epoch):
            latest, self._latest = self._latest, {}
            return latest
        results = self._run(interrupted=self._hooks.save_interrupted)
        self._latest = {}
        return results

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Validates if it is due."""
        if self._frequency.batch_ended():
            results = {f"val_{key}": value for key, value in self._run().items()}
            logs = dict(sorted({**(logs or {}), **results}.items()))
            self._hooks.on_validation_end(batch, logs)
            self._latest = {
                key.removeprefix("val_"): value
                for key, value in logs.items()
                if key.startswith("val_")
            }

    def state_dict(self) -> dict[str, Any]:
        """Returns the count of batches and what the epoch's logs are still to get."""
        return {"latest": dict(self._latest), **self._frequency.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state."""
        self._latest = dict(state["latest"])
        self._frequency.load_state_dict(state)

    def _run(self, interrupted: Callable[[], None] | None = None) -> Logs:
        with self._engine.running("test", self._feed, self._hooks) as line:
            line.rows.spans = self._hooks.spans
            logs = _loop.evaluate(
                line, self._hooks, self._flags, self._steps, interrupted=interrupted
            )
            self._readings, self._batches = self._readings + 1, self._batches + line.moved
        return logs
