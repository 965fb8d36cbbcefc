"""Layers that most models have: Input, Dense, Activation, Flatten."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float

from callbax import activations, initializers
from callbax._core import _arguments
from callbax._core._arguments import count, is_whole, place
from callbax._core._errors import describe, explain
from callbax._core._types import ActivationLike, Array, InitializerLike
from callbax.activations._lookup import ACTIVATIONS
from callbax.layers._layer import Layer, Shape, check_rank, layers
from callbax.layers._weight import Trained


@layers.register("input_layer", "InputLayer")
class Input(Layer):
    """Says what one sample looks like, so that a `Sequential` can be built before it sees data.

    Args:
        shape: Shape of one sample; None for a dimension that varies.
        batch_size: Samples in a batch, if that is fixed.
        dtype: Taken for compatibility; data keep their dtype.
        name: Its name.
        batch_shape: Shape of a batch, in place of ``shape`` and ``batch_size``.

    Example:
        >>> Input((784,)).batch_shape
        (None, 784)
    """

    is_input = True

    def __init__(
        self,
        shape: tuple[int | None, ...] | int | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike | None = None,
        name: str | None = None,
        *,
        batch_shape: Shape | None = None,
    ) -> None:
        super().__init__(name=name)
        if batch_shape is None:
            sample = () if shape is None else _arguments.shape("Input", "shape", shape)
            size = _arguments.optional_count("Input", "batch_size", batch_size)
            self.batch_shape: Shape | None = (size, *sample)
        else:
            self.batch_shape = _arguments.shape("Input", "batch_shape", batch_shape)
        self.dtype = dtype

    @property
    def shape(self) -> Shape | None:
        """Shape of a batch, None for a length that varies."""
        return self.batch_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the shape as one of a batch."""
        return {"name": self.name, "batch_shape": self.batch_shape, "dtype": self.dtype}

    def call(self, inputs: Any) -> Any:
        """Returns the inputs."""
        return inputs


@layers.register()
class Dense(Layer):
    """Multiplies by a matrix, adds a bias and applies an activation, over ``nnx.Linear``.

    Args:
        units: Length of the output.
        activation: Name or function; None is linear.
        use_bias: Whether to add a bias.
        kernel_initializer: Initial values of the matrix, shape (inputs, units).
        bias_initializer: Initial values of the bias, shape (units,).
        name: Its name.
        trainable: Whether training changes its weights.
        input_shape: Shape of one sample, if it is the first layer.
        input_dim: Length of one sample, if it is the first layer.

    Raises:
        ValueError: ``units`` is not positive, or a name is unknown.

    Source: https://keras.io/api/layers/core_layers/dense/

    Example:
        >>> import jax.numpy as jnp
        >>> layer = Dense(2, activation="relu")
        >>> layer(jnp.ones((5, 3))).shape
        (5, 2)
        >>> [weight.shape for weight in layer.get_weights()]
        [(3, 2), (2,)]
    """

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        *,
        name: str | None = None,
        trainable: bool = True,
        input_shape: tuple[int | None, ...] | None = None,
        input_dim: int | None = None,
    ) -> None:
        super().__init__(
            name=name, trainable=trainable, input_shape=input_shape, input_dim=input_dim
        )
        action = "Pass the length of the layer's output."
        self.units: int = count("Dense", "units", units, action=action)
        where = place("Dense", "activation", activation)
        self.activation: Callable[..., Any] = activations.get(activation, where=where)
        self.use_bias = use_bias
        self.kernel_initializer: InitializerLike = (
            "glorot_uniform" if kernel_initializer is None else kernel_initializer
        )
        self.bias_initializer: InitializerLike = (
            "zeros" if bias_initializer is None else bias_initializer
        )
        # Here and not in `build`, as in Keras: seeds are drawn when a layer is made.
        self._initializers = (
            initializers.get(
                self.kernel_initializer,
                where=place("Dense", "kernel_initializer", self.kernel_initializer),
            ),
            initializers.get(
                self.bias_initializer,
                where=place("Dense", "bias_initializer", self.bias_initializer),
            ),
        )

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias for inputs of this shape."""
        known = isinstance(input_shape, tuple | list) and len(input_shape) > 1
        inputs = input_shape[-1] if known else None
        if not is_whole(inputs):
            raise ValueError(
                explain(
                    f"{self.name}.build",
                    expected="an input shape (samples, ..., inputs) with known length",
                    received=f"{input_shape}",
                    action="Reshape the data: x.reshape(len(x), -1) gives one row per sample.",
                )
            )
        kernel: Any
        bias: Any
        kernel, bias = self._initializers
        if self._seeds is not None:
            kernel = initializers.get(self.kernel_initializer, self._seeds)
            bias = initializers.get(self.bias_initializer, self._seeds)
        unused: Any = _Unkeyed()
        self.linear: nnx.Linear = nnx.Linear(
            inputs,
            self.units,
            use_bias=self.use_bias,
            kernel_init=lambda _, shape, dtype: kernel(shape, dtype),
            bias_init=lambda _, shape, dtype: bias(shape, dtype),
            rngs=unused,
        )
        self.linear.kernel = Trained(self.linear.kernel.get_value())
        if self.linear.bias is not None:
            self.linear.bias = Trained(self.linear.bias.get_value())

    @property
    def kernel(self) -> nnx.Param[Array]:
        """The matrix, shape (inputs, units)."""
        return self.linear.kernel

    @property
    def bias(self) -> nnx.Param[Array] | None:
        """The bias, shape (units,)."""
        return self.linear.bias

    def call(self, inputs: Float[Array, "samples *rest inputs"]) -> Any:
        """Returns activation(inputs @ kernel + bias), shape (samples, ..., units)."""
        check_rank(self, inputs, 2)
        expected = self.linear.in_features
        if inputs.shape[-1] != expected:
            flat = math.prod(inputs.shape[1:]) == expected
            raise ValueError(
                explain(
                    f"{self.name}(inputs)",
                    expected=f"inputs whose last dimension is {expected}",
                    received=describe(inputs),
                    action="Put a `Flatten` before it."
                    if flat
                    else "Give the data that shape, or the layer another `input_shape`.",
                )
            )
        outputs = self.linear(inputs)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain values and objects."""
        return {
            **super().get_config(),
            "activation": activation_name(self.activation),
        }


