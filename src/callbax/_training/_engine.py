"""What runs a module: its state, its programs, and the way from the one to the other."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import jax
import numpy as np

from callbax._core._at_end import AtEnd
from callbax._core._errors import explain
from callbax._core._hooks import Mode
from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._data._feed import Feed
from callbax._data._placement import Placement
from callbax._modules._own_training import OwnState
from callbax._modules._protocol import Functional, Variables
from callbax._training._calls import Draws, call
from callbax._training._gauge import Gauge
from callbax._training._lines import Lines, already_training
from callbax._training._mode_programs import ModePrograms
from callbax._training._native import NativeRecipe
from callbax._training._pace import Pace
from callbax._training._peers import Alone, Peers, Together
from callbax._training._recipe import Recipe, Report
from callbax._training._rest import Rest
from callbax._training._state import TrainState, own
from callbax._training._step import Fields
from callbax._training._timeline import Timeline

_TRACED: ContextVar[tuple["Engine", Variables, Array] | None] = ContextVar("traced", default=None)
"""Variables and number of the step that is being traced; other threads see the state as ever."""
_NOTHING: Any = TrainState(*[object()] * 9)  # type: ignore[arg-type]
"""A state that differs from every other in all fields."""
LARGE_STATE = 0.1
"""Share of the device's memory from which on a second copy of the state is too many."""
_OPTIMIZED = ("optimizer", "step", "learning_rate", "hyperparameters")
_TRAINED = ("params", "stats", "random", *_OPTIMIZED)
"""Fields of a state that outlive the run in which they changed."""


class Exacting(Protocol):
    """What the engine asks of a run's hooks."""

    def needs_exact(self, mode: Mode) -> bool:
        """Returns whether each batch must have run when its end hook is called."""

    def reads_every(self) -> int | None:
        """Returns after how many batches a hook is set to look at the state, if one is."""


