"""The runs of a model: fit, evaluate and predict, from arguments to results."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Protocol

import jax
import numpy as np

from callbax._core._arguments import one_of, optional_count
from callbax._core._at_end import AtEnd
from callbax._core._errors import explain
from callbax._core._frequency import FrequencyLike
from callbax._core._hooks import Logs, Mode
from callbax._core._interrupts import INTERRUPTS
from callbax._core._rng import SeedSource
from callbax._core._types import DataLike, OnInterrupt, Verbose
from callbax._data._adapter import as_parts, make_feed
from callbax._data._arrays import count_rows, is_structure
from callbax._data._feed import Feed
from callbax._data._training_data import training_feeds
from callbax._stores._protocol import RunState
from callbax._stores._tape import Tape
from callbax._training import _loop
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._lines import already_training
from callbax._training._replay import Source
from callbax._training._run_state import take
from callbax._training._timeline import Timeline
from callbax._training._validation import Validation
from callbax.callbacks import CallbackList, Checkpoint, History
from callbax.callbacks._failures import Failures
from callbax.models._fit import Fit, begun
from callbax.models._fit_arguments import check_epochs, check_split, check_verbose, validation_times
from callbax.models._past import Past
from callbax.models._visits import Remembering, Visits


class Face(_loop.Flags, Remembering, Protocol):
    """What the runs ask of the model that the user sees, which is the one that callbacks get."""

    name: str


class Runs:
    """Runs an engine for a model.

    Args:
        model: The model that callbacks get.
        engine: What runs the module.
        averages: The moving averages of the weights.
        seeds: What the seed of the order of data is drawn from.
        build: Makes the weights for a batch of inputs, given by shapes and dtypes.

    Attributes:
        validates: Whether the current or last fit validates.
        validates_by_batch: Whether it does so within epochs.
    """

    def __init__(
        self,
        model: Face,
        engine: Engine,
        averages: Averages,
        seeds: SeedSource,
        build: Callable[[Any], None],
    ) -> None:
        self._model, self._engine, self._averages = model, engine, averages
        self._seeds = seeds
        self._shuffle_seed: int | None = None
        self._build = build
        self._fit: Fit | None = None
        self._visits = Visits(model, engine, averages, build)
        self.validates = self.validates_by_batch = False

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_fit": None}  # a copy is not being fitted

    def fit(
        self,
        x: DataLike | None,
        y: DataLike | None,
        *,
        batch_size: int | None,
        epochs: int,
        verbose: Verbose,
        callbacks: object,
        resume: str | os.PathLike[str] | Checkpoint | None,
        callback_failures: Failures,
        on_interrupt: OnInterrupt,
        validation_split: float,
        validation_data: DataLike | None,
        shuffle: bool,
        class_weight: Mapping[int, float] | None,
        sample_weight: DataLike | None,
        initial_epoch: int,
        steps_per_epoch: int | None,
        validation_steps: int | None,
        validation_batch_size: int | None,
        validation_freq: FrequencyLike | Iterable[int],
    ) -> History | None:
        """Trains; arguments are those of ``Model.fit``."""
        self.need_compiled("fit", loss=True)
        if self._engine.is_training:
            raise already_training("fit")
        first, end = check_epochs(epochs, initial_epoch)
        one_of("fit", "on_interrupt", on_interrupt, ("raise", "return"))
        steps = optional_count("fit", "steps_per_epoch", steps_per_epoch)
        validation_steps = optional_count("fit", "validation_steps", validation_steps)
        is_due, frequency = validation_times(validation_freq)
        feeds = functools.partial(
            training_feeds,
            x,
            y,
            sample_weight,
            placement=self._engine.placement,
            batch_size=batch_size,
            epochs=end - first,
            steps=steps,
            class_weight=class_weight,
            shuffle_seed=self._seed_of_order() if shuffle and is_structure(x) else None,
            validation_data=validation_data,
            validation_split=check_split(validation_split),
            validation_batch_size=validation_batch_size,
            validation_steps=validation_steps,
            validates_by_batch=frequency.by_batch,
            needs_targets=self._engine.recipe.needs_targets,
            watched=callbacks is not None,
        )
        feed, validation_feed = feeds()
        validation = None
        if validation_feed is not None:
            validation = Validation(
                self._engine, validation_feed, validation_steps, is_due, frequency
            )
        hooks = self._hooks(
            callbacks,
            "fit",
            verbose,
            failures=callback_failures,
            epochs=end,
            steps=steps or feed.batches_per_pass,
        )
        if resume is not None:
            hooks.append(resume if isinstance(resume, Checkpoint) else Checkpoint(resume))
        self.validates = validation is not None
        self.validates_by_batch = validation is not None and validation.by_batch
        source = Source(x, lambda: feeds()[0], steps)
        try:
            with self._run("train", feed, hooks, validation) as line:
                asked = _loop.Epochs(first, end, steps)
                fit = begun(self._engine, line, feed, hooks, validation, asked, source)
                self._train(fit, feed)
        except KeyboardInterrupt:
            if on_interrupt == "raise":
                raise
            hooks.tell_interrupted()
        finally:
            self._visits.remember(hooks, source)
        return self._model.history

    def evaluate(
        self,
        x: DataLike | None,
        y: DataLike | None,
        *,
        batch_size: int | None,
        verbose: Verbose,
        sample_weight: DataLike | None,
        steps: int | None,
        callbacks: object,
    ) -> Logs:
        """Returns the loss and metrics; arguments are those of ``Model.evaluate``."""
        self.need_compiled("evaluate")
        steps = optional_count("evaluate", "steps", steps)
        feed = self._feed(
            "evaluate",
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps=steps,
            needs_targets=self._engine.recipe.needs_targets,
            watched=callbacks is not None,
        )
        hooks = self._hooks(callbacks, "evaluate", verbose, steps=steps or feed.batches_per_pass)
        with self._run("test", feed, hooks) as line:
            return _loop.evaluate(line, hooks, self._model, steps)

    def predict(
        self,
        x: DataLike | None,
        *,
        batch_size: int | None,
        verbose: Verbose,
        steps: int | None,
        callbacks: object,
    ) -> Any:
        """Returns the outputs; arguments are those of ``Model.predict``."""
        steps = optional_count("predict", "steps", steps)
        watched = callbacks is not None
        feed = self._feed("predict", x, batch_size=batch_size, steps=steps, watched=watched)
        hooks = self._hooks(callbacks, "predict", verbose, steps=steps or feed.batches_per_pass)
        with self._run("predict", feed, hooks) as line:
            outputs = _loop.predict(line, hooks, self._model, steps)
        return jax.tree.map(lambda *batches: np.concatenate(batches), *outputs)

    def one_batch(
        self,
        mode: Mode,
        x: DataLike | None,
        y: DataLike | None,
        sample_weight: DataLike | None,
        class_weight: Mapping[int, float] | None = None,
    ) -> Logs:
        """Takes one step without callbacks and returns its metrics."""
        where = f"{mode}_on_batch"
        self.need_compiled(where, loss=mode == "train")
        parts = as_parts(x, y, sample_weight, class_weight, where)
        needs_targets = self._engine.recipe.needs_targets
        feed = self._feed(where, *parts, steps=1, needs_targets=needs_targets)
        with self._run(mode, feed, CallbackList()) as line:
            line.start_epoch(1)
            line.advance()
            return line.logs()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Lets runs leave alone what the model says of its last fit, and the seed of the order."""
        names = ("history", "stop_training", "first_epoch")
        seen = {name: getattr(self._model, name) for name in names}
        own = {name: vars(self)[name] for name in ("_shuffle_seed", "validates")}
        own["validates_by_batch"] = self.validates_by_batch
        self._shuffle_seed = self._shuffle_seed or 1  # no seed is drawn for what is undone
        try:
            yield
        finally:
            vars(self).update(own)
            for name, value in seen.items():
                setattr(self._model, name, value)

    def run_state(self, *, finished: bool = False, whole: bool = True) -> RunState:
        """Returns the fit under way as one value, as of the current batch.

        In a loop of the user's own it is that of a run before its first batch.

        Args:
            finished: Whether the fit is over.
            whole: Whether to put together what is divided among processes.
        """
        fit = self._fit
        line = None if fit is None else fit.line
        name, seed = self._model.name, self._shuffle_seed
        run = take(self._engine, line, self._averages, name=name, seed=seed, whole=whole)
        return run if fit is None else fit.completed(run, finished=finished)

    def past_of(self, tape: Tape) -> Past:
        """Returns what finds the batches of the fit under way, as far as they are recorded."""
        if self._fit is None:
            raise RuntimeError("There is no fit under way.")
        return self._visits.to(tape, self._fit.source)

    def past_in(
        self, directory: str, x: DataLike, y: DataLike | None, steps: int | None, **data: Any
    ) -> Past:
        """Returns what finds the batches of a run that another process recorded.

        Arguments and errors are those of `Visits.to_directory`.
        """
        self.need_compiled("past", loss=True)
        return self._visits.to_directory(directory, x, y, steps, **data)

    # Inside

    def _train(self, fit: Fit, feed: Feed) -> None:
        hooks, validation, epochs = fit.hooks, fit.validation, fit.epochs
        recorded = fit.recorded(self._engine)
        fit.need_same(self._engine, feed, recorded)
        resume, finish = None, self._averages.finish_training
        if recorded is not None:
            resume = fit.resumption(self._engine, self._averages, recorded)
            self._shuffle_seed = recorded.seed
        if recorded is not None and recorded.finished is not None:
            # What ends a fit was done before the record was made.
            epochs, finish = replace(epochs, end=recorded.epoch), _nothing
        outer, self._fit = self._fit, fit
        fit.watch()
        try:
            _loop.train(
                fit.line,
                hooks,
                self._model,
                epochs,
                (lambda epoch: None) if validation is None else validation.at_epoch_end,
                finish,
                progress=fit.progress,
                resume=resume,
            )
        except BaseException as error:
            hooks.on_exception(error)  # while there is a run whose state can be asked for
            if isinstance(error, KeyboardInterrupt):
                hooks.note_interrupt(fit.progress.epoch, fit.progress.batch)
            raise
        finally:
            self._fit = outer
            if (kept := fit.kept(self._engine.step)) is not None:
                self._visits.kept = kept

    def _feed(
        self,
        where: str,
        x: DataLike | None,
        y: DataLike | None = None,
        weight: Any = None,
        **options: Any,
    ) -> Feed:
        placement = self._engine.placement
        return make_feed(x, y, weight, where=where, placement=placement, **options)

    def _seed_of_order(self) -> int:
        if self._shuffle_seed is None:
            self._shuffle_seed = self._seeds.draw()
        return self._shuffle_seed

    def need_compiled(self, where: str, *, loss: bool = False) -> None:
        """Raises unless the model was compiled.

        Args:
            where: The public call, for errors.
            loss: Whether there must be a loss.
        """
        recipe = self._engine.recipe
        compiled = recipe.optimizer is not None
        if not compiled or (loss and not recipe.descends):
            raise ValueError(
                explain(
                    where,
                    expected="a loss to minimise" if compiled else "a compiled model",
                    received="loss=None" if compiled else "one that was not compiled",
                    action="You must call `compile(optimizer=..., loss=...)` before.",
                )
            )

    def _hooks(
        self, callbacks: object, where: str, verbose: Verbose, **params: Any
    ) -> CallbackList:
        verbose = check_verbose(where, verbose)
        if isinstance(callbacks, CallbackList):
            if params.get("failures") is not None:
                raise ValueError(
                    explain(
                        f"{where}(callback_failures=...)",
                        expected="a `CallbackList` that was made with its own `failures`",
                        received="both",
                        action="Pass `failures` to the list, or the callbacks as a plain list.",
                    )
                )
            return callbacks
        return CallbackList(
            callbacks,
            add_history=where == "fit",
            add_progbar=verbose != 0,
            model=self._model,
            verbose=verbose,
            **({"epochs": 1} | params),
        )

    @contextmanager
    def _run(
        self, mode: Mode, feed: Feed, hooks: CallbackList, validation: Validation | None = None
    ) -> Iterator[Timeline]:
        """Runs a mode; whatever ends it, callbacks and data are closed and the state is kept."""
        validating = nullcontext() if validation is None else validation.within(hooks, self._model)
        closing = AtEnd(hooks.teardown, lambda error: feed.close())
        with INTERRUPTS.noted(), validating, closing:
            # First of all: memory that the last run has just given back is still at hand.
            feed.open()
            spec = feed.spec(self._engine.step)
            self._build(spec[0])
            if mode != "predict":
                report = self._engine.report(mode, spec)
                for source in (feed, validation):
                    if source is not None and source.targets is not None:
                        report.check(source.targets)
            with self._engine.running(mode, feed, hooks) as line:
                line.waste, line.rows.spans = hooks.waste, hooks.spans
                yield line


def rows(x: DataLike | None) -> int:
    """Returns the number of samples."""
    parts = as_parts(x, None, None, None, "predict_on_batch")
    return count_rows("predict_on_batch", x=parts[0])


def _nothing() -> None:
    """Ends a fit whose end was recorded."""
