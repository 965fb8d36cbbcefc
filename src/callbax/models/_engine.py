"""Where the parts are joined: module, optimizer, losses, data, hooks and the timeline."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from callbax._core._errors import explain
from callbax._core._hooks import Mode
from callbax._core._rng import SeedSource
from callbax._core._types import PyTree
from callbax._data._device import device_memory
from callbax._data._feed import Feed
from callbax._training._compile import Programs, loops_well
from callbax._training._module import Arrays, FunctionalModule
from callbax._training._objective import Goals, Objective
from callbax._training._pace import Pace, StepsPerExecution
from callbax._training._state import RestingState, StateSource, TrainState
from callbax._training._step import Step, predict_step, test_step, train_step
from callbax._training._timeline import Timeline
from callbax.callbacks import CallbackList
from callbax.layers._layer import keras_order
from callbax.optimizers import Optimizer

LARGE_STATE = 0.2
"""Share of the device's memory from which on a second copy of the state is too many."""
_TRAINED = ("params", "stats", "random", "optimizer", "step", "learning_rate")
"""Fields of a state that outlive the run in which they changed."""


class Engine:
    """Runs one module: holds its state, its programs and the way from the one to the other.

    Args:
        module: The module; its arrays may be missing until `build`.
        seeds: Where the seed of shuffling comes from.
    """

    def __init__(self, module: nnx.Module, seeds: SeedSource) -> None:
        self._module, self._seeds = module, seeds
        self._functional: FunctionalModule | None = None
        self._source: StateSource | None = None
        self._hooks: CallbackList | None = None
        self._weight_paths: list[str] | None = None
        self._shuffle_seed: int | None = None
        self._objective: Objective | None = None
        self._programs: dict[str, Programs] = {}
        self.optimizer: Optimizer | None = None
        self.goals = Goals()
        self.steps_per_execution: StepsPerExecution = "auto"

    # State

    @property
    def source(self) -> StateSource:
        """Where the state at the current batch is."""
        if self._source is None:
            self._source = RestingState(self._initial_state())
            if self.optimizer is not None:
                self.optimizer.bind(self)
        return self._source

    @property
    def functional(self) -> FunctionalModule:
        """The module as a pure function; made when first needed, as its arrays must exist."""
        if self._functional is None:
            self._functional = FunctionalModule(self._module)
        return self._functional

    @property
    def step(self) -> int:
        """Training steps taken at the current batch."""
        return self.source.step

    @property
    def learning_rate(self) -> float:
        """The learning rate in force at the current batch."""
        return float(self.source.learning_rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        state = self.source.state
        self.source.state = state.replace(learning_rate=jax.device_put(np.float32(value)))

    @property
    def batch_loss(self) -> float:
        """The last batch's own loss; NaN outside a run."""
        return self._source.batch_loss if isinstance(self._source, Timeline) else float("nan")

    @property
    def module(self) -> nnx.Module:
        """The module as of the current batch; what is changed in it counts."""
        if isinstance(self._source, Timeline):
            self._write(self._source.lend(self))
            if self._hooks is not None:
                self._hooks.after_hook(self._source.settle)
        return self._module

    def collect(self, state: TrainState) -> TrainState:
        """Returns the state with what was changed in the live module."""
        read = self._read()
        changed = {
            name: arrays
            for name, arrays in read.items()
            if any(arrays.get(path) is not value for path, value in getattr(state, name).items())
            or len(arrays) != len(getattr(state, name))
        }
        return state.replace(**changed) if changed else state

    def reread(self) -> None:
        """Takes the module as it is now: its parts may have changed; the optimizer starts afresh.

        Raises:
            RuntimeError: A run is under way.
        """
        if isinstance(self._source, Timeline):
            raise RuntimeError(
                explain(
                    "model.compile",
                    expected="no run under way",
                    received="a call from inside a hook",
                    action="Set weights or the learning rate in hooks; compile between runs.",
                )
            )
        self._source, self._functional, self._weight_paths = None, None, None
        self._objective, self._programs = None, {}

    def compile(
        self, optimizer: Optimizer, goals: Goals, steps_per_execution: StepsPerExecution
    ) -> None:
        """Takes an optimizer and goals, all checked."""
        self.reread()
        if self.optimizer is not None:
            self.optimizer.unbind()
        self.optimizer, self.goals = optimizer, goals
        self.steps_per_execution = steps_per_execution

    def weights(self) -> list[np.ndarray]:
        """Returns copies of all weights at the current batch, in Keras's order."""
        state = self.settled()
        arrays = state.params | state.stats
        return [np.array(arrays[path]) for path in self.weight_paths()]

    def set_weights(self, weights: list[Any]) -> None:
        """Replaces all weights at the current batch; lengths and shapes are checked before."""
        state, paths = self.settled(), self.weight_paths()
        arrays = state.params | state.stats
        expected = [arrays[path].shape for path in paths]
        received = [np.shape(weight) for weight in weights]
        if received != expected:
            raise ValueError(
                explain(
                    "model.set_weights",
                    expected=f"{len(expected)} weights of shapes {expected}",
                    received=f"{len(received)} of shapes {received}",
                    action="Pass what `get_weights` of an equal model returned.",
                )
            )
        new = {
            path: jnp.array(weight, arrays[path].dtype)
            for path, weight in zip(paths, weights, strict=True)
        }
        self.replace(
            params={path: new.get(path, value) for path, value in state.params.items()},
            stats={path: new.get(path, value) for path, value in state.stats.items()},
        )

    def weight_paths(self) -> list[str]:
        """Returns the paths of all weights in Keras's order."""
        if self._weight_paths is None:
            ordered = keras_order(self._module)
            self._weight_paths = ["/".join(map(str, path)) for path, _ in ordered]
        return self._weight_paths

    # Building

    def objective(self, batch: PyTree) -> Objective:
        """Returns the losses and metrics, bound to the shapes of a first batch.

        Args:
            batch: ``(x, y, sample_weight)``, arrays or their shapes and dtypes.
        """
        if self._objective is None:
            x, y, _ = batch
            _, y_pred = self.functional.trace(x)
            self._objective = Objective(self.goals, y, y_pred)
        return self._objective

    def directions(self) -> dict[str, str | None]:
        """Returns log key -> "up", "down" or None, as far as known."""
        return {} if self._objective is None else self._objective.directions

    def log_keys(self) -> tuple[str, ...]:
        """Returns the names of what is reported, the loss first, as far as known."""
        return () if self._objective is None else self._objective.keys

    @property
    def shuffle_seed(self) -> int:
        """The seed of the orders in which arrays are read."""
        if self._shuffle_seed is None:
            self._shuffle_seed = self._seeds.draw()
        return self._shuffle_seed

    # Running

    @contextmanager
    def running(self, mode: Mode, feed: Feed, hooks: CallbackList) -> Iterator[Timeline]:
        """Makes a timeline the place of the state for as long as a run lasts.

        Whatever ends the run, the state at the cursor is what remains. Changes that hooks make
        during an evaluation count for the run around it.

        Args:
            mode: "train", "test" or "predict".
            feed: Where the batches come from.
            hooks: The callbacks of the run.
        """
        state, outer, spec = self.settled(), self.source, feed.spec(self.step)
        empty = () if mode == "predict" else self.objective(spec).empty
        start = state.replace(metrics=empty)
        programs = self._program(mode, spec[0])
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(start))
        overwrite = size > LARGE_STATE * device_memory() and self.steps_per_execution == "auto"
        exact = hooks.needs_exact(mode) and self.steps_per_execution == "auto"
        timeline = Timeline(
            programs,
            start,
            feed,
            Pace(
                self.steps_per_execution,
                programs.step_time(spec),
                single=exact or overwrite or not programs.looped,
            ),
            empty_metrics=empty,
            exact=exact,
            overwrite=overwrite,
        )
        outer_hooks = self._hooks
        self._source, self._hooks = timeline, hooks
        try:
            yield timeline
        finally:
            end = timeline.close()
            self._source, self._hooks = outer, outer_hooks
            changed = {
                name: getattr(end, name)
                for name in _TRAINED
                if getattr(end, name) is not getattr(start, name)
            }
            if changed:
                self.replace(**changed)

    def position(self) -> dict[str, Any]:
        """Returns where in the data the run is, as plain numbers."""
        return self._source.position() if isinstance(self._source, Timeline) else {}

    def restore_position(self, recorded: dict[str, Any]) -> None:
        """Moves the run that begins to a recorded place in the data."""
        self._shuffle_seed = recorded["shuffle_seed"]
        if isinstance(self._source, Timeline):
            self._source.restore_position(recorded, self.shuffle_seed)

    def forward(self, x: PyTree, *, training: bool) -> PyTree:
        """Calls the module as of the current batch, its statistics left alone."""
        state = self.settled()
        y_pred, _ = self.functional.apply(
            state.params, state.stats, state.random, x, training=training, step=state.step
        )
        return y_pred

    def traces(self) -> dict[str, int]:
        """Returns how often each mode's programs were traced."""
        return {mode: programs.traces for mode, programs in self._programs.items()}

    # Inside

    def _program(self, mode: str, x: PyTree) -> Programs:
        if mode not in self._programs:
            jaxpr, _ = self.functional.trace(x)
            self._programs[mode] = Programs(self._step(mode), looped=loops_well(jaxpr))
        return self._programs[mode]

    def _step(self, mode: str) -> Step:
        if mode == "predict" or self._objective is None:
            return predict_step(self.functional)
        if mode == "test" or self.optimizer is None:
            return test_step(self.functional, self._objective)
        return train_step(self.functional, self._objective, self.optimizer)

    def _initial_state(self) -> TrainState:
        """Takes the module's arrays, which must all exist, and starts the optimizer."""
        arrays = self._read()
        rate, optimizer_state = 0.0, ()
        if self.optimizer is not None:
            rate = self.optimizer.initial_learning_rate or 0.0
            # In one program: array by array costs a compilation each, and leaves weak dtypes.
            optimizer_state = jax.jit(self.optimizer.init)(arrays["params"])
        return TrainState(
            **arrays,
            optimizer=optimizer_state,
            metrics=(),
            step=jax.device_put(np.int32(0)),
            learning_rate=jax.device_put(np.float32(rate)),
        )

    def settled(self) -> TrainState:
        """Returns the state, first taking in what was changed in the live module between runs."""
        if isinstance(self.source, RestingState):
            self.source.state = self.collect(self.source.state)
        return self.source.state

    def replace(self, **changes: Any) -> None:
        """Replaces fields of the state at the current batch."""
        self.source.state = self.source.state.replace(**changes)
        if isinstance(self.source, RestingState):
            self._write(self.source.state)

    def _read(self) -> dict[str, Arrays]:
        params, stats, random = self.functional.read()
        return {"params": params, "stats": stats, "random": random}

    def _write(self, state: TrainState) -> None:
        self.functional.write(state.params, state.stats, state.random)