class _Unkeyed:
    """Stands for random streams if initializers carry their own seeds.

    Drawing keys that nobody reads would cost several compilations.
    """

    def params(self) -> None:
        """Returns what the initializers ignore."""


@layers.register()
class Activation(Layer):
    """Applies an activation function.

    Args:
        activation: Name or function.
        name: Its name.
        input_shape: Shape of one sample, if it is the first layer.

    Example:
        >>> import jax.numpy as jnp
        >>> Activation("relu")(jnp.array([[-1.0, 2.0]])).tolist()
        [[0.0, 2.0]]
    """

    def __init__(
        self,
        activation: ActivationLike,
        *,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape)
        where = place("Activation", "activation", activation)
        self.activation: Callable[..., Any] = activations.get(activation, where=where)

    def call(self, inputs: Any) -> Any:
        """Returns activation(inputs)."""
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain values and objects."""
        return {**super().get_config(), "activation": activation_name(self.activation)}


@layers.register()
class Flatten(Layer):
    """Turns each sample into a vector.

    Args:
        data_format: "channels_last" (the default) or "channels_first", whose channels move last.
        name: Its name.
        input_shape: Shape of one sample, if it is the first layer.

    Example:
        >>> import jax.numpy as jnp
        >>> Flatten()(jnp.ones((2, 28, 28))).shape
        (2, 784)
    """

    def __init__(
        self,
        data_format: str | None = None,
        *,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                explain(
                    f"Flatten(data_format={data_format!r})",
                    expected='"channels_last" or "channels_first"',
                    received=describe(data_format),
                    action='Leave it out for "channels_last".',
                )
            )
        self.data_format = data_format or "channels_last"

    def call(self, inputs: Any) -> Any:
        """Returns the inputs as an array of shape (samples, everything else)."""
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = jnp.moveaxis(inputs, 1, -1)
        return inputs.reshape(inputs.shape[0], -1)


def activation_name(activation: Callable[..., Any]) -> Any:
    """Returns what a config says of an activation: its name, or the function that is a user's."""
    name = getattr(activation, "__name__", "")
    known = name in ACTIVATIONS and ACTIVATIONS.lookup(name) is activation
    return name if known else activation
