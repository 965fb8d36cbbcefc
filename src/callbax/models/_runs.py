"""The runs of a model: fit, evaluate, predict."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import jax
import numpy as np

from callbax._core._errors import explain
from callbax._core._hooks import Logs, Mode
from callbax._core._types import PyTree
from callbax._data._adapter import as_parts, make_feed
from callbax._data._arrays import check_count, split_rows
from callbax._data._feed import Feed
from callbax._training import _loop
from callbax._training._timeline import Timeline
from callbax.callbacks import CallbackList, History
from callbax.models._arguments import (
    check_epochs,
    check_split,
    check_verbose,
    need_arrays_to_split,
    unpack_validation,
    validation_times,
)
from callbax.models._engine import Engine
from callbax.models._resuming import Resuming
from callbax.models._validation import Validation


class Runs(Resuming):
    """The runs of a model: fit, evaluate, predict and their one-batch forms."""

    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    history: History | None
    validates_by_batch: bool = False
    """Whether the current or last `fit` validates within epochs, every so many batches."""
    _engine: Engine
    _validates: bool

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> History | None:
        """Trains.

        Args:
            x: Inputs: an array, a dict or tuple of arrays, or an iterable of batches ``(x, y)`` or
                ``(x, y, sample_weight)``, such as a generator.
            y: Targets, one row per sample.
            batch_size: Samples in a batch, 32 by default.
            epochs: Number of the epoch to stop before, counted from 0.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch, "auto" is 1.
            callbacks: Callbacks: one, or a list. Any object with hooks.
            validation_split: Share of the samples, the last ones, kept for validation.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or an iterable of batches.
            shuffle: Whether arrays are read in a new order at each pass.
            class_weight: Class number -> weight in training.
            sample_weight: Weight of each sample in the loss and in ``weighted_metrics``.
            initial_epoch: Number of the first epoch.
            steps_per_epoch: Batches in an epoch; data go on where the last epoch stopped.
            validation_steps: Batches of validation data, from their beginning.
            validation_batch_size: Samples in a batch of validation; ``batch_size`` by default.
            validation_freq: Validate every so many epochs, or the numbers of epochs to validate; or
                a number and a unit: ``"2 epochs"``, or ``"500 batches"`` to validate within epochs,
                after every so many batches of the run, with the hook ``on_validation_end``.
                Callbacks that monitor a ``val_`` key then go by validations, not by epochs.

        Returns:
            The `History` of the run, also in ``model.history`` when an exception ends it.

        Raises:
            ValueError: Data or arguments are illegal; nothing has been trained.

        Differs from Keras: a generator that is used up before the epochs are done is an error;
        iterables of batches are never shuffled, and nothing warns about it; `validation_freq` takes
        units, and so validates within epochs.
        """
        self._need_compiled("fit", loss=True)
        first, end = check_epochs(epochs, initial_epoch)
        steps = check_count("fit", "steps_per_epoch", steps_per_epoch)
        is_due, frequency = validation_times(validation_freq)
        split = check_split(validation_split)
        seed = self._engine.shuffle_seed if shuffle else None
        if split and validation_data is None:
            need_arrays_to_split(x, split)
            parts = as_parts(x, y, sample_weight, None, "fit")
            (x, y, sample_weight), validation_data = split_rows("fit", parts, split)
        feed = make_feed(
            x,
            y,
            sample_weight,
            where="fit",
            batch_size=batch_size,
            steps=steps,
            epochs=end - first,
            class_weight=class_weight,
            shuffle_seed=seed,
        )
        validation: Validation | None = None
        if validation_data is not None:
            validation_steps = check_count("fit", "validation_steps", validation_steps)
            validation_feed = make_feed(
                *unpack_validation(validation_data),
                where="fit(validation_data=...)",
                batch_size=validation_batch_size or batch_size,
                steps=validation_steps,
                # By batches there may be any number of validations.
                epochs=sys.maxsize if frequency.by_batch else end - first,
            )
            validation = Validation(
                self._engine, validation_feed, validation_steps, is_due, frequency
            )
        hooks = self._hooks(
            callbacks, "fit", verbose, epochs=end, steps=steps or feed.batches_per_pass
        )
        self._validates, self.resume_point = validation is not None, None
        self.validates_by_batch = validation is not None and validation.by_batch
        with self._run("train", feed, hooks, validation) as line:
            span = _loop.Epochs(first, end, steps)
            at_end = validation.at_epoch_end if validation is not None else lambda epoch: None
            _loop.train(line, hooks, self, span, at_end, self._finish_training)
        return self.history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Computes the loss and metrics.

        Args:
            x: As for `fit`.
            y: As for `fit`.
            batch_size: Samples in a batch, 32 by default.
            verbose: As for `fit`.
            sample_weight: Weight of each sample.
            steps: Batches to evaluate; all by default.
            callbacks: As for `fit`.
            return_dict: Whether to return a dict.

        Returns:
            The loss, a list of it and the metrics in compile order, or a dict of name -> value.

        Raises:
            ValueError: Data or arguments are illegal.
        """
        self._need_compiled("evaluate")
        steps = check_count("evaluate", "steps", steps)
        feed = make_feed(x, y, sample_weight, where="evaluate", batch_size=batch_size, steps=steps)
        hooks = self._hooks(callbacks, "evaluate", verbose, steps=steps or feed.batches_per_pass)
        with self._run("test", feed, hooks) as line:
            logs = _loop.evaluate(line, hooks, self, steps)
        return self._results(logs, return_dict=return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Computes outputs.

        Args:
            x: As for `fit`; of batches with targets the targets are ignored.
            batch_size: Samples in a batch, 32 by default.
            verbose: As for `fit`.
            steps: Batches to predict; all by default.
            callbacks: As for `fit`; ``logs["outputs"]`` holds the batch's outputs.

        Returns:
            NumPy arrays of shape (samples, ...) in the structure of the module's output.

        Raises:
            ValueError: Data or arguments are illegal.
        """
        steps = check_count("predict", "steps", steps)
        feed = make_feed(x, where="predict", batch_size=batch_size, steps=steps)
        hooks = self._hooks(callbacks, "predict", verbose, steps=steps or feed.batches_per_pass)
        with self._run("predict", feed, hooks) as line:
            outputs = _loop.predict(line, hooks, self, steps)
        return jax.tree.map(lambda *batches: np.concatenate(batches), *outputs)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Takes one training step; arguments and result as for `fit` and `evaluate`."""
        self._need_compiled("train_on_batch", loss=True)
        return self._results(
            self._one_batch("train", x, y, sample_weight, class_weight), return_dict=return_dict
        )

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Evaluates one batch; arguments and result as for `evaluate`."""
        self._need_compiled("test_on_batch")
        return self._results(
            self._one_batch("test", x, y, sample_weight, None), return_dict=return_dict
        )

    def predict_on_batch(self, x: Any) -> Any:
        """Returns the outputs for one batch, NumPy arrays."""
        return self.predict(x, batch_size=_rows(x), verbose=0)

    # Inside

    def _build_for(self, x: PyTree) -> None:
        """Makes the weights for an input, arrays or their shapes and dtypes."""

    def _need_compiled(self, where: str, *, loss: bool = False) -> None:
        compiled = self._engine.optimizer is not None
        if not compiled or (loss and self._engine.goals.loss is None):
            raise ValueError(
                explain(
                    where,
                    expected="a loss to minimise" if compiled else "a compiled model",
                    received="loss=None" if compiled else "one that was not compiled",
                    action="You must call `compile(optimizer=..., loss=...)` before.",
                )
            )

    def _hooks(self, callbacks: Any, where: str, verbose: Any, **params: Any) -> CallbackList:
        verbose = check_verbose(where, verbose)
        if isinstance(callbacks, CallbackList):
            return callbacks
        training = where == "fit"
        return CallbackList(
            callbacks,
            add_history=training,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            **({"epochs": 1} | params),
        )

    @contextmanager
    def _run(
        self, mode: Mode, feed: Feed, hooks: CallbackList, validation: Validation | None = None
    ) -> Iterator[Timeline]:
        """Runs a mode; whatever ends it, callbacks and data are closed and the state is kept."""
        validating = nullcontext() if validation is None else validation.within(hooks, self)
        with validating:
            try:
                self._build_for(feed.spec(0)[0])
                with self._engine.running(mode, feed, hooks) as line:
                    yield line
            finally:
                hooks.teardown()
                feed.close()

    def _one_batch(self, mode: Mode, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Logs:
        where = f"{mode}_on_batch"
        feed = make_feed(*as_parts(x, y, sample_weight, class_weight, where), where=where, steps=1)
        with self._run(mode, feed, CallbackList()) as line:
            line.start_epoch(1)
            line.advance()
            return line.logs()

    def _results(self, logs: Logs, *, return_dict: bool) -> Any:
        if return_dict:
            return logs
        values = [logs[key] for key in self._engine.log_keys() if key in logs]
        return values[0] if len(values) == 1 else values


def _rows(x: Any) -> int:
    return int(jax.tree.leaves(x)[0].shape[0])
