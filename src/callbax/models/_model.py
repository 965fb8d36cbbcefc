"""The model: what users compile, fit, evaluate and ask for predictions."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from callbax import optimizers, saving
from callbax._core._errors import describe, explain
from callbax._core._frequency import FrequencyLike
from callbax._core._naming import auto_name
from callbax._core._rng import SeedSource
from callbax._core._types import DataLike, LossLike, MetricsLike, PyTree, ShapeLike, Verbose
from callbax._data._placement import OneDevice
from callbax._modules._adapters import functional_of
from callbax._modules._nnx_parts import find_part
from callbax._modules._protocol import Part
from callbax._modules._stack import spec_of
from callbax._stores._protocol import RunState
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._native import NativeRecipe
from callbax._training._objective import Goals
from callbax._training._pace import StepsPerExecution, check_steps_per_execution
from callbax._training._views import MetricView, WeightView, weight_views
from callbax._training._weights import get_weights, set_weights
from callbax.callbacks import History
from callbax.callbacks._model_view import GaugeView
from callbax.models._files import ModelFiles, compile_arguments
from callbax.models._generators import takes_generators
from callbax.models._runs import Runs, results, rows
from callbax.models._summary import summary_table
from callbax.optimizers import Optimizer
from callbax.optimizers._lookup import OPTIMIZERS, OptimizerLike
from callbax.saving._atomic import PathLike
from callbax.saving._contents import Contents


class Model:
    """Trains, evaluates and runs an NNX module, with Keras's methods, arguments and callbacks.

    Give it any ``flax.nnx.Module`` and compile it with Keras names, with callbax objects, or with
    an ``optax`` transformation and functions of (y_true, y_pred).

    Args:
        module: The module; its call takes a batch and returns an array, or a dict or tuple of
            arrays. Several inputs reach it as several arguments if it takes several.
        seed: Fixes the order in which data are shuffled; without it the order follows from
            ``utils.set_random_seed``. A module draws dropout from its own ``nnx.Rngs``, again at
            every training step.
        name: Its name.
        *others: Refused.
        **unknown: Refused.

    Raises:
        TypeError: There is no module, or it is no ``nnx.Module``; Keras's functional models and
            subclasses of its ``Model`` are made in other ways.

    Attributes:
        stop_training: Set it in a hook to end ``fit`` after the current epoch's validation.
        stop_evaluating: Set it in a hook to cut the current evaluation.
        stop_predicting: Set it in a hook to cut the current prediction.
        history: The `History` of the last fit.

    Example:
        >>> import numpy as np
        >>> from flax import nnx
        >>> model = Model(nnx.Linear(2, 1, rngs=nnx.Rngs(0)), seed=0)
        >>> model.compile("sgd", "mse")
        >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], "float32")
        >>> history = model.fit(x, x.sum(1, keepdims=True), epochs=50, verbose=0)
        >>> history.history["loss"][-1] < history.history["loss"][0]
        True
    """

    def __init__(
        self,
        module: object = None,
        *others: object,
        seed: int | None = None,
        name: str | None = None,
        **unknown: object,
    ) -> None:
        if module is None or others or unknown:
            raise _no_model_of_keras(type(self), module, *others, **unknown)
        self.name: str = name or auto_name(type(self).__name__)
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history: History | None = None
        self.first_epoch: int | None = None
        self.train_function: Any = None  # Keras's own `TensorBoard` draws it if it is TensorFlow's.
        self._seeds = None if seed is None else SeedSource(seed)
        self._engine = Engine(functional_of(module), OneDevice())
        self._averages = Averages(self._engine)
        self._files = ModelFiles(self._engine)
        self._runs = Runs(self, self._engine, self._averages, seed, self._build_for)

    # What it is made of

    @property
    def module(self) -> Any:
        """The user's module; in a hook it is as of the current batch, and changes to it count."""
        return self._engine.functional.module

    @property
    def layers(self) -> list[Any]:
        """The module's parts, in the order in which they were made; live like the module."""
        return [part.value for part in self._parts()]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """Returns a layer by its name or position.

        Raises:
            ValueError: There is none, or neither or both were given.
        """
        return find_part(self._parts(), name, index)

    def as_layer(self) -> Any:
        """Returns the module, for a layer or a `Sequential` that this model is put into.

        Its weights are those of this model.
        """
        return self.module

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        return self._engine.functional.built

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; set it between runs, for all layers at once."""
        return self._engine.functional.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._engine.functional.trainable = value

    def build(self, input_shape: ShapeLike | None = None) -> None:
        """Makes the weights.

        Args:
            input_shape: Shape of a batch of inputs, None for the number of samples. A plain NNX
                module has its weights already and needs none.
        """
        if not self.built:
            self._build_for(spec_of(input_shape))

    def get_weights(self) -> list[NDArray[Any]]:
        """Returns copies of all weights: layer by layer, trainable ones first, as in Keras.

        Raises:
            ValueError: The model is not built.

        Differs from Keras: a model that is not built is an error, not an empty list.
        """
        self._need_built("get_weights")
        return get_weights(self._engine)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all weights.

        Args:
            weights: Arrays of the shapes that `get_weights` returns, in that order.

        Raises:
            ValueError: Their number or shapes differ, or the model is not built; nothing was
                changed.
        """
        self._need_built("set_weights")
        set_weights(self._engine, list(weights))

    @property
    def weights(self) -> list[WeightView]:
        """All weights, live, in the order of `get_weights`; none before the model is built."""
        return weight_views(self._engine)

    @property
    def trainable_weights(self) -> list[WeightView]:
        """Those that training changes."""
        return weight_views(self._engine, trainable=True)

    @property
    def non_trainable_weights(self) -> list[WeightView]:
        """Those that it does not."""
        return weight_views(self._engine, trainable=False)

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def dtype(self) -> str:
        """The dtype in which layers compute."""
        return "float32"

    @property
    def inputs(self) -> list[jax.ShapeDtypeStruct]:
        """Shapes and dtypes of the inputs, None for the number of samples.

        Raises:
            AttributeError: They are not known, as with a plain NNX module.
        """
        return jax.tree.leaves(self._shapes("inputs")[0])

    @property
    def outputs(self) -> list[jax.ShapeDtypeStruct]:
        """Shapes and dtypes of the outputs, likewise."""
        return jax.tree.leaves(self._shapes("outputs")[1])

    @property
    def input_shape(self) -> Any:
        """Shape of a batch of inputs, None for the number of samples; likewise."""
        return jax.tree.map(lambda leaf: leaf.shape, self._shapes("input_shape")[0])

    @property
    def output_shape(self) -> Any:
        """Shape of a batch of outputs; likewise."""
        return jax.tree.map(lambda leaf: leaf.shape, self._shapes("output_shape")[1])

    def count_params(self) -> int:
        """Returns how many numbers all weights hold."""
        return sum(weight.size for weight in self.get_weights())

    def summary(
        self, line_length: int | None = None, print_fn: Callable[[str], Any] | None = None
    ) -> None:
        """Prints a table of the layers, their output shapes and parameters.

        Args:
            line_length: Width in characters; by default the terminal's, at most 100.
            print_fn: Takes the text in place of ``print``.
        """
        functional = self._engine.functional
        state = self._engine.read() if self.built else None
        sizes = [
            0 if state is None else sum(leaf.size for leaf in jax.tree.leaves(part))
            for part in (state and state.params, state and state.stats, state and state.optimizer)
        ]
        sizes_of_parts = [functional.size_of(part.value) for part in functional.parts()]
        summary_table(
            self.name,
            list(zip(self._parts(), sizes_of_parts, strict=True)),
            trainable=sizes[0],
            other=sizes[1],
            optimizer=sizes[2],
            line_length=line_length,
            print_fn=print_fn,
        )

    def start_profile(self, log_dir: str) -> None:
        """Starts JAX's profiler; its trace goes below a directory."""
        # What ran ahead has run already; dropped, it runs again, in the trace.
        self._engine.drop_future()
        jax.profiler.start_trace(log_dir)

    def stop_profile(self) -> None:
        """Ends what `start_profile` started and writes the trace."""
        jax.block_until_ready(self._engine.read())
        jax.profiler.stop_trace()

    def __call__(self, x: DataLike, training: bool = False) -> Any:
        """Returns the module's output for a batch, as of the current weights."""
        x = jax.tree.map(jnp.asarray, x)
        self._build_for(x)
        return self._engine.forward(x, training=training)

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
        engine = self._engine
        goals, steps = engine.recipe.goals, engine.steps_per_execution
        self._compile(found, goals, steps, run_eagerly=engine.run_eagerly)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._engine.recipe.optimizer is not None

    @property
    def run_eagerly(self) -> bool:
        """Whether every step runs in Python."""
        return self._engine.run_eagerly

    @property
    def loss(self) -> Any:
        """The loss, as it was given to `compile`."""
        return self._engine.recipe.goals.loss

    @property
    def losses(self) -> list[Any]:
        """Losses that layers add: none here."""
        return []

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
        return logs if return_dict else results(logs, self._engine.log_keys())

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
        return logs if return_dict else results(logs, self._engine.log_keys())

    def test_on_batch(
        self,
        x: DataLike,
        y: DataLike | None = None,
        sample_weight: DataLike | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Evaluates one batch; arguments and result as for `evaluate`."""
        logs = self._runs.one_batch("test", x, y, sample_weight)
        return logs if return_dict else results(logs, self._engine.log_keys())

    def predict_on_batch(self, x: DataLike) -> Any:
        """Returns the outputs for one batch, NumPy arrays."""
        return self.predict(x, batch_size=rows(x), verbose=0)

    fit_generator = takes_generators("fit")
    evaluate_generator = takes_generators("evaluate")
    predict_generator = takes_generators("predict")

    # Files

    def save_weights(self, filepath: PathLike, overwrite: bool = True) -> None:
        """Writes the weights as of the current batch; see `callbax.saving.save_weights`.

        Args:
            filepath: Ends in ``.weights.h5`` for Keras's format, which holds the optimizer's
                state too, or in ``.safetensors`` for weights alone.
            overwrite: Whether a file that exists may be replaced.

        Raises:
            ValueError: The name ends otherwise, or the model is not built.
            OSError: The file cannot be written, or may not be replaced; an old one is as it was.
        """
        if self.is_lead:
            saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: PathLike, skip_mismatch: bool = False) -> None:
        """Reads weights, and the optimizer's state if the file holds it; in a hook they count.

        See `callbax.saving.load_weights`.

        Args:
            filepath: A ``.weights.h5``, ``.safetensors`` or ``.keras`` file.
            skip_mismatch: Whether arrays that the file lacks or has in another shape keep their
                values, with a warning.

        Raises:
            ValueError: The file is that of another model; nothing was changed.
            OSError: The file is missing, damaged or of another kind; nothing was changed.
        """
        saving.load_weights(self, filepath, skip_mismatch)

    def save(self, filepath: PathLike, overwrite: bool = True) -> None:
        """Writes the whole model, compilation and optimizer's state included, as ``.keras``.

        See `callbax.saving.save_model`.

        Raises:
            TypeError: Plain values cannot describe the model, as with a plain NNX module.
            ValueError: The name ends otherwise.
            OSError: The file cannot be written, or may not be replaced; an old one is as it was.
        """
        if self.is_lead:
            saving.save_model(self, filepath, overwrite)

    def get_config(self) -> dict[str, Any]:
        """Returns what the model is made of, as plain values; a plain NNX module cannot be told.

        Raises:
            TypeError: Always; `Sequential` overrides it.
        """
        raise TypeError(
            explain(
                "model.get_config()",
                expected="a `Sequential` of layers, which plain values describe",
                received=f"a `Model` of the NNX module {type(self.module).__name__}",
                action="Use `save_weights`, make the module in code and `load_weights` into it.",
            )
        )

    def to_json(self, **kwargs: Any) -> str:
        """Returns `get_config` as JSON text, for ``keras.models.model_from_json``.

        Differs from Keras: what the model was compiled with is left out.
        """
        return json.dumps(saving.serialize_keras_object(self), **kwargs)

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns for what inputs the model was built; None if that does not matter."""
        return None

    def get_compile_config(self) -> dict[str, Any] | None:
        """Returns the arguments of `compile` as plain values; None before it was called.

        Raises:
            TypeError: One of them is a lambda or an optax transformation.
        """
        return self._files.compile_config()

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles the model as `get_compile_config`, here or in Keras, says."""
        self.compile(**compile_arguments(config))

    def file_contents(self) -> Contents:
        """Returns the arrays as of the current batch under the keys that files use."""
        return self._files.contents(self.name)

    def take_file_contents(
        self, weights: Mapping[str, NDArray[Any]], optimizer: Sequence[NDArray[Any]] | None
    ) -> None:
        """Replaces what a file holds as of the current batch; weights by key, the rest stays."""
        self._files.take_contents(weights, optimizer)

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

    def run_state(self) -> RunState:
        """Returns the fit under way as one value, as of the current batch."""
        return self._runs.run_state()

    def get_state_tree(self) -> dict[str, Any]:
        """Returns all state as nested dicts of NumPy arrays, as of the current batch.

        Layers' variables go by Keras's paths, ``sequential/dense/kernel``.
        """
        return self._files.state_tree()

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
            engine.functional, optimizer, goals, before=engine.recipe, source=engine
        )
        engine.compile(recipe, steps, run_eagerly=run_eagerly)

    def _parts(self) -> list[Part]:
        return self._engine.functional.parts()

    def _shapes(self, name: str) -> tuple[PyTree, PyTree]:
        """Returns shapes and dtypes of batches of inputs and outputs."""
        found = self._engine.functional.shapes()
        if found is None:
            raise AttributeError(
                explain(
                    f"model.{name}",
                    expected="a model whose shapes are known",
                    received="one that is not built, or a plain module",
                    action="Build a `Sequential`; a plain module does not tell its shapes.",
                )
            )
        shapes: tuple[PyTree, PyTree] = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((None, *leaf.shape[1:]), leaf.dtype), found
        )
        return shapes

    def _need_built(self, where: str) -> None:
        if not self.built:
            raise ValueError(
                explain(
                    f"model.{where}",
                    expected="a model that is built",
                    received="one whose input shape is not known yet",
                    action="Give the first layer an `input_shape`, call `build`, or fit first.",
                )
            )

    def _build_for(self, x: DataLike) -> None:
        """Makes the weights for an input, arrays or their shapes and dtypes."""
        self._engine.build(x, self._seeds)


def _no_model_of_keras(cls: type, *given: object, **named: object) -> TypeError:
    """Builds the error for a model that is made as Keras's functional or subclassed ones."""
    listed = [describe(value) for value in given if value is not None]
    listed += [f"{name}={describe(value)}" for name, value in named.items()]
    return TypeError(
        explain(
            "Model(module)" if cls is Model else f"{cls.__name__}(), a subclass of Model",
            expected="one `flax.nnx.Module`, which computes the outputs",
            received=" and ".join(listed) or "none",
            action="Make a `Sequential` of layers; or write the layers and the call as an "
            "nnx.Module, for several inputs or outputs too, and pass that: Model(MyModule()).",
        )
    )
