"""Convolutions over sequences and images."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from callbax import activations
from callbax._core._arguments import count, one_of, place
from callbax._core._errors import explain
from callbax._core._types import ActivationLike, Array, InitializerLike
from callbax.layers._drawn import Drawn
from callbax.layers._layer import Layer, Shape, layers
from callbax.layers._weight import Trained
from callbax.layers._windows import (
    channels,
    channels_back,
    channels_last,
    check_fit,
    check_inputs,
    format_of,
    lengths,
)
from callbax.layers.core import activation_name

_PADDINGS = {1: ("valid", "same", "causal"), 2: ("valid", "same")}
_AXES = {1: "H", 2: "HW"}


class _Convolution(Layer):
    """Slides kernels over the dimensions between samples and channels.

    Args:
        filters: Channels of the output.
        kernel_size: Length of the kernels along each of them.
        strides: Steps by which they are moved.
        padding: "valid", "same", or "causal" along time.
        data_format: Where channels are.
        dilation_rate: Distance between the inputs that a kernel takes.
        groups: Groups of channels that see nothing of each other.
        activation: Name or function; None is linear.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the kernels.
        bias_initializer: First values of the bias.
        **kwargs: Arguments of all layers.
    """

    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        groups: int,
        activation: ActivationLike | None,
        use_bias: bool,
        kernel_initializer: InitializerLike | None,
        bias_initializer: InitializerLike | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where, rank = type(self).__name__, self.rank
        self.filters: int = count(where, "filters", filters)
        self.kernel_size: tuple[int, ...] = lengths(where, "kernel_size", kernel_size, rank)
        self.strides: tuple[int, ...] = lengths(where, "strides", strides, rank)
        self.dilation_rate: tuple[int, ...] = lengths(where, "dilation_rate", dilation_rate, rank)
        self.padding: str = one_of(where, "padding", _lower(padding), _PADDINGS[rank])
        self.data_format: str = format_of(where, data_format)
        self.groups: int = count(where, "groups", groups)
        self.activation: Callable[..., Any] = activations.get(
            activation, where=place(where, "activation", activation)
        )
        self.use_bias: bool = use_bias
        self.kernel_initializer: InitializerLike | None = kernel_initializer
        self.bias_initializer: InitializerLike | None = bias_initializer
        self._need_one_kind_of_steps(where)
        self._need_groups(f"{where}(filters={filters}, groups={groups})", "filters", self.filters)
        self._drawn = Drawn(kernel=kernel_initializer, bias=bias_initializer)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "activation": activation_name(self.activation)}

    def build(self, input_shape: Shape) -> None:
        """Makes kernels and bias for inputs of this shape."""
        depth = channels(self, input_shape, self.rank, self.data_format)
        self._need_groups(f"{self.name}.build", "channels of the input", depth)
        shape = (*self.kernel_size, depth // self.groups, self.filters)
        self.kernel: Trained = self._drawn.weight("kernel", shape, self._seeds)
        self.bias: Trained | None = None
        if self.use_bias:
            self.bias = self._drawn.weight("bias", (self.filters,), self._seeds)

    def call(self, inputs: Array) -> Any:
        """Returns activation(convolution + bias), shape (samples, ..., filters)."""
        kernel = self.kernel.get_value()
        depth = kernel.shape[-2] * self.groups
        check_inputs(self, inputs, self.rank, self.data_format, depth)
        inputs = channels_last(jnp.asarray(inputs), self.data_format)
        axes, dtype = _AXES[self.rank], jnp.promote_types(inputs.dtype, kernel.dtype)
        outputs = jax.lax.conv_general_dilated(
            inputs.astype(dtype),
            kernel.astype(dtype),
            self.strides,
            self._padding(inputs.shape[1:-1]),
            rhs_dilation=self.dilation_rate,
            dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
            feature_group_count=self.groups,
        )
        if self.bias is not None:
            outputs = outputs + self.bias.get_value()
        outputs = channels_back(outputs, self.data_format)
        return outputs if self.activation is None else self.activation(outputs)

    def _padding(self, between: Sequence[int]) -> Any:
        """Returns what JAX is to pad inputs of these lengths with."""
        reach = [d * (k - 1) for d, k in zip(self.dilation_rate, self.kernel_size, strict=True)]
        if self.padding == "causal":
            return [(reach[0], 0)]
        if self.padding == "valid":
            check_fit(self, between, [length + 1 for length in reach])
        return self.padding.upper()

    def _need_one_kind_of_steps(self, where: str) -> None:
        """Raises a ValueError if kernels are both moved in steps and spread out, as Keras does."""
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                explain(
                    f"{where}(strides={self.strides}, dilation_rate={self.dilation_rate})",
                    expected="at most one of the two above 1",
                    received="both",
                    action="Leave one of them out.",
                )
            )

    def _need_groups(self, where: str, what: str, number: int) -> None:
        """Raises a ValueError unless channels come in groups of equal size."""
        if number % self.groups:
            raise ValueError(
                explain(
                    where,
                    expected=f"{what} in {self.groups} groups of equal size",
                    received=f"{number}",
                    action=f"Let the number of {what} be a multiple of `groups`.",
                )
            )


@layers.register("Convolution1D")
class Conv1D(_Convolution):
    """Convolves sequences: inputs of shape (samples, steps, channels).

    Use it for patterns of a few steps in time series and texts.

    Args:
        filters: Channels of the output.
        kernel_size: Length of the kernels.
        strides: Steps by which they are moved.
        padding: "valid", "same", or "causal", which sees no later step.
        data_format: "channels_last" (the default), or "channels_first": inputs and outputs
            (samples, channels, steps).
        dilation_rate: Distance between the inputs that a kernel takes.
        groups: Groups of channels that see nothing of each other.
        activation: Name or function; None is linear.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the kernels, shape (size, channels / groups, filters).
        bias_initializer: First values of the bias, shape (filters,).
        **kwargs: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: A size is not positive, groups do not divide the channels, or both strides and
            dilation are above 1; at the call, the inputs are not sequences of the channels that it
            was built for, or shorter than a kernel.

    Example:
        >>> Conv1D(4, 3, padding="same")(jnp.ones((2, 10, 3))).shape
        (2, 10, 4)

    Source: https://keras.io/api/layers/convolution_layers/convolution1d/
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike | None = "glorot_uniform",
        bias_initializer: InitializerLike | None = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            groups,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            **kwargs,
        )


