"""What callbacks see of a model while it runs."""

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._warnings import warn
from callbax._stores._protocol import RunState
from callbax._stores._tape import Tape
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax.callbacks._model_view import GaugeView
from callbax.models._past import Past
from callbax.models._runs import Runs
from callbax.optimizers import Optimizer

_FLAGS = ("stop_training", "stop_evaluating", "stop_predicting")
"""What hooks set to end a run."""


class Observed:
    """The members of a model that are there for callbacks: as of the batch whose hook is running.

    A subclass makes the parts that they ask.
    """

    _engine: Engine
    _runs: Runs
    _averages: Averages
    first_epoch: int | None

    def __setattr__(self, name: str, value: object) -> None:
        """Sets an attribute; warns of one that is almost a flag, which nothing would ever read."""
        if name.startswith("stop") and name not in _FLAGS and not hasattr(self, name):
            meant = difflib.get_close_matches(name, _FLAGS, n=1, cutoff=0.8)
            if meant:
                warn(
                    f"`model.{name} = {value!r}`: expected one of {', '.join(_FLAGS)}, received "
                    f'"{name}", which ends nothing.\nDid you mean `model.{meant[0]}`?'
                )
        super().__setattr__(name, value)

    @property
    def log_keys(self) -> tuple[str, ...] | None:
        """Keys of the logs at the end of an epoch, sorted; None before the first run."""
        keys = self._engine.log_keys()
        validated = tuple(f"val_{key}" for key in keys) if self._runs.validates else ()
        return tuple(sorted(keys + validated)) or None

    @property
    def batch_loss(self) -> float:
        """The last batch's own loss; logs hold the mean over the epoch so far."""
        return self._engine.batch_loss

    @property
    def current_rate(self) -> float | partial[float] | None:
        """The learning rate at the current batch, if it can be told without work.

        A schedule's is a call that tells it later too, as it takes a while; None if an optimizer
        of another library keeps it.
        """
        optimizer = self._engine.recipe.optimizer
        if not isinstance(optimizer, Optimizer) or optimizer.live.is_hidden:
            return None
        schedule = optimizer.live.schedule
        if schedule is None:
            return self._engine.learning_rate
        return partial(_scheduled, schedule, self._engine.step)

    @property
    def gauge(self) -> GaugeView | None:
        """How many steps the epoch or evaluation under way has, and how long they take."""
        return self._engine.gauge

    @property
    def metric_directions(self) -> Mapping[str, str | None]:
        """Log key -> "up" if more is better, "down" if less is, None if that is unknown."""
        return self._engine.directions()

    @property
    def validates_by_batch(self) -> bool:
        """Whether the current or last `fit` validates within epochs, every n batches."""
        return self._runs.validates_by_batch

    @property
    def is_lead(self) -> bool:
        """Whether this process writes files and prints for all that take part in a run."""
        return self._engine.placement.is_lead

    @property
    def ema_swapped(self) -> bool:
        """Whether the weights and their moving averages have changed places."""
        return self._averages.swapped

    def swap_ema_weights(self) -> None:
        """Exchanges the weights and the averages that an optimizer with ``use_ema`` keeps.

        Raises:
            ValueError: The optimizer keeps none.
        """
        self._averages.swap()

    def as_seen_by(self, callback: object) -> Any:
        """Returns the model that a callback is given: this one."""
        return self

    def past_of(self, tape: Tape) -> Past:
        """Returns what finds the batches of the fit under way, as far as it is recorded."""
        return self._runs.past_of(tape)

    def run_state(self, *, finished: bool = False, whole: bool = True) -> RunState:
        """Returns the fit under way as one value, as of the current batch.

        Args:
            finished: Whether the fit is over.
            whole: Whether to put together what is divided among processes.
        """
        return self._runs.run_state(finished=finished, whole=whole)

    def start_profile(self, log_dir: str) -> None:
        """Starts JAX's profiler; its trace goes below a directory."""
        # What ran ahead has run already; dropped, it runs again, in the trace.
        self._engine.drop_future()
        jax.profiler.start_trace(log_dir)

    def stop_profile(self) -> None:
        """Ends what `start_profile` started and writes the trace."""
        jax.block_until_ready(self._engine.read())
        jax.profiler.stop_trace()

    @property
    def _initial_epoch(self) -> int | None:
        """Keras's name of `first_epoch`, which its own `BackupAndRestore` sets."""
        return self.first_epoch

    @_initial_epoch.setter
    def _initial_epoch(self, epoch: int | None) -> None:
        self.first_epoch = epoch


def _scheduled(schedule: Callable[..., Any], step: int) -> float:
    return float(schedule(jnp.int32(step)))
