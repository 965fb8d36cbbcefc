"""A step of a recorded run, taken again."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from callbax._core._at_end import AtEnd
from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._data._feed import Feed
from callbax._stores._protocol import RunState
from callbax._stores._record import BEFORE_EPOCH, Record, Row, Stretch
from callbax._training._averages import Averages
from callbax._training._engine import Engine, Exacting
from callbax._training._filing import contents_of
from callbax._training._identity import Identity, identity_of
from callbax._training._run_state import restoration, take
from callbax._training._state import TrainState
from callbax._training._timeline import Timeline

_OTHERWISE = (
    "Something that neither the model nor a callback's write shows has changed it: a source that "
    "gives other batches, or another version of JAX."
)


@dataclass(frozen=True)
class Replayed:
    """A step of a run.

    Attributes:
        before: The state that it started from, with all that hooks wrote before it.
        after: What it made of that, before any hook saw it.
        batch: ``(x, y, sample_weight)``, NumPy arrays.
        rows: Numbers of the batch's rows in the arrays; None for other sources.
        row: Its logs.
        run: The run as of its begin, without states of callbacks.
    """

    before: TrainState
    after: TrainState
    batch: PyTree
    rows: NDArray[Any] | None
    row: Row
    run: RunState


@dataclass(frozen=True)
class Source:
    """The data of a run, to be read again.

    Attributes:
        given: What ``fit`` was given as ``x``.
        make: Makes a feed of them.
        steps: Batches in an epoch; None goes through the data.
    """

    given: object
    make: Callable[[], Feed]
    steps: int | None

    def feed(self, where: str) -> Feed:
        """Returns a feed that was not read yet.

        Raises:
            ValueError: They can only be read once.
        """
        if isinstance(self.given, Iterator):
            raise ValueError(
                explain(
                    where,
                    expected="a run over data that can be read again",
                    received=f"one over {describe(self.given)}, which is used up",
                    action="Pass arrays, or an object whose `__iter__` starts again.",
                )
            )
        return self.make()


class _Nobody:
    """Callbacks of a run that has none."""

    def needs_exact(self, mode: object) -> bool:
        return False

    def reads_every(self) -> int | None:
        return None


@contextmanager
def set_aside(engine: Engine, averages: Averages) -> Iterator[None]:
    """Lets runs go on for a while that the model is to know nothing of."""
    state, captured, swapped = engine.read(), engine.recipe.captured.read(), averages.swapped
    try:
        yield
    finally:
        engine.recipe.captured.write(captured)
        engine.write(state)
        averages.swapped = swapped


def belongs_to(engine: Engine, averages: Averages, feed: Feed) -> Identity:
    """Returns what a fit over a feed, opened, would belong to; the model stays as it is."""
    nobody: Exacting = _Nobody()
    with set_aside(engine, averages), engine.running("train", feed, nobody):
        return identity_of(engine, feed.spec(engine.step), feed.identity())


def replay(
    engine: Engine, averages: Averages, record: Record, source: Source, at: tuple[int, int]
) -> Replayed:
    """Takes a step of a recorded run again, from the nearest state before it.

    Without logs to compare with, it goes on to the next state that is known, if there is one.

    Args:
        engine: What runs the model; afterwards its state is what it was.
        averages: Whether weights and averages have changed places.
        record: What was kept of the run.
        source: The data of the run.
        at: Epoch and batch of the step.

    Raises:
        ValueError: The data are not the run's, or cannot be read again; or the run never came to
            that step, or what was kept does not lead there.
        RuntimeError: The step came out otherwise than it was recorded.
    """
    where = f"history.at(epoch={at[0]}, batch={at[1]})"
    stretch = record.stretch(*at)
    run, feed, nobody = stretch.start, source.feed(where), _Nobody()
    with set_aside(engine, averages), AtEnd(lambda error: feed.close()):
        feed.open()
        if stretch.row is None:
            feed.keep_digests()
        with engine.running("train", feed, nobody) as line:
            restoration(engine, line, averages, run)()
            walk = Walk(engine, line, stretch, source.steps, where)
            walk.to_batch(*at)
            now = take(engine, line, averages, name="", seed=run.seed)
            now = replace(now, epoch=at[0], batch=at[1], identity=run.identity, callbacks=None)
            step = _step(line, feed, now, stretch.row)
            if stretch.goal is not None:
                walk.advanced()
                walk.to_state(stretch.goal)
            return step


def _step(line: Timeline, feed: Feed, now: RunState, row: Row | None) -> Replayed:
    """Takes the next step; compares its logs with those that were recorded, if they were."""
    before, batch, place = line.read(), line.next_batch(), line.place(now.seed)
    line.advance()
    row = row or Row(now.epoch, now.batch, line.logs(), line.rows.batch_loss)
    _need_same(row, line)
    rows = feed.rows_of(place.pass_step or 0, place.pass_done)
    return Replayed(before, line.read(), batch, rows, row, now)


class Walk:
    """A run that is taken again step by step, with what hooks wrote in between.

    Args:
        engine: What runs the model.
        line: Its timeline, at the state from which the way starts.
        stretch: The way.
        steps: Batches in an epoch; None goes through the data.
        where: The public call to name in an error, without backticks.

    Attributes:
        epoch: The epoch.
        done: Batches of it that are done.
    """

    def __init__(
        self, engine: Engine, line: Timeline, stretch: Stretch, steps: int | None, where: str
    ) -> None:
        self._engine, self._line, self._steps, self._where = engine, line, steps, where
        self._end = stretch.steps
        self._changes: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
        for epoch, batch, change in stretch.changes:
            self._changes.setdefault((epoch, batch), []).append(change)
        self.epoch, self.done, self._begun = stretch.start.epoch, stretch.start.batch, False
        if self.done == 0:
            self._write(BEFORE_EPOCH)

    def to_batch(self, epoch: int, batch: int) -> None:
        """Goes to where a batch is the next.

        Raises:
            ValueError: The run never came to it.
        """
        self._to(epoch, batch, begun=True)
        if self._line.next_size() is None or self._end in range(self._line.step + 1):
            raise self._not_there()

    def advanced(self) -> None:
        """Writes what hooks wrote after a step that was just taken."""
        self.done += 1
        self._write(self.done)

    def to_state(self, goal: RunState) -> None:
        """Goes to a state that was kept, and compares.

        Raises:
            RuntimeError: It is another than that which was kept.
        """
        self._to(goal.epoch, goal.batch, begun=goal.batch > 0)
        mine, its = contents_of(self._engine, ""), goal.contents
        pairs = [(mine.weights[key], array) for key, array in its.weights.items()]
        pairs += zip(mine.optimizer or (), its.optimizer or (), strict=True)
        now = self._line.place(goal.seed).digests
        given = [a != b for a, b in zip(now, goal.digests, strict=True) if a and b]
        if any(given) or any(np.asarray(a).tobytes() != np.asarray(b).tobytes() for a, b in pairs):
            raise RuntimeError(
                explain(
                    self._where,
                    expected=f"the steps up to epoch {goal.epoch}, batch {goal.batch} to lead to "
                    "the state that was kept there",
                    received="another one",
                    action=_OTHERWISE,
                )
            )

    def _to(self, epoch: int, batch: int, *, begun: bool) -> None:
        while (self.epoch, self.done, self._begun) != (epoch, batch, begun):
            if not self._begun:
                self._line.start_epoch(self._steps, done=self.done)
                self._begun = True
                self._write(self.done)
            elif self._line.next_size() is None:
                self.epoch, self.done, self._begun = self.epoch + 1, 0, False
                self._write(BEFORE_EPOCH)
            else:
                self._line.advance()
                self.advanced()
            if (self.epoch, self.done) > (epoch, batch):
                raise self._not_there()

    def _write(self, batch: int) -> None:
        """Writes what hooks wrote at a batch."""
        for change in self._changes.get((self.epoch, batch), ()):
            state, captured = _changed(self._line.read(), change), self._engine.recipe.captured
            if any(path.startswith(".captured") for path in change):
                # The next step reads the variables themselves.
                captured.write(state.captured)
                state = state.replace(captured=captured.read())
            self._line.write(state)

    def _not_there(self) -> ValueError:
        return ValueError(
            explain(
                self._where,
                expected="a batch of the recorded run",
                received="one that it never came to",
                action="Epochs and batches count from 0.",
            )
        )


def changes_of(before: TrainState, after: TrainState) -> dict[str, Any]:
    """Returns path -> array of what was written: leaves that are other objects than before."""
    names = [name for name, value in vars(after).items() if value is not getattr(before, name)]
    old = dict(_leaves(before, names))
    return {path: leaf for path, leaf in _leaves(after, names) if old.get(path) is not leaf}


def _changed(state: TrainState, change: Mapping[str, Any]) -> TrainState:
    """Returns a state with other arrays at some paths; a number assigned at first joins it."""
    numbers = {
        path: jnp.float32(value)
        for path, value in change.items()
        if path.startswith(".hyperparameters")
    }
    names = {path.split("'")[1]: value for path, value in numbers.items()}
    state = state.replace(hyperparameters=state.hyperparameters | names)

    def new(path: Any, leaf: Any) -> Any:
        return jnp.asarray(change.get(jax.tree_util.keystr(path), leaf), leaf.dtype)

    changed: TrainState = jax.tree_util.tree_map_with_path(new, state)
    return changed


def _leaves(state: TrainState, names: list[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        for path, leaf in jax.tree_util.tree_leaves_with_path(getattr(state, name)):
            yield f".{name}{jax.tree_util.keystr(path)}", leaf


def _need_same(row: Row, line: Timeline) -> None:
    logs = line.logs()
    pairs = [(value, row.logs.get(key, value)) for key, value in logs.items()]
    pairs.append((line.rows.batch_loss, row.loss))
    if any(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairs):
        raise RuntimeError(
            explain(
                f"history.at(epoch={row.epoch}, batch={row.batch})",
                expected=f"the batch's loss to be {row.loss}, as it was recorded",
                received=f"{line.rows.batch_loss}",
                action=_OTHERWISE,
            )
        )


def to_numpy(tree: PyTree) -> PyTree:
    """Returns a tree with NumPy arrays as leaves."""
    return jax.tree.map(np.asarray, tree)
