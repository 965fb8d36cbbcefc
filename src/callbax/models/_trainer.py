"""What trains a model: compile, fit, evaluate, predict, and what callbacks see of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import jax

from callbax import optimizers
from callbax._core._errors import explain
from callbax._core._frequency import FrequencyLike
from callbax._core._hooks import Logs
from callbax._core._rng import SeedSource
from callbax._core._types import DataLike, LossLike, MetricsLike, PyTree, Verbose
from callbax._data._placement import OneDevice
from callbax._modules._protocol import Functional
from callbax._stores._protocol import RunState
from callbax._training._averages import Averages
from callbax._training._computed import ComputeLoss
from callbax._training._engine import Engine
from callbax._training._native import NativeRecipe
from callbax._training._objective import Goals
from callbax._training._pace import StepsPerExecution, check_steps_per_execution
from callbax._training._views import MetricView
from callbax.callbacks import History
from callbax.callbacks._model_view import GaugeView
from callbax.models._generators import takes_generators
from callbax.models._runs import Runs, rows
from callbax.optimizers import Optimizer
from callbax.optimizers._lookup import OPTIMIZERS, OptimizerLike


class Trainer:
    """Compiles and runs a module; the kinds of models build on it.

    Args:
        functional: The module.
        name: The model's name.
        seed: Fixes the order in which data are shuffled.

    Attributes:
        stop_training: Set it in a hook to end ``fit`` after the current epoch's validation.
        stop_evaluating: Set it in a hook to cut the current evaluation.
        stop_predicting: Set it in a hook to cut the current prediction.
        history: The `History` of the last fit.
    """

    compute_loss: ComputeLoss | None = None
    """Computes the loss in a subclass that overrides it: ``compute_loss(self, outputs, batch)``.

    It returns the loss, or the loss and a dict of other values for the logs, all of them scalars;
    `batch` is ``(x, y, sample_weight)``. It is traced, so that it has to be pure.
    """

    def __init__(self, functional: Functional, name: str, seed: int | None) -> None:
        self.name = name
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history: History | None = None
        self.first_epoch: int | None = None
        self._seeds = None if seed is None else SeedSource(seed)
        self._engine = Engine(functional, OneDevice())
        self._inputs: PyTree = None
        self._averages = Averages(self._engine)
        face: Any = self  # a kind of model adds what is missing: weights and files
        self._runs = Runs(face, self._engine, self._averages, seed, self._build_for)

    # Compiling

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
        found = optimizers.get(optimizer)
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
        """Names of what ``evaluate`` returns, as far as known: all of them after the first run."""
        return list(self._engine.log_keys()) or (["loss"] if self.compiled else [])

    # Running

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

        Returns:
            The `History` of the run, also in ``model.history`` when an exception ends it.

        Raises:
            ValueError: Data or arguments are illegal; nothing has been trained.

        Differs from Keras: there a change of an array counts from the next batch that is read;
        a generator that is used up before the epochs are done is an error;
        iterables of batches are never shuffled, and nothing warns about it; `validation_freq` takes
        units, and so validates within epochs.
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
        )

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

    def predict_on_batch(self, x: DataLike) -> Any:
        """Returns the outputs for one batch, NumPy arrays."""
        return self.predict(x, batch_size=rows(x), verbose=0)

    fit_generator = takes_generators("fit")
    evaluate_generator = takes_generators("evaluate")
    predict_generator = takes_generators("predict")

    # For callbacks

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

    def run_state(self) -> RunState:
        """Returns the fit under way as one value, as of the current batch."""
        return self._runs.run_state()

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
            compute_loss=self.compute_loss,
        )
        engine.compile(recipe)

    def _listed(self, logs: Logs) -> Any:
        """Returns logs as ``evaluate`` does: one value, or a list in compile order."""
        keys = self._engine.log_keys()
        values = [logs[key] for key in keys if key in logs]
        return values[0] if len(values) == 1 else values

    def _build_for(self, x: DataLike) -> None:
        """Makes the weights for an input, arrays or their shapes and dtypes."""
        self._inputs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), x)
        self._engine.build(x, self._seeds)
