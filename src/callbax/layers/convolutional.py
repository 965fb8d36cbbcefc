"""Convolutions over sequences and images, channels last."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from callbax import activations
from callbax._core._arguments import count, one_of
from callbax._core._errors import describe, explain
from callbax._core._types import ActivationLike, Array, InitializerLike
from callbax.layers._drawn import Drawn
from callbax.layers._layer import Layer, Shape, layers
from callbax.layers._weight import Trained
from callbax.layers._windows import channels, lengths, need_rank
from callbax.layers.core import activation_name


class _Convolution(Layer):
    """Slides kernels over the dimensions between samples and channels.

    Args:
        filters: Channels of the output.
        kernel_size: Length of the kernels along each of them.
        strides: Steps by which they are moved.
        padding: "valid", "same", or "causal" along time.
        dilation_rate: Distance between the inputs that a kernel takes.
        groups: Groups of channels that see nothing of each other.
        activation: Name or function; None is linear.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the kernels.
        bias_initializer: First values of the bias.
        **common: Arguments of all layers.
    """

    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...],
        padding: str,
        dilation_rate: int | tuple[int, ...],
        groups: int,
        activation: ActivationLike | None,
        use_bias: bool,
        kernel_initializer: InitializerLike,
        bias_initializer: InitializerLike,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        where, rank = type(self).__name__, self.rank
        self.filters: int = count(where, "filters", filters)
        self.kernel_size: tuple[int, ...] = lengths(where, "kernel_size", kernel_size, rank)
        self.strides: tuple[int, ...] = lengths(where, "strides", strides, rank)
        self.dilation_rate: tuple[int, ...] = lengths(where, "dilation_rate", dilation_rate, rank)
        legal = ("valid", "same", "causal") if rank == 1 else ("valid", "same")
        self.padding: str = one_of(where, "padding", str(padding).lower(), legal)
        self.groups: int = count(where, "groups", groups)
        self.activation: Callable[..., Any] = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer: InitializerLike = kernel_initializer
        self.bias_initializer: InitializerLike = bias_initializer
        if self.filters % self.groups:
            raise ValueError(
                explain(
                    f"{where}(filters={self.filters}, groups={self.groups})",
                    expected="filters in groups of equal size",
                    received="a number that the groups do not divide",
                    action="Let `filters` be a multiple of `groups`.",
                )
            )
        self._drawn = Drawn(kernel=kernel_initializer, bias=bias_initializer)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "activation": activation_name(self.activation)}

    def build(self, input_shape: Shape) -> None:
        """Makes kernels and bias for inputs of this shape."""
        depth = channels(self.name, input_shape, self.rank)
        if depth % self.groups:
            raise ValueError(
                explain(
                    f"{self.name}.build",
                    expected=f"channels in {self.groups} groups of equal size",
                    received=f"{depth} channels",
                    action="Let `groups` divide the channels of the input.",
                )
            )
        shape = (*self.kernel_size, depth // self.groups, self.filters)
        self.kernel: Trained = self._drawn.weight("kernel", shape, self._seeds)
        if self.use_bias:
            self.bias: Trained = self._drawn.weight("bias", (self.filters,), self._seeds)

    def call(self, inputs: Array) -> Any:
        """Returns activation(convolution + bias), shape (samples, ..., filters)."""
        rank = self.rank
        need_rank(self.name, inputs, rank)
        depth = self.kernel.shape[-2] * self.groups
        if inputs.shape[-1] != depth:
            raise ValueError(
                explain(
                    f"{self.name}(inputs)",
                    expected=f"inputs of {depth} channels in the last dimension",
                    received=describe(inputs),
                    action="Put channels last: x.transpose(...); or build the layer for these.",
                )
            )
        padding: Any = self.padding.upper()
        if self.padding == "causal":
            padding = [(self.dilation_rate[0] * (self.kernel_size[0] - 1), 0)]
        axes = "DHW"[3 - rank :]
        outputs = jax.lax.conv_general_dilated(
            inputs,
            jnp.asarray(self.kernel, inputs.dtype),
            self.strides,
            padding,
            rhs_dilation=self.dilation_rate,
            dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
            feature_group_count=self.groups,
        )
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)


@layers.register()
class Conv1D(_Convolution):
    """Convolves sequences: inputs of shape (samples, steps, channels).

    Args:
        filters: Channels of the output.
        kernel_size: Length of the kernels.
        strides: Steps by which they are moved.
        padding: "valid", "same", or "causal", which sees no later step.
        dilation_rate: Distance between the inputs that a kernel takes.
        groups: Groups of channels that see nothing of each other.
        activation: Name or function; None is linear.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the kernels, shape (size, channels / groups, filters).
        bias_initializer: First values of the bias, shape (filters,).
        **common: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: A size is not positive, or groups do not divide the channels.

    Example:
        >>> Conv1D(4, 3, padding="same")(jnp.ones((2, 10, 3))).shape
        (2, 10, 4)

    Source: https://keras.io/api/layers/convolution_layers/convolution1d/
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: str = "valid",
        dilation_rate: int | tuple[int, ...] = 1,
        groups: int = 1,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        **common: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            dilation_rate,
            groups,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            **common,
        )


@layers.register()
class Conv2D(_Convolution):
    """Convolves images: inputs of shape (samples, rows, columns, channels).

    Args:
        filters: Channels of the output.
        kernel_size: Rows and columns of the kernels.
        strides: Steps by which they are moved.
        padding: "valid" or "same".
        dilation_rate: Distance between the inputs that a kernel takes.
        groups: Groups of channels that see nothing of each other.
        activation: Name or function; None is linear.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the kernels, shape (rows, columns, channels / groups,
            filters).
        bias_initializer: First values of the bias, shape (filters,).
        **common: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: A size is not positive, or groups do not divide the channels.

    Example:
        >>> Conv2D(4, 3, activation="relu")(jnp.ones((2, 8, 8, 1))).shape
        (2, 6, 6, 4)

    Source: https://keras.io/api/layers/convolution_layers/convolution2d/
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = (1, 1),
        padding: str = "valid",
        dilation_rate: int | tuple[int, ...] = (1, 1),
        groups: int = 1,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        **common: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            dilation_rate,
            groups,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            **common,
        )
