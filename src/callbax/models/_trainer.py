"""What trains a model: compile, fit, evaluate, predict, and what callbacks see of them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from callbax import optimizers
from callbax._core._calls import public
from callbax._core._errors import explain
from callbax._core._frequency import FrequencyLike
from callbax._core._hooks import Logs
from callbax._core._rng import SeedSource
from callbax._core._types import DataLike, LossLike, MetricsLike, OnInterrupt, Verbose
from callbax._modules._protocol import Functional
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._native import NativeRecipe
from callbax._training._objective import Goals
from callbax._training._pace import StepsPerExecution, check_steps_per_execution
from callbax._training._views import MetricView
from callbax.callbacks import Checkpoint, History
from callbax.callbacks._failures import Failures
from callbax.distribution import Distribution
from callbax.models._former import FORMER_OF_COMPILE, FORMER_OF_FIT, FORMER_OF_RUNS
from callbax.models._generators import takes_generators
from callbax.models._past import Past
from callbax.models._placed import placement_of
from callbax.models._runs import Runs, rows
from callbax.models._shown import Shown
from callbax.optimizers import Optimizer
from callbax.optimizers._lookup import OPTIMIZERS, OptimizerLike, in_compile


class Trainer(Shown):
    """Compiles and runs a module; the kinds of models build on it.

    Args:
        functional: The module.
        name: The model's name.
        seed: Fixes the order in which data are shuffled.
        distribution: How weights and batches are divided among devices.

    Attributes:
        stop_training: Set it in a hook to end ``fit`` after the current epoch's validation.
        stop_evaluating: Set it in a hook to cut the current evaluation.
        stop_predicting: Set it in a hook to cut the current prediction.
        history: The `History` of the last fit.
    """

    _orders: ClassVar[str] = "shuffle"
    """The stream from which seeds of orders of data are drawn."""

    def __init__(
        self,
        functional: Functional,
        name: str,
        seed: int | None,
        distribution: Distribution | None = None,
    ) -> None:
        self.name = name
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history: History | None = None
        self.first_epoch: int | None = None
        self._seeds = None if seed is None else SeedSource(seed)
        self._engine = Engine(functional, placement_of(functional, distribution))
        self._averages = Averages(self._engine)
        face: Any = self  # a kind of model adds what is missing: weights and files
        orders = SeedSource(seed, self._orders)
        self._runs = Runs(face, self._engine, self._averages, orders, self._build_for)

    # Compiling

    @public("compile", former=FORMER_OF_COMPILE)
    def compile(
        self,
        optimizer: OptimizerLike = "rmsprop",
        loss: LossLike | Sequence[LossLike | None] | Mapping[str, LossLike | None] | None = None,
        loss_weights: float | Sequence[float] | Mapping[str, float] | None = None,
        metrics: MetricsLike | None = None,
        weighted_metrics: MetricsLike | None = None,
        run_eagerly: bool = False,
        steps_per_execution: StepsPerExecution = "auto",
        jit_compile: bool | Literal["auto"] = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Sets how to train and what to report; the optimizer starts afresh.

        Args:
            optimizer: A name, an `Optimizer`, or any ``optax.GradientTransformation``.
            loss: A name, a `Loss` or a function of (y_true, y_pred); for several outputs a list
                or dict of them.
            loss_weights: Weights of the outputs' losses in the total.
            metrics: Names, `Metric` objects or functions; for several outputs a list or dict of
                lists. They ignore sample weights.
            weighted_metrics: Likewise, weighted by sample weights.
            run_eagerly: Whether to run every step in Python, under ``jax.disable_jit()``: slow, but
                a debugger can stop in it.
            steps_per_execution: Steps in one dispatch. "auto" chooses by measured times; in any
                case every hook is called for every batch, with that batch's logs.
            jit_compile: Not used: what does not run eagerly is compiled.
            auto_scale_loss: Not used: nothing here scales losses.

        Raises:
            ValueError: A name is unknown or a value illegal; nothing was changed.
            TypeError: Something of a kind that is not taken; nothing was changed.

        Differs from Keras: ``steps_per_execution`` changes the speed and never the hooks.
        """
        goals = Goals(loss, loss_weights, metrics, weighted_metrics)
        goals.check()
        steps = check_steps_per_execution(steps_per_execution)
        found = optimizers.get(optimizer, where=in_compile(optimizer))
        if found is None:
            raise ValueError(
                explain(
                    "compile(optimizer=None)",
                    expected="an optimizer",
                    received="None",
                    action='Pass a name such as "adam", or leave the argument out for "rmsprop".',
                )
            )
        self._compile(found, goals, steps, run_eagerly=bool(run_eagerly))

    @property
    def optimizer(self) -> Any:
        """The optimizer; its ``learning_rate`` is that at the current batch and may be set.

        Between runs another optimizer may be assigned; it starts at its first step.
        """
        return self._engine.recipe.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: OptimizerLike) -> None:
        found = optimizers.get(optimizer, where="model.optimizer = ...")
        if found is None:
            raise OPTIMIZERS.reject(None, where="model.optimizer = ...")
        recipe = self._engine.recipe
        steps, eagerly = recipe.steps_per_execution, recipe.run_eagerly
        self._compile(found, recipe.goals, steps, run_eagerly=eagerly)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._engine.recipe.optimizer is not None

    @property
    def run_eagerly(self) -> bool:
        """Whether every step runs in Python."""
        return self._engine.recipe.run_eagerly

    @property
    def loss(self) -> Any:
        """The loss, as it was given to `compile`."""
        return self._engine.recipe.goals.loss

    @property
    def metrics(self) -> list[MetricView]:
        """What the model reports, the loss first, as far as known; live."""
        return [MetricView(self._engine, name) for name in self._engine.log_keys()]

    def reset_metrics(self) -> None:
        """Lets the running metrics start again, as they do at every epoch."""
        self._engine.reset_metrics()

    @property
    def metrics_names(self) -> list[str]:
        """Names of what ``evaluate`` returns; all of them are known after the first run."""
        return list(self._engine.log_keys()) or (["loss"] if self.compiled else [])

    # Running

    @public("fit", former=FORMER_OF_FIT)
    def fit(
        self,
        x: DataLike | None = None,
        y: DataLike | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Verbose = "auto",
        callbacks: object = None,
        validation_split: float = 0.0,
        validation_data: DataLike | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: DataLike | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: FrequencyLike | Iterable[int] = 1,
        *,
        resume: str | os.PathLike[str] | Checkpoint | None = None,
        callback_failures: Failures = None,
        on_interrupt: OnInterrupt = "raise",
    ) -> History | None:
        """Trains.

        Arrays given to a call are read as of its start: what a hook changes in them does not count.
        Those that take more than a quarter of the device's memory cannot be written to meanwhile.
        What an iterable yields is read when it yields it.

        Args:
            x: Inputs: an array, a dict or tuple of arrays, or an iterable of batches ``(x, y)`` or
                ``(x, y, sample_weight)``, such as a generator.
            y: Targets, one row per sample.
            batch_size: Samples in a batch, 32 by default.
            epochs: Number of the epoch to stop before, counted from 0.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch, 3 the numbers of epochs alone;
                "auto" is 1.
            callbacks: Callbacks: one, or a list. Any object with hooks.
            validation_split: Share of the samples, the last ones, kept for validation.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or an iterable of batches.
            shuffle: Whether arrays are read in a new order at each pass.
            class_weight: Class number -> weight in training.
            sample_weight: Weight of each sample in the loss and in ``weighted_metrics``.
            initial_epoch: Number of the first epoch.
            steps_per_epoch: Batches in an epoch; data continue where the last epoch stopped.
            validation_steps: Batches of validation data, from their beginning.
            validation_batch_size: Samples in a batch of validation; ``batch_size`` by default.
            validation_freq: Validate every n epochs, or the numbers of epochs to validate; or
                a number and a unit: ``"2 epochs"``, or ``"500 batches"`` to validate within epochs,
                after every n batches of the run, with the hook ``on_validation_end``.
                Callbacks that monitor a ``val_`` key then go by validations, not by epochs.
            resume: Directory in which the run is recorded. The same script, started again after
                whatever ended it, continues there, bit for bit; a fit that is over is not trained
                again. Or a `callbacks.Checkpoint` with settings.
            callback_failures: What an exception from a callback does: ``"raise"`` ends the run,
                ``"warn"`` switches the callback off; for all, or class or callback -> one of them.
                The others go by their own `on_failure`.
            on_interrupt: What Ctrl-C does, the stop button of a notebook: ``"raise"`` raises
                `KeyboardInterrupt`; ``"return"`` prints one line and returns the history so far,
                and the next cell or line runs.

        Returns:
            The `History` of the run, also in ``model.history`` when an exception ends it.

        Raises:
            ValueError: Data or arguments are illegal; nothing has been trained.
            TypeError: An argument is unknown; the message names the closest, or today's name.

        Differs from Keras: there a change of an array counts from the next batch that is read;
        a generator that is used up before the epochs are done is an error;
        iterables of batches are never shuffled, and nothing warns about it; `validation_freq` takes
        units, and so validates within epochs; `resume`, `callback_failures`, `on_interrupt` are
        new; Ctrl-C and SIGTERM end a run after the batch that is under way, a second Ctrl-C at
        once.
        """
        return self._runs.fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
            resume=resume,
            callback_failures=callback_failures,
            on_interrupt=on_interrupt,
        )

    @public("evaluate", former=FORMER_OF_RUNS)
    def evaluate(
        self,
        x: DataLike | None = None,
        y: DataLike | None = None,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        sample_weight: DataLike | None = None,
        steps: int | None = None,
        callbacks: object = None,
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
        logs = self._runs.evaluate(
            x,
            y,
            batch_size=batch_size,
            verbose=verbose,
            sample_weight=sample_weight,
            steps=steps,
            callbacks=callbacks,
        )
        return logs if return_dict else self._listed(logs)

    @public("predict", former=FORMER_OF_RUNS)
    def predict(
        self,
        x: DataLike,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: object = None,
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
        return self._runs.predict(
            x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks
        )

    @public("train_on_batch")
    def train_on_batch(
        self,
        x: DataLike,
        y: DataLike | None = None,
        sample_weight: DataLike | None = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Takes one training step; arguments and result as for `fit` and `evaluate`."""
        logs = self._runs.one_batch("train", x, y, sample_weight, class_weight)
        return logs if return_dict else self._listed(logs)

    @public("test_on_batch")
    def test_on_batch(
        self,
        x: DataLike,
        y: DataLike | None = None,
        sample_weight: DataLike | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Evaluates one batch; arguments and result as for `evaluate`."""
        logs = self._runs.one_batch("test", x, y, sample_weight)
        return logs if return_dict else self._listed(logs)

    @public("predict_on_batch")
    def predict_on_batch(self, x: DataLike) -> Any:
        """Returns the outputs for one batch, NumPy arrays."""
        return self.predict(x, batch_size=rows(x), verbose=0)

    fit_generator = takes_generators("fit")
    evaluate_generator = takes_generators("evaluate")
    predict_generator = takes_generators("predict")

    # For callbacks

    @public("past")
    def past(
        self,
        directory: str | os.PathLike[str],
        x: DataLike,
        y: DataLike | None = None,
        *,
        batch_size: int | None = None,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: DataLike | None = None,
        steps_per_epoch: int | None = None,
    ) -> Past:
        """Returns what finds the batches of a run that was recorded in a directory.

        In any process: the model is built and compiled as it was; its state stays as it is.

        Args:
            directory: The directory of the `Recorder`, or without one that of the checkpoints, as
                given to ``fit(resume=...)``: of several fits in it the last one counts, so name
                ``fit-0`` for the first. Checkpoints lead to the batches between two of them.
            x: The inputs of that run; this and the other arguments as for `fit`.
            y: Its targets.
            batch_size: Samples in a batch.
            class_weight: Class number -> weight.
            sample_weight: Weight of each sample.
            steps_per_epoch: Batches in an epoch.

        Returns:
            An object with `at(epoch, batch)` and `first(condition)`, as the History has them.

        Raises:
            ValueError: The model or the data are not those of the run.
            OSError: There is no record, or it cannot be read.

        Differs from Keras: new.
        """
        return self._runs.past_in(
            os.fspath(directory),
            x,
            y,
            steps_per_epoch,
            batch_size=batch_size,
            class_weight=class_weight,
            sample_weight=sample_weight,
        )

    # Inside

    def _compile(
        self, optimizer: Optimizer, goals: Goals, steps: StepsPerExecution, *, run_eagerly: bool
    ) -> None:
        engine = self._engine
        recipe = NativeRecipe.compiled(
            engine.functional,
            optimizer,
            goals,
            before=engine.recipe,
            source=engine,
            steps_per_execution=steps,
            run_eagerly=run_eagerly,
        )
        engine.compile(recipe)

    def _told_compiled(self) -> str:
        """Returns by what the model is trained, in words."""
        if not self.compiled:
            return "not compiled"
        loss = self.loss
        told = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
        return f"compiled with {type(self.optimizer).__name__}" + (f", {told}" if loss else "")

    def _listed(self, logs: Logs) -> Any:
        """Returns logs as ``evaluate`` does: one value, or a list in compile order."""
        keys = self._engine.log_keys()
        values = [logs[key] for key in keys if key in logs]
        return values[0] if len(values) == 1 else values

    def _build_for(self, x: DataLike) -> None:
        """Makes the weights for an input, arrays or their shapes and dtypes."""
        self._engine.build(x, self._seeds)
