"""The model: what users compile, fit, evaluate and ask for predictions."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from callbax import saving
from callbax._core._calls import public
from callbax._core._errors import explain
from callbax._core._naming import auto_name
from callbax._core._types import Array, DataLike, PyTree, ShapeLike
from callbax._modules._adapters import functional_of
from callbax._modules._keras import is_keras_model
from callbax._modules._nnx_parts import find_part
from callbax._modules._protocol import Part
from callbax._modules._stack import spec_of
from callbax._training._computed import compiled_loss
from callbax._training._objective import Goals
from callbax._training._pace import StepsPerExecution
from callbax._training._views import WeightView, weight_views
from callbax._training._weights import get_weights, set_weights
from callbax.distribution import Distribution
from callbax.layers._symbolic import called, is_symbolic
from callbax.models._files import ModelFiles, compile_arguments
from callbax.models._functional import functional_model, is_functional, no_module
from callbax.models._keras_model import KerasModel
from callbax.models._summary import layers_told, rows_of, sizes_of, summary_html, summary_table
from callbax.models._trainer import Trainer
from callbax.optimizers import Optimizer
from callbax.saving._atomic import PathLike
from callbax.saving._contents import Contents

LossValue = Array | tuple[Array, dict[str, Array]]
"""A loss, or a loss and other values for the logs."""


class Model(Trainer):
    """Trains, evaluates and runs a module, with Keras's methods, arguments and callbacks.

    Give it any ``flax.nnx.Module`` and compile it with Keras names, with callbax objects, or with
    an ``optax`` transformation and functions of (y_true, y_pred). It takes a ``flax.linen.Module``,
    an ``equinox.Module``, alone or as ``(module, state)``, and a pair of functions ``(init,
    apply)`` too: ``docs/extending.md`` says how each is called. Or give it a Keras model on the JAX
    backend, compiled or not: it keeps all that it has, and trains here.

    Args:
        module: The module; its call takes a batch (in Equinox one sample) and returns an array, or
            a dict or tuple of arrays. Several inputs reach it as several arguments if it takes
            several.
        seed: Fixes the order in which data are shuffled, and weights and draws of modules that are
            initialised here; without it they follow from ``utils.set_random_seed``. An NNX module
            draws dropout from its own ``nnx.Rngs``, again at every training step.
        name: Its name.
        trainable: Path of a weight, as in ``model.weights`` -> whether training changes it; by
            default it changes all that the module does not freeze itself.
        distribution: How weights and batches are divided among devices; by default as
            `distribution.set_distribution` was told, or as the module's arrays are placed.
        *others: Refused.
        **unknown: Refused.

    Raises:
        TypeError: There is no module, or one of a kind that is not known; Keras's functional models
            and subclasses of its ``Model`` are made in other ways.

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

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes the model, of another class for a Keras model, whose own methods it keeps."""
        if cls is Model and is_functional(*args, **kwargs):
            options = {key: kwargs.pop(key, None) for key in ("seed", "distribution")}
            return KerasModel(functional_model(*args, **kwargs), **options)
        if cls is Model and args and is_keras_model(args[0]):
            return KerasModel(*args, **kwargs)
        return super().__new__(cls)

    def __init__(
        self,
        module: object = None,
        *others: object,
        seed: int | None = None,
        name: str | None = None,
        trainable: Callable[[str], bool] | None = None,
        distribution: Distribution | None = None,
        **unknown: object,
    ) -> None:
        if module is None or others or unknown:
            raise no_module(
                "Model" if type(self) is Model else type(self).__name__, module, *others, **unknown
            )
        functional = functional_of(module, seed=seed, trainable=trainable)
        name = name or auto_name(type(self).__name__)
        super().__init__(functional, name, seed, distribution)
        self.train_function: Any = None  # Keras's own `TensorBoard` draws it if it is TensorFlow's.
        self._files = ModelFiles(self._engine)

    # What it is made of

    @property
    def module(self) -> Any:
        """The user's module; in a hook it is as of the current batch, and changes to it count.

        A module that cannot be changed, as in Equinox, is another object with every batch, and may
        be assigned: it is taken as of the current batch.
        """
        return self._engine.functional.module

    @module.setter
    def module(self, module: object) -> None:
        self._engine.functional.replace(module)

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

    @public("build")
    def build(self, input_shape: ShapeLike | None = None) -> None:
        """Makes the weights.

        Args:
            input_shape: Shape of a batch of inputs, None for the number of samples. A module that
                has its weights already needs none, but `summary` tells output shapes by it.
        """
        if input_shape is not None:
            self._engine.functional.inputs = spec_of(input_shape)
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
            AttributeError: They are not known yet, as with a plain module before the first run.
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

    @public("summary")
    def summary(
        self, line_length: int | None = None, print_fn: Callable[[str], Any] | None = None
    ) -> None:
        """Prints a table of the layers, their output shapes and parameters.

        Args:
            line_length: Width in characters; by default the terminal's, at most 100.
            print_fn: Takes the text in place of ``print``.
        """
        rows, sizes = self._table()
        summary_table(self.name, rows, **sizes, line_length=line_length, print_fn=print_fn)

    def __repr__(self) -> str:
        """Returns the name, how many layers and parameters there are, and how it was compiled."""
        told, sizes = layers_told(len(self._parts())), self._table()[1]
        size = f"{sizes['trainable'] + sizes['other']:,} parameters" if self.built else "not built"
        return f"<{type(self).__name__} {self.name}: {told}{size}, {self._told_compiled()}>"

    def _repr_html_(self) -> str:
        rows, sizes = self._table()
        return summary_html(self.name, rows, self._told_compiled(), **sizes)

    @public("model")
    def __call__(self, x: DataLike, training: bool = False) -> Any:
        """Returns the module's output for a batch, as of the current weights.

        In training, dropout drops others at every call, and statistics are updated, as in Keras.
        """
        if is_symbolic(x):
            return called(self, x)
        x = jax.tree.map(jnp.asarray, x)
        self._build_for(x)
        return self._engine.forward(x, training=training)

    def compute_loss(
        self,
        x: DataLike | None = None,
        y: DataLike | None = None,
        y_pred: PyTree = None,
        sample_weight: DataLike | None = None,
        training: bool = True,
    ) -> LossValue:
        """Returns the loss of a batch: the compiled losses. A subclass may return another.

        It is traced once and compiled into the step: it must be a pure function of its arguments,
        of the model (``self.module``, ``self(x)``), and of numbers and variables, which hooks may
        change (`callbax.backend.variable`: without compiling again).

        Args:
            x: Inputs of shape (samples, ...).
            y: Targets, or None.
            y_pred: The module's output, of any structure.
            sample_weight: Weight of each sample, or None.
            training: Whether it is a step of training.

        Returns:
            A scalar; or a tuple of it and a dict of other scalars, whose means go to the logs.

        Raises:
            ValueError: No loss was compiled.

        Example:
            >>> import numpy as np
            >>> from flax import nnx
            >>> class Small(Model):
            ...     def compute_loss(self, x=None, y=None, y_pred=None, **kwargs):
            ...         loss, size = super().compute_loss(x, y, y_pred), jnp.mean(y_pred**2)
            ...         return loss + 0.1 * size, {"size": size}
            >>> model = Small(nnx.Linear(2, 1, rngs=nnx.Rngs(0)))
            >>> model.compile("sgd", "mse")
            >>> x = np.ones((4, 2), "float32")
            >>> sorted(model.fit(x, x[:, :1], verbose=0).history)
            ['loss', 'size']

        Differs from Keras: a tuple may be returned; what the module adds is added in any case.

        Source: ``keras.Model.compute_loss``.
        """
        return compiled_loss(self._engine.recipe.goals, (x, y, sample_weight), y_pred)

    @property
    def losses(self) -> list[Any]:
        """What layers add to the loss by themselves, as in Keras. Nothing does here."""
        return []

    # Files

    @public("save_weights")
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
        else:
            self.file_contents()  # what is divided among processes is put together by all

    @public("load_weights")
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

    @public("save")
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
        else:
            self.file_contents()

    def get_config(self) -> dict[str, Any]:
        """Returns what the model is made of, as plain values; a plain NNX module cannot be told.

        Raises:
            TypeError: Always; `Sequential` overrides it.
        """
        raise TypeError(
            explain(
                "model.get_config()",
                expected="a `Sequential` of layers, which plain values describe",
                received=f"a `Model` of the module {type(self.module).__name__}",
                action="Use `save_weights`, make the module in code and `load_weights` into it.",
            )
        )

    def to_json(self, **kwargs: Any) -> str:
        """Returns `get_config` as JSON text, for ``keras.models.model_from_json``.

        Differs from Keras: what the model was compiled with is left out.
        """
        return json.dumps(saving.serialize_keras_object(self), **kwargs)

    def described(self) -> str | None:
        """Returns what the model is made of and compiled with, as JSON; None if it cannot be told.

        It is what a ``.keras`` file holds.
        """
        try:
            return json.dumps(saving.serialize_keras_object(self))
        except TypeError:  # a plain module, a lambda, an optax transformation
            return None

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

    def get_state_tree(self) -> dict[str, Any]:
        """Returns all state as of the current batch: dicts of arrays, nested by Keras's paths."""
        return self._files.state_tree()

    # Inside

    def _compile(
        self, optimizer: Optimizer, goals: Goals, steps: StepsPerExecution, *, run_eagerly: bool
    ) -> None:
        if type(self).compute_loss is not Model.compute_loss:
            goals = replace(goals, compute_loss=self.compute_loss)
        super()._compile(optimizer, goals, steps, run_eagerly=run_eagerly)

    def _parts(self) -> list[Part]:
        return self._engine.functional.parts()

    def _table(self) -> tuple[list[tuple[Part, int]], dict[str, int]]:
        """Returns the layers with their sizes, and how many numbers there are of each kind."""
        state = self._engine.read() if self.built else None
        return rows_of(self._engine.functional, self._parts()), sizes_of(state)

    def _shapes(self, name: str) -> tuple[PyTree, PyTree]:
        """Returns shapes and dtypes of batches of inputs and outputs."""
        found = self._engine.functional.shapes()
        if found is None:
            raise AttributeError(
                explain(
                    f"model.{name}",
                    expected="a model whose shapes are known",
                    received="one that has seen no inputs yet",
                    action="Call `build` with the shape of a batch of inputs, or run it first.",
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