@layers.register("Convolution2D")
class Conv2D(_Convolution):
    """Convolves images: inputs of shape (samples, rows, columns, channels).

    Use it for pictures, and for anything else that has neighbours in two directions.

    Args:
        filters: Channels of the output.
        kernel_size: Rows and columns of the kernels.
        strides: Steps by which they are moved.
        padding: "valid" or "same".
        data_format: "channels_last" (the default), or "channels_first": inputs and outputs
            (samples, channels, rows, columns).
        dilation_rate: Distance between the inputs that a kernel takes.
        groups: Groups of channels that see nothing of each other.
        activation: Name or function; None is linear.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the kernels, shape (rows, columns, channels / groups,
            filters).
        bias_initializer: First values of the bias, shape (filters,).
        **kwargs: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: A size is not positive, groups do not divide the channels, or both strides and
            dilation are above 1; at the call, the inputs are not images of the channels that it was
            built for, or smaller than a kernel.

    Example:
        >>> Conv2D(4, 3, activation="relu")(jnp.ones((2, 8, 8, 1))).shape
        (2, 6, 6, 4)

    Source: https://keras.io/api/layers/convolution_layers/convolution2d/
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        groups: int = 1,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike | None = "glorot_uniform",
        bias_initializer: InitializerLike | None = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            groups,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            **kwargs,
        )


def _lower(padding: Any) -> Any:
    return padding.lower() if isinstance(padding, str) else padding


Convolution1D = Conv1D
Convolution2D = Conv2D
