"""A fit under way: what is recorded of it, and how it continues a recorded one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from callbax._data._feed import Feed
from callbax._stores._kept import Kept
from callbax._stores._protocol import RunState, RunStore
from callbax._stores._record import BEFORE_EPOCH
from callbax._stores._trail import Trail
from callbax._training import _loop
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._filing import contents_of
from callbax._training._generators import write_generators
from callbax._training._identity import Identity, identity_of, recorded_run
from callbax._training._replay import Source, changes_of
from callbax._training._run_state import restoration
from callbax._training._state import TrainState
from callbax._training._timeline import Timeline
from callbax._training._validation import Validation
from callbax.callbacks import CallbackList
from callbax.callbacks._states import Settings, Unrecorded


@dataclass(frozen=True)
class Fit:
    """A fit under way: what its state is taken from.

    Attributes:
        line: Where the arrays and the place in the data are.
        hooks: Whose states belong to it.
        progress: How far it has come.
        epochs: Which epochs are trained.
        validation: Its validation, if there is one.
        identity: What it belongs to; empty if nobody records it.
        settings: What the callbacks were made with.
        unrecorded: Tells which callbacks keep something that no state holds.
        source: Its data, to be read again.
        store: Where it is recorded; None if it is not.
        trail: What hooks write, for the states that are kept; None if none are.
    """

    line: Timeline
    hooks: CallbackList
    progress: _loop.Progress
    epochs: _loop.Epochs
    validation: Validation | None
    identity: Identity
    settings: Settings
    unrecorded: Unrecorded
    source: Source
    store: RunStore | None
    trail: Trail | None

    def recorded(self, engine: Engine) -> RunState | None:
        """Returns the state from which the fit continues; None if it starts afresh.

        Raises:
            ValueError: What is recorded is another fit.
            OSError: There is something, and nothing of it can be read.
        """
        if self.store is None:
            return None
        like = contents_of(engine, "", whole=False)
        return recorded_run(self.store, self.identity, self.epochs, like)

    def need_same(self, engine: Engine, feed: Feed, recorded: RunState | None) -> None:
        """Raises unless all processes are about to make the same fit.

        Args:
            engine: What runs the model.
            feed: The data.
            recorded: The state from which the fit continues.
        """
        if (agreement := engine.placement.agreement) is None:
            return
        epochs = self.epochs
        facts = {
            "callbacks": ", ".join(self.hooks.names_in_all_processes()),
            "epochs": f"{epochs.first} to {epochs.end}, of {epochs.steps or 'all'} batches",
            "steps alone": str(self.hooks.needs_exact("train")),
            "continues at step": "-" if recorded is None else str(recorded.steps),
        }
        agreement.need_same("fit", feed.identity() | facts)

    def watch(self) -> None:
        """Lets what hooks write be noted, if anybody keeps it."""
        if self.hooks.recorders or self.trail is not None:
            self.line.watch(self.note)

    def note(self, before: TrainState, after: TrainState) -> None:
        """Notes what a hook wrote on what the run is recorded on."""
        changes = changes_of(before, after)
        progress, trail = self.progress, self.trail
        if trail is not None:
            early = not progress.begun and progress.batch == 0
            trail.note(progress.epoch, BEFORE_EPOCH if early else progress.batch, changes)
            trail.renewed = trail.renewed or self.line.renewals > 0
        for recorder in self.hooks.recorders:
            recorder.recorded.note(progress.epoch, progress.batch, changes)

    def completed(self, run: RunState, *, finished: bool) -> RunState:
        """Returns what the engine knows of a run with what the fit knows beside."""
        return replace(
            run if self.trail is None else self.trail.put_on(run),
            epoch=self.progress.epoch,
            batch=self.progress.batch,
            callbacks=self.hooks.state_dict(),
            settings=self.settings,
            forgotten=self.unrecorded.names(),
            validations=(0, 0) if self.validation is None else self.validation.readings,
            identity=self.identity,
            finished=self.epochs.end if finished else None,
        )

    def resumption(
        self, engine: Engine, averages: Averages, recorded: RunState
    ) -> Callable[[], None]:
        """Goes to the place of a recorded run in the data; returns what puts the rest in place.

        Args:
            engine: What runs the model.
            averages: Whether weights and averages have changed places.
            recorded: The state from which the fit continues.

        Raises:
            ValueError: The run does not fit; the model was not changed.
        """
        put = restoration(engine, self.line, averages, recorded)
        if self.validation is not None:
            self.validation.skip(*recorded.validations)
        self.progress.epoch, self.progress.batch = recorded.epoch, recorded.batch

        def resume() -> None:
            if recorded.batch:
                self.hooks.rejoin(recorded.epoch)
            put()
            if self.trail is not None:
                self.trail.follow(recorded)
            states, settings = recorded.callbacks, recorded.settings
            if states is not None:  # else it is a moment to branch from, which none has seen
                self.hooks.resume(recorded.epoch, states, settings, self.settings)
            write_generators(recorded.generators)
            self.hooks.tell_resumed(recorded)

        return resume

    def kept(self, step: int) -> Callable[[], Kept] | None:
        """Returns what opens the states that the fit has left; None if it was not recorded.

        Args:
            step: Training steps taken at its end.
        """
        store, trail, identity = self.store, self.trail, self.identity
        if store is None or trail is None:
            return None
        trail.end(self.progress.epoch, self.progress.batch, step)
        return lambda: Kept(store.paths(), where="history.at", trail=trail, identity=identity)


def begun(
    engine: Engine,
    line: Timeline,
    feed: Feed,
    hooks: CallbackList,
    validation: Validation | None,
    epochs: _loop.Epochs,
    source: Source,
) -> Fit:
    """Returns a fit that has not come to its first batch.

    Args:
        engine: What runs the model, in the run.
        line: Its timeline.
        feed: The data; they tell what they give from now on if the fit is recorded.
        hooks: The callbacks.
        validation: The validation, if there is one.
        epochs: Which epochs to train.
        source: The data, to be read again.
    """
    store, identity = hooks.run_store(), {}
    if store is not None or hooks.recorders:
        feed.keep_digests()
        data = feed.identity() | {"steps_per_epoch": str(epochs.steps)}
        data |= {} if validation is None else validation.identity()
        identity = identity_of(engine, feed.spec(engine.step), data)
    return Fit(
        line,
        hooks,
        _loop.Progress(epochs.first),
        epochs,
        validation,
        identity,
        hooks.settings(),
        hooks.unrecorded(),
        source,
        store,
        None if store is None else Trail(),
    )
