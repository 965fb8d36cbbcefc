"""The base class of layers."""

import inspect
from collections.abc import Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from numpy.typing import NDArray

from callbax._core._arguments import count, shape
from callbax._core._config import config_of, unknown_arguments
from callbax._core._errors import describe, explain
from callbax._core._naming import auto_name
from callbax._core._registry import Registry
from callbax._core._rng import SeedSource
from callbax._core._types import Array, InitializerLike
from callbax.initializers import get as get_initializer

layers = Registry("layer", alternatives="a `Layer` or any `nnx.Module`")

Shape = tuple[int | None, ...]
"""Shape of a batch; the first dimension is that of the samples."""


_OF_THE_INPUT = ("input_shape", "input_dim")
"""Arguments that say what the data look like, not what the layer is."""


class Layer(nnx.Module):
    """One step from inputs to outputs, its weights made when the input's shape is first known.

    Subclass it as in Keras: make weights in `build`, use them in `call`. A layer is an
    ``nnx.Module``, so NNX transformations and modules work with it and inside it.

    Args:
        name: Its name; by default the class's, numbered.
        trainable: Whether training changes its weights.
        input_shape: Shape of one sample, if it is the first layer.
        input_dim: Length of one sample that is a vector.

    Example:
        >>> import jax.numpy as jnp
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> Scale()(jnp.ones((2, 3))).shape
        (2, 3)
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        input_shape: tuple[int | None, ...] | None = None,
        input_dim: int | None = None,
    ) -> None:
        self.name: str = name or auto_name(type(self).__name__)
        self.trainable = trainable
        self.built: bool = False
        # NNX's `train()` and `eval()` set this attribute on every module that has it.
        self.deterministic = True
        sample: Shape | None = None
        if input_shape is not None:
            sample = shape(type(self).__name__, "input_shape", input_shape)
        elif input_dim is not None:
            sample = (count(type(self).__name__, "input_dim", input_dim, least=0),)
        self.batch_shape: Shape | None = None if sample is None else (None, *sample)
        self._seeds: SeedSource | None = None

    def build(self, input_shape: Shape) -> None:
        """Makes the weights; override it if there are any.

        Args:
            input_shape: Shape of a batch of inputs, (samples or None, ...).
        """

    def call(self, inputs: Any) -> Any:
        """Computes the outputs; every layer overrides this.

        Args:
            inputs: A batch, shape (samples, ...). A parameter named ``training`` is passed if
                there is one.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__}.call",
                expected="a layer that overrides `call(self, inputs)`",
                received="none",
                action="Define `call` in the class.",
            )
        )

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        self.ensure_built(jax.tree.map(lambda leaf: (None, *leaf.shape[1:]), inputs))
        if training is None:
            training = not self.deterministic
        if "training" in inspect.signature(self.call).parameters:
            return self.call(inputs, training=training)  # type: ignore[call-arg]
        return self.call(inputs)

    def ensure_built(self, input_shape: Any, seeds: SeedSource | None = None) -> None:
        """Builds the layer unless it is built.

        Args:
            input_shape: Shape of a batch of inputs.
            seeds: Where seeds that the user left open come from; None for those that the layer
                drew when it was made.
        """
        if not self.built:
            if seeds is not None:
                self._seeds = seeds
            self.build(input_shape)
            self.built = True

    def add_weight(
        self,
        shape: tuple[int, ...] = (),
        initializer: InitializerLike | None = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> nnx.Variable[Array]:
        """Makes a weight; assign it to an attribute of the layer.

        Args:
            shape: Its shape.
            initializer: Name or instance; by default glorot_uniform, for a scalar zeros.
            dtype: Its dtype, float32 by default.
            trainable: Whether gradients change it.
            name: Taken for compatibility; the attribute's name is the weight's.

        Returns:
            An ``nnx.Param``, or an ``nnx.Variable`` if it is not trainable.
        """
        chosen = initializer if initializer is not None else "glorot_uniform" if shape else "zeros"
        make: Any = get_initializer(chosen, self._seeds)
        value = make(tuple(shape), dtype or jnp.float32)
        return nnx.Param(value) if trainable else nnx.Variable(value)

    @property
    def weights(self) -> list[nnx.Variable[Array]]:
        """The layer's variables, trainable ones first."""
        return [variable for _, variable in keras_order(self)]

    @property
    def trainable_weights(self) -> list[nnx.Variable[Array]]:
        """The variables that training changes."""
        return [v for v in self.weights if isinstance(v, nnx.Param)] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[nnx.Variable[Array]]:
        """The variables that training leaves alone."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trained]

    def get_weights(self) -> list[NDArray[Any]]:
        """Returns copies of the layer's weights."""
        return [np.array(variable.get_value()) for variable in self.weights]

    def set_weights(self, weights: list[NDArray[Any]]) -> None:
        """Replaces the layer's weights.

        Raises:
            ValueError: Their number or shapes differ.
        """
        variables = self.weights
        shapes = [tuple(np.shape(weight)) for weight in weights]
        expected = [tuple(variable.get_value().shape) for variable in variables]
        if shapes != expected:
            raise ValueError(
                explain(
                    f"{self.name}.set_weights",
                    expected=f"weights of shapes {expected}",
                    received=f"shapes {shapes}",
                    action="Pass what `get_weights` of an equal layer returned.",
                )
            )
        for variable, weight in zip(variables, weights, strict=True):
            old = variable.get_value()
            variable.set_value(jnp.asarray(weight, old.dtype))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, of which `from_config` makes an equal layer.

        A layer that keeps arguments of its own in other ways overrides this and adds them.

        Raises:
            TypeError: A layer keeps no attribute of the name of an argument.
        """
        if unknown := unknown_arguments(self, leave_out=_OF_THE_INPUT):
            raise TypeError(
                explain(
                    f"{type(self).__name__}.get_config()",
                    expected="a layer that keeps what it was made with as attributes",
                    received=f"{type(self).__name__}, whose arguments {sorted(unknown)} are "
                    "unknown",
                    action="Keep them as attributes, or override it: return "
                    "{**super().get_config(), ...} with these.",
                )
            )
        return config_of(self, leave_out=_OF_THE_INPUT)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes a layer, its weights new, of what `get_config` returned.

        Args:
            config: The constructor's arguments by name.
        """
        return cls(**config)

    def count_params(self) -> int:
        """Returns how many numbers the weights hold."""
        return sum(variable.get_value().size for variable in self.weights)


def keras_order(module: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Returns a module's variables in Keras's order, random streams left out.

    A module's own trainable variables come first, then its other ones, then those of its parts,
    each in the order in which they were made (source: ``keras.Layer.variables``).

    Args:
        module: Any ``nnx.Module``.
        path: Where it stands in the whole.

    Returns:
        (path, variable) pairs; a variable used in two places comes once.
    """
    found: dict[int, tuple[tuple[Any, ...], Any]] = {}
    own, parts = [], []
    for name, value in _members(module):
        if isinstance(value, nnx.RngState):
            continue
        if isinstance(value, nnx.Variable):
            own.append(((*path, name), value))
        elif isinstance(value, nnx.Pytree) and not isinstance(value, nnx.Rngs):
            parts.append((name, value))
    own.sort(key=lambda entry: not isinstance(entry[1], nnx.Param))
    for entry in own:
        found.setdefault(id(entry[1]), entry)
    for name, part in parts:
        for entry in keras_order(part, (*path, name)):
            found.setdefault(id(entry[1]), entry)
    return list(found.values())


def check_rank(layer: Layer, inputs: Any, rank: int) -> None:
    """Raises unless a batch has at least the rank that a layer needs."""
    if inputs.ndim < rank:
        raise ValueError(
            explain(
                f"{layer.name}(inputs)",
                expected=f"inputs of at least {rank} dimensions, the first one of samples",
                received=describe(inputs),
                action="Reshape the data: x.reshape(len(x), -1) gives one row per sample.",
            )
        )


def _members(module: Any) -> list[tuple[Any, Any]]:
    if isinstance(module, nnx.List):
        return list(enumerate(module))
    return [(name, v) for name, v in vars(module).items() if not name.startswith("_pytree__")]
