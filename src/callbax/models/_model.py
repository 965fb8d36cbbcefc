"""The model: what users compile, fit, evaluate and ask for predictions."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from callbax import saving
from callbax._core._errors import describe, explain
from callbax._core._naming import auto_name
from callbax._core._types import DataLike, PyTree, ShapeLike
from callbax._modules._adapters import functional_of
from callbax._modules._keras import is_keras_model
from callbax._modules._nnx_parts import find_part
from callbax._modules._protocol import Part
from callbax._modules._stack import spec_of
from callbax._training._views import WeightView, weight_views
from callbax._training._weights import get_weights, set_weights
from callbax.layers._symbolic import called, is_symbolic
from callbax.models._files import ModelFiles, compile_arguments
from callbax.models._functional import functional_model, is_functional
from callbax.models._keras_model import KerasModel
from callbax.models._summary import summary_table
from callbax.models._trainer import Trainer
from callbax.saving._atomic import PathLike
from callbax.saving._contents import Contents


class Model(Trainer):
    """Trains, evaluates and runs a module, with Keras's methods, arguments and callbacks.

    Give it any ``flax.nnx.Module`` and compile it with Keras names, with callbax objects, or with
    an ``optax`` transformation and functions of (y_true, y_pred). Or give it a Keras model on the
    JAX backend, compiled or not: it keeps all that it has, and trains here.

    Args:
        module: The module; its call takes a batch and returns an array, or a dict or tuple of
            arrays. Several inputs reach it as several arguments if it takes several.
        seed: Fixes the order in which data are shuffled; without it the order follows from
            ``utils.set_random_seed``. A module draws dropout from its own ``nnx.Rngs``, again at
            every training step.
        name: Its name.
        trainable: For Equinox, Linen and pairs of functions: path of an array, joined by slashes ->
            whether training changes it.
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

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes the model, of another class for a Keras model, whose own methods it keeps."""
        if cls is Model and is_functional(*args, **kwargs):
            return KerasModel(functional_model(*args, **kwargs), seed=kwargs.get("seed"))
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
        **unknown: object,
    ) -> None:
        if module is None or others or unknown:
            raise _no_model_of_keras(type(self), module, *others, **unknown)
        super().__init__(
            functional_of(module, trainable), name or auto_name(type(self).__name__), seed
        )
        self.train_function: Any = None  # Keras's own `TensorBoard` draws it if it is TensorFlow's.
        self._files = ModelFiles(self._engine)

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
        shapes = {} if self._inputs is None else functional.outputs(self._inputs)
        parts = [
            part if part.output is not None else replace(part, output=shapes.get(part.name))
            for part in self._parts()
        ]
        sizes_of_parts = [functional.size_of(part.value) for part in functional.parts()]
        summary_table(
            self.name,
            list(zip(parts, sizes_of_parts, strict=True)),
            trainable=sizes[0],
            other=sizes[1],
            optimizer=sizes[2],
            line_length=line_length,
            print_fn=print_fn,
        )

    def __call__(self, x: DataLike, training: bool = False) -> Any:
        """Returns the module's output for a batch, as of the current weights."""
        if is_symbolic(x):
            return called(self, x)
        x = jax.tree.map(jnp.asarray, x)
        self._build_for(x)
        return self._engine.forward(x, training=training)

    @property
    def losses(self) -> list[Any]:
        """Losses that layers add: none here."""
        return []

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
        """Returns all state as nested dicts of NumPy arrays, as of the current batch.

        Layers' variables go by Keras's paths, ``sequential/dense/kernel``.
        """
        return self._files.state_tree()

    # Inside

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
