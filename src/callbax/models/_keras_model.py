"""A Keras 3 model under callbax: Keras's layers, callbax's loop."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray

from callbax._core._calls import public
from callbax._core._errors import describe, explain
from callbax._core._hooks import Logs
from callbax._core._keras import load_keras
from callbax._core._markup import fixed, table
from callbax._core._types import LossLike, MetricsLike
from callbax._modules._keras import KerasFunctional
from callbax._modules._keras_inside import (
    described,
    evaluates_otherwise,
    initial_epoch,
    loaded,
    ordered,
    set_initial_epoch,
)
from callbax._modules._keras_training import KerasTraining
from callbax._training._objective import Goals
from callbax._training._own import OwnRecipe
from callbax._training._pace import StepsPerExecution
from callbax.distribution import Distribution
from callbax.layers._symbolic import is_input, tensor_of, twin
from callbax.models._files import ModelFiles
from callbax.models._former import FORMER_OF_COMPILE
from callbax.models._keras_compile import is_for_callbax
from callbax.models._keras_files import copied, save_compiled
from callbax.models._trainer import Trainer
from callbax.optimizers._lookup import OptimizerLike
from callbax.saving._atomic import PathLike

_OWN = frozenset(("name",))
"""Plain attributes of the trainer, which the Keras model does not get."""


class KerasModel(Trainer):
    """Trains, evaluates and runs a Keras model on the JAX backend.

    ``Model(keras_model)`` makes one. What is not of this class is the Keras model's:
    ``model.layers``, ``model.save(...)``, ``model.encoder``. In hooks, and after a run, its
    variables are as of the current batch, and so are those of its optimizer and metrics.

    A model that Keras compiled is trained by Keras's own step, with all that its class overrides,
    bit for bit. Compiled here, with an optimizer, losses and metrics of callbax, it gives its
    outputs, and the step is callbax's, which is faster. `summary` says which it is.

    Args:
        module: The model, compiled or not.
        seed: Fixes the order in which data are shuffled.
        name: Its name.
        distribution: How weights and batches are divided among devices, as for `Model`.
        replaced: Whether callbacks of others are given the Keras model in place of this one.

    Attributes:
        module: The Keras model.

    Example:
        >>> import keras, numpy as np  # doctest: +SKIP
        >>> model = Model(keras.Sequential([keras.layers.Dense(1)]))  # doctest: +SKIP
        >>> model.compile("adam", "mse")  # doctest: +SKIP
    """

    _orders = "numpy"

    def __init__(
        self,
        module: Any,
        *,
        seed: int | None = None,
        name: str | None = None,
        distribution: Distribution | None = None,
        replaced: bool = False,
    ) -> None:
        vars(self).update(module=module, _replaced=replaced)
        functional = KerasFunctional(module)
        super().__init__(functional, name or module.name, seed, distribution)
        self._own = OwnRecipe(functional, KerasTraining(functional))
        self._engine.compile(self._own)

    def __getattr__(self, name: str) -> Any:
        module = vars(self).get("module")
        if module is None or name.startswith("__"):
            raise AttributeError(name)
        return getattr(module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        own = name in _OWN or name.startswith("_") or hasattr(type(self), name)
        if own or not hasattr(self.module, name):
            super().__setattr__(name, value)
        else:
            setattr(self.module, name, value)

    def __repr__(self) -> str:
        return f"<Model of {self.module!r}>"

    def _repr_html_(self) -> str:
        heads = ("Layer (type)", "Output Shape", "Param #")
        rows = [
            (f"{layer.name} ({type(layer).__name__})", _output_shape(layer), _size(layer))
            for layer in self.module.layers
        ]
        return table(heads, rows, title=f'Model: "{self.module.name}"') + fixed(self._told_step())

    def __deepcopy__(self, memo: dict[int, Any]) -> "KerasModel":
        """Returns a model of its own, as of the current batch, that continues as this one would."""
        state = self.__getstate__()
        other = object.__new__(type(self))
        module = copied(self.module, compiled=self.is_own and self.module.compiled)
        memo |= {id(self): other, id(self.module): module}
        other.__setstate__(copy.deepcopy(state, memo))
        return other

    def __getstate__(self) -> dict[str, Any]:
        # Keras loads no optimizer that was saved before its first step, and keeps the states of
        # random streams out of what it saves.
        if self.is_own and self.module.compiled and self.built:
            self.module.optimizer.build(self.module.trainable_variables)
        random = self._engine.read_variables().random if self.built else {}
        return vars(self) | {"_random": jax.tree.map(np.asarray, random)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        random = state.pop("_random")
        vars(self).update(state)
        if random:
            variables = self._engine.read_variables()
            self._engine.write_variables(variables._replace(random=random))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the Keras model, as of the current weights; on an `Input`, as in Keras."""
        args, kwargs = jax.tree.map(tensor_of, (args, kwargs), is_leaf=is_input)
        return self.module(*args, **kwargs)

    def add(self, layer: object) -> None:
        """Puts one more layer at the end of a sequential model."""
        self.module.add(tensor_of(layer) if is_input(layer) else twin(layer))

    @property
    def is_own(self) -> bool:
        """Whether it is trained by Keras's own step."""
        return self._engine.recipe is self._own

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
        """Sets how to train and what to report.

        Names and objects of callbax and optax, and losses and metrics of Keras, make callbax's own
        step. Keras compiles the model if the optimizer is Keras's, if a name is known to Keras
        alone, if the model's class overrides how it trains, or if it computes in float16.

        Args:
            optimizer: As for `Model.compile`, or a Keras optimizer.
            loss: As for `Model.compile`, or a Keras loss.
            loss_weights: As for `Model.compile`.
            metrics: As for `Model.compile`, or Keras metrics.
            weighted_metrics: Likewise.
            run_eagerly: Whether to run every step in Python.
            steps_per_execution: As for `Model.compile`.
            jit_compile: As for Keras.
            auto_scale_loss: As for Keras.

        Raises:
            ValueError: A name is unknown or a value illegal; nothing was changed.
            TypeError: Something of a kind that is not taken; nothing was changed.
        """
        goals: dict[str, Any] = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        if is_for_callbax(self.module, optimizer, Goals(**goals)):
            super().compile(
                optimizer,
                **goals,
                run_eagerly=run_eagerly,
                steps_per_execution=steps_per_execution,
            )
            return
        self.module.compile(
            optimizer,
            **goals,
            run_eagerly=run_eagerly,
            steps_per_execution=1 if steps_per_execution == "auto" else steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )
        self._engine.compile(self._own)

    def summary(self, *args: Any, print_fn: Callable[..., Any] | None = None, **kw: Any) -> None:
        """Prints Keras's table, and by whose step the model is trained."""
        self.module.summary(*args, print_fn=print_fn, **kw)
        (print_fn or print)(f" {self._told_step()}")

    @public("save")
    def save(self, filepath: PathLike, overwrite: bool = True, **options: Any) -> None:
        """Writes the whole model as Keras does, compilation and optimizer's state included.

        Args:
            filepath: Ends in ``.keras``.
            overwrite: Whether a file that exists may be replaced.
            **options: What else ``keras.Model.save`` takes.

        Raises:
            ValueError: The name ends otherwise.
            OSError: The file cannot be written, or may not be replaced.
        """
        files = ModelFiles(self._engine)
        if not self.is_lead:
            files.contents(self.name)  # what is divided among processes is put together by all
        elif self.is_own or not self.compiled:
            self.module.save(filepath, overwrite=overwrite, **options)
        else:
            save_compiled(self.module, files, filepath, overwrite, **options)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> "KerasModel":
        """Returns a model of new weights, of what `get_config` says of one; not compiled.

        Args:
            config: That of a functional or sequential model.
            custom_objects: The user's classes and functions, by name.
        """
        keras = load_keras("Model.from_config")
        made_by = keras.Model if "input_layers" in config else keras.Sequential
        return cls(made_by.from_config(config, custom_objects))

    def get_compile_config(self) -> dict[str, Any] | None:
        """Returns the arguments of `compile` as plain values; None before it was called."""
        if self.is_own:
            config: dict[str, Any] | None = self.module.get_compile_config()
            return config
        return ModelFiles(self._engine).compile_config()

    def take_optimizer(self, variables: Sequence[NDArray[Any]]) -> None:
        """Replaces the state of callbax's own optimizer by what a file holds of it."""
        ModelFiles(self._engine).take_contents({}, variables)

    def get_state_tree(self, value_format: str = "numpy_array") -> dict[str, Any]:
        """Returns all state as nested dicts of arrays, as of the current batch."""
        if not self.is_own:
            return ModelFiles(self._engine).state_tree()
        tree: dict[str, Any] = self.module.get_state_tree(value_format)
        return tree

    def described(self) -> str | None:
        """Returns what the model is made of and compiled with, as JSON; None if it cannot be told.

        It is what a ``.keras`` file holds.
        """
        try:
            return described(self.module)
        except (TypeError, NotImplementedError, ValueError):  # a class without `get_config`
            return None

    @property
    def log_keys(self) -> tuple[str, ...] | None:
        """Keys of the logs at the end of an epoch, sorted; None before the first run."""
        report = self._own.report
        if not self.is_own or report is None:
            return super().log_keys
        if self._runs.validates and "test" not in report.forms and evaluates_otherwise(self.module):
            return None
        validated = [f"val_{key}" for key in report.test_keys] if self._runs.validates else []
        return tuple(sorted([*report.keys, *validated]))

    def as_seen_by(self, callback: object) -> Any:
        """Returns the model that a callback is given."""
        root = type(callback).__module__.partition(".")[0]
        # Keras's own look for its model's class: to save all of it, to draw its graph.
        replaced = self._replaced or (root == "keras" and self.is_own)
        return self.module if replaced and root != "callbax" else self

    # What callbacks set on the Keras model counts, and the other way round.

    @property
    def stop_training(self) -> bool:
        """Whether ``fit`` is to end after the current epoch's validation."""
        return bool(self.module.stop_training)

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self.module.stop_training = value

    @property
    def first_epoch(self) -> int | None:
        """The epoch to start in, as Keras's own `BackupAndRestore` sets it in a hook."""
        return initial_epoch(self.module)

    @first_epoch.setter
    def first_epoch(self, value: int | None) -> None:
        set_initial_epoch(self.module, value)

    @property
    def stop_evaluating(self) -> bool:
        """Whether the current evaluation is to be cut."""
        return bool(self.module.stop_evaluating)

    @stop_evaluating.setter
    def stop_evaluating(self, value: bool) -> None:
        self.module.stop_evaluating = value

    @property
    def stop_predicting(self) -> bool:
        """Whether the current prediction is to be cut."""
        return bool(self.module.stop_predicting)

    @stop_predicting.setter
    def stop_predicting(self, value: bool) -> None:
        self.module.stop_predicting = value

    @property
    def history(self) -> Any:
        """The `History` of the last fit."""
        return self.module.history

    @history.setter
    def history(self, value: object) -> None:
        self.module.history = value

    @property
    def optimizer(self) -> Any:
        """The optimizer; its numbers are those at the current batch."""
        return self._engine.recipe.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        if self.is_own:
            if self.module.compiled and not isinstance(optimizer, loaded().optimizers.Optimizer):
                raise TypeError(
                    explain(
                        "model.optimizer = ...",
                        expected="an optimizer of Keras's, with which Keras compiled the model",
                        received=describe(optimizer),
                        action="Compile again with this optimizer, the loss and the metrics.",
                    )
                )
            self.module.optimizer = optimizer
            return
        recipe = self._engine.recipe
        goals = recipe.goals
        self.compile(
            optimizer,
            goals.loss,
            goals.loss_weights,
            goals.metrics,
            goals.weighted_metrics,
            run_eagerly=recipe.run_eagerly,
            steps_per_execution=recipe.steps_per_execution,
        )

    @property
    def metrics(self) -> list[Any]:
        """What the model reports; live."""
        return self.module.metrics if self.is_own else super().metrics

    @property
    def metrics_names(self) -> list[str]:
        """Names of what is reported, as Keras lists them."""
        return self.module.metrics_names if self.is_own else super().metrics_names

    # Inside

    def _listed(self, logs: Logs) -> Any:
        if not self.is_own:
            return super()._listed(logs)
        values = ordered(self.module, logs)
        return values[0] if len(values) == 1 else values

    def _told_step(self) -> str:
        step = "Keras's own `train_step`" if self.is_own else "callbax's, of the model's outputs"
        return f"Training step: {step if self.compiled else 'not compiled yet'}"


def _output_shape(layer: Any) -> str:
    try:
        return str(jax.tree.map(lambda tensor: tensor.shape, layer.output))
    except AttributeError:  # it was not called on an `Input`
        return "?"


def _size(layer: Any) -> str:
    return f"{layer.count_params():,}" if layer.built else "?"