class Engine:
    """Runs one module.

    The state is in one place at a time: in the timeline of the innermost run, or, between runs, at
    rest, with the variables in the user's module. `read` and `write` find it there.

    Args:
        functional: The module.
        placement: Where arrays live.
    """

    def __init__(self, functional: Functional, placement: Placement) -> None:
        self.functional, self.placement = functional, placement
        self.recipe: Recipe = NativeRecipe(functional)
        self._lines = Lines()
        self._lock = threading.RLock()
        self._runs = 0
        self._shown = ExitStack()
        self._programs = ModePrograms(functional, placement)
        self._draws = Draws()
        self._rest: Rest = self.recipe.rest(placement)

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy needs: the state as of the current batch, and nothing compiled."""
        rest = self.recipe.rest(self.placement)
        if self.functional.built:
            rest.keep(self.read())
        kept = ("functional", "placement", "recipe")
        return {name: getattr(self, name) for name in kept} | {"_rest": rest}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["functional"], state["placement"])  # type: ignore[misc]
        vars(self).update(state)
        self.recipe.follow(self)

    # State

    def read(self) -> TrainState:
        """Returns the state at the current batch."""
        return self._rest.read() if self._line is None else self._line.read()

    def read_whole(self) -> TrainState:
        """Returns the state at the current batch in arrays that the host can fetch.

        With several processes, what is divided among them is put together: all must call it.
        """
        state = self.read()
        if self.placement.is_divided(state):
            kind = "a read of the state"
            if self._line is None:
                self._peers().meet(kind, 0)
            else:
                self._line.meet(kind)
        whole: TrainState = self.placement.whole(state)
        return whole

    def write(self, state: TrainState) -> None:
        """Replaces the state at the current batch.

        Raises:
            ValueError: In a run, its shapes or dtypes differ; nothing was changed.
        """
        if self._line is None:
            self._rest.write(state)
        else:
            self._line.write(state)

    def read_variables(self) -> Variables:
        """Returns the module's variables at the current batch; in a trace, the step's."""
        traced = _TRACED.get()
        if traced is not None and traced[0] is self:
            return traced[1]
        return self.read().variables

    def read_own(self) -> OwnState:
        """Returns what a step of the module's own moves, at the current batch."""
        state = self.read()
        return OwnState(state.variables, state.optimizer, state.learning_rate, state.metrics)

    def write_own(self, state: OwnState) -> None:
        """Replaces it at the current batch."""
        variables, optimizer, rate, metrics = state
        changes = variables._asdict() | {"optimizer": optimizer, "metrics": metrics}
        self.write(self.read().replace(**changes, learning_rate=rate))

    def write_variables(self, variables: Variables) -> None:
        """Replaces the module's variables at the current batch."""
        params, stats, random = variables
        self.write(self.read().replace(params=params, stats=stats, random=random))

    @property
    def step(self) -> int:
        """Training steps taken at the current batch."""
        return self._rest.step if self._line is None else self._line.step

    @property
    def learning_rate(self) -> float:
        """The learning rate at the current batch."""
        source = self._rest if self._line is None else self._line
        return float(source.learning_rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        rate = self.placement.place_state(np.float32(value))
        if self._line is None:
            self._rest.learning_rate = rate
        else:
            self._line.write(self._line.read().replace(learning_rate=rate))

    @property
    def hyperparameters(self) -> dict[str, Array]:
        """The hyperparameters that were assigned in training, at the current batch."""
        return (self._rest if self._line is None else self._line).hyperparameters

    def set_hyperparameter(self, name: str, value: float) -> None:
        """Sets a hyperparameter of the optimizer from the next step on.

        Raises:
            ValueError: The optimizer keeps no state for it; nothing was changed.
        """
        state = self.read()
        number = self.placement.place_state(np.float32(value))
        new = state.replace(hyperparameters=state.hyperparameters | {name: number})
        self.recipe.check_form(name, value, new)
        self.write(new)

    def restart(self) -> bool:
        """Lets training start with the optimizer as it is now; False if it has begun."""
        if self._line is not None or self._rest.step > 0:
            return False
        self._programs.forget()
        self._rest.restart()
        return True

    @property
    def batch_loss(self) -> float:
        """The last batch's own loss; NaN outside a run."""
        return float("nan") if self._line is None else self._line.rows.batch_loss

    def logs(self) -> dict[str, float]:
        """Returns the running metrics of the innermost run; none if there is no run."""
        return {} if self._line is None else self._line.logs()

    def reset_metrics(self) -> None:
        """Lets the running metrics start again at the current batch."""
        if self._line is not None and self.recipe.report is not None:
            state = self._line.read()
            self._line.write(state.replace(metrics=self._reset(state.metrics)))

    @property
    def gauge(self) -> Gauge | None:
        """What tells how fast the innermost run is; None if there is no run."""
        return None if self._line is None else self._line.gauge

    @property
    def line(self) -> Timeline:
        """The timeline of the innermost run.

        Raises:
            RuntimeError: There is no run.
        """
        if self._line is None:
            raise RuntimeError(
                explain(
                    "model.run_state()",
                    expected="a run to take the state of",
                    received="a model that is not being fitted",
                    action="Call it in a hook.",
                )
            )
        return self._line

    def drop_future(self) -> None:
        """Drops what ran ahead of the hooks; it runs again when it is due."""
        if self._line is not None:
            self._line.write(self._line.read())

    # Building and compiling

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        """Makes weights that do not exist yet, for a batch of inputs or its shapes."""
        if not self.functional.built:
            self.functional.build(x, seeds)

    def forget(self) -> None:
        """Forgets programs and the optimizer's state: the module has other parts than before.

        Raises:
            RuntimeError: A run is under way.
        """
        self._need_rest()
        self._programs.forget()
        self.recipe.forget()
        self._rest = self.recipe.rest(self.placement)

    def compile(self, recipe: Recipe) -> None:
        """Takes a recipe, all checked.

        The optimizer that the model was compiled with before continues with its rate, its steps and
        its state; any other starts at its first step.

        Raises:
            RuntimeError: A run is under way.
        """
        self._need_rest()
        before, self.recipe = self.recipe, recipe
        self._programs.forget()
        if recipe.optimizer is None or recipe.optimizer is not before.optimizer:
            self._rest = recipe.rest(self.placement)

    def report(self, mode: Mode, batch: PyTree) -> Report:
        """Returns what runs report, bound to the shapes of a first batch.

        Args:
            mode: "train" or "test".
            batch: ``(x, y, sample_weight)``, arrays or their shapes and dtypes.
        """
        variables = self.read_variables()
        self._forget_other_structures()
        with self.placement.tracing():
            return self.recipe.bind(mode, batch, variables)

    def directions(self) -> dict[str, str | None]:
        """Returns log key -> "up", "down" or None, as far as known."""
        return {} if self.recipe.report is None else self.recipe.report.directions

    def log_keys(self) -> tuple[str, ...]:
        """Returns the names of what is reported, the loss first, as far as known."""
        return () if self.recipe.report is None else self.recipe.report.keys

    # Running

    @contextmanager
    def running(self, mode: Mode, feed: Feed, hooks: Exacting) -> Iterator[Timeline]:
        """Makes a timeline the place of the state for as long as a run lasts.

        Whatever ends the run, the state at the cursor is what remains. Changes that hooks make
        during an evaluation count for the run around it. Meanwhile the user's module shows the
        state at the current batch.

        Args:
            mode: "train", "test" or "predict".
            feed: Where the batches come from.
            hooks: The callbacks of the run.
        """
        began = time.perf_counter()
        with self._live(), jax.disable_jit(self.recipe.run_eagerly):
            spec, start = feed.spec(self.step), self.read()
            if mode != "predict":
                metrics = self.report(mode, spec).reset(start.metrics)
                start = start.replace(metrics=metrics, captured=self.recipe.captured.read())
            start = self.placement.place_state(start)
            overwrites = self._overwrites(start)
            owned = overwrites and mode == "train" and self._line is None
            # What a run leaves as it was is told by identity: `line` starts from `start` itself.
            end = before = _NOTHING if owned else start
            leaves, structure = jax.tree.flatten(start)
            try:
                if owned:  # the only copy of a large state is the timeline's
                    del start
                    self._rest.drop()
                    own(leaves)
                    start = jax.tree.unflatten(structure, leaves)
                line = self._timeline(
                    mode, feed, hooks, spec, start, overwrites=overwrites, owned=owned
                )
            except BaseException:
                if owned:
                    self._rest.write(jax.tree.unflatten(structure, leaves))
                raise
            del start, leaves

            def close(error: BaseException | None) -> None:
                nonlocal end
                end = line.close(error)

            self._enter(line, trains=mode == "train")
            try:
                with AtEnd(close):
                    yield line
            finally:
                self._lines.leave(line)
                if self._line is None and mode != "predict":
                    self._rest.metrics = end.metrics
                changed = {
                    name: getattr(end, name)
                    for name in _TRAINED
                    if getattr(end, name) is not getattr(before, name)
                }
                if changed:
                    self.write(self.read().replace(**changed))
                if self._line is not None:
                    self._line.gauge.leave_out(time.perf_counter() - began)

    @property
    def is_training(self) -> bool:
        """Whether a training run is under way, in whatever thread."""
        return self._lines.trains

    @property
    def _line(self) -> Timeline | None:
        return self._lines.current

    @contextmanager
    def _live(self) -> Iterator[None]:
        """Lets the user's module show the state from the first run's begin to the last one's end.

        Runs of several threads need not end in the order in which they began.
        """
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self._rest.hold()
                self._forget_other_structures()
                self._shown.enter_context(self.functional.live(self))
                self._shown.enter_context(self.recipe.live(self))
        try:
            yield
        finally:
            with self._lock:
                self._runs -= 1
                if self._runs == 0:
                    self._shown.close()
                    self._rest.release()

    def _enter(self, line: Timeline, *, trains: bool) -> None:
        with self._lock:
            if trains and self._lines.trained_elsewhere:
                raise already_training("fit")
            self._lines.enter(line, trains=trains)

    @contextmanager
    def shown(self, state: Fields, variables: Variables) -> Iterator[None]:
        """Lets losses and metrics read the model and what they captured as of a traced step."""
        token = _TRACED.set((self, variables, state["step"]))
        try:
            with self.recipe.shown(state):
                yield
        finally:
            _TRACED.reset(token)

    def forward(self, x: PyTree, *, training: bool) -> PyTree:
        """Calls the module as of the current batch; in a trace, as the step does."""
        traced = _TRACED.get()
        if traced is None or traced[0] is not self:
            draws = self._draws if self._line is None else self._line.draws
            return call(self.functional, self, draws, x, training=training)
        _, variables, step = traced
        return self.functional.apply(variables, x, training=training, step=step).output

    def traces(self) -> dict[str, int]:
        """Returns how often each mode's programs were traced."""
        return self._programs.traces()

    # Inside

    def _overwrites(self, state: TrainState) -> bool:
        """Returns whether states are so large that each overwrites the one before."""
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
        chosen = self.recipe.steps_per_execution == "auto"
        return chosen and size > LARGE_STATE * self.placement.memory

    def _timeline(
        self,
        mode: Mode,
        feed: Feed,
        hooks: Exacting,
        spec: PyTree,
        start: TrainState,
        *,
        overwrites: bool,
        owned: bool,
    ) -> Timeline:
        recipe, captured = self.recipe, self.recipe.captured
        programs = self._programs.of(mode, lambda: recipe.step(mode, self, spec), spec, start)
        steps = recipe.steps_per_execution
        exact = hooks.needs_exact(mode) and steps == "auto"
        single = exact or overwrites or not programs.looped
        peers = self._peers(steps_alone=single or steps == 1)
        return Timeline(
            programs,
            start,
            feed,
            Pace(
                steps,
                programs.step_time(spec),
                single=single,
                measured=peers.measured,
                every=hooks.reads_every() if mode == "train" else None,
            ),
            reset=self._reset if mode != "predict" and recipe.report else None,
            exact=exact,
            overwrite=overwrites,
            owned=owned,
            check=self._need_same_structure if mode == "train" else None,
            captured=None if mode == "predict" or not captured else captured,
            batch_size=jax.tree.leaves(spec[0])[0].shape[0],
            peers=peers,
        )

    def _peers(self, *, steps_alone: bool = False) -> Peers:
        agreement = self.placement.agreement
        if agreement is None:
            return Alone()
        return Together(agreement, self.placement.checksum, steps_alone=steps_alone)

    def _reset(self, metrics: PyTree) -> PyTree:
        """Returns running sums that start again."""
        fresh = metrics if self.recipe.report is None else self.recipe.report.reset(metrics)
        return self.placement.place_state(fresh)

    def _forget_other_structures(self) -> None:
        """Forgets programs if the module has changed since they were made, apart from arrays."""
        if self._programs.follow_structure():
            self.recipe.forget()

    def _need_same_structure(self) -> None:
        if (change := self.functional.changed()) is not None:
            raise RuntimeError(
                explain(
                    "fit",
                    expected="a module that hooks leave as it is, apart from its arrays",
                    received=f"{change}, set while the model was trained",
                    action="Change it between two runs: fit(..., epochs=5), then change it, then "
                    "fit(..., initial_epoch=5, epochs=10). A number that hooks are to change "
                    "belongs in an `nnx.Variable` of the module.",
                )
            )

    def _need_rest(self) -> None:
        if self._line is not None:
            raise RuntimeError(
                explain(
                    "model.compile",
                    expected="no run under way",
                    received="a call from inside a hook",
                    action="Set weights or the learning rate in hooks; compile between runs.",
                )
            )
