"""Recurrent layers, one compiled loop over the steps of a sequence."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from callbax import activations
from callbax._core._arguments import count
from callbax._core._rng import SeedSource
from callbax._core._types import ActivationLike, Array, InitializerLike
from callbax.layers._drawn import Drawn
from callbax.layers._layer import Layer, Shape, layers
from callbax.layers._weight import Trained
from callbax.layers._windows import channels, need_rank
from callbax.layers.core import activation_name


class _Cell(Layer):
    """One step of a recurrent layer.

    Args:
        units: Length of the output.
        gates: How many vectors of that length it computes.
        biases: How many biases each has.
        settings: Activations, initializers and `use_bias`, by the names of the layer's arguments.
        name: Its name.
    """

    def __init__(
        self, units: int, gates: int, biases: int, settings: dict[str, Any], name: str
    ) -> None:
        super().__init__(name=name)
        self.units: int = units
        self.gates: int = gates
        self.biases: int = biases
        self.use_bias: bool = bool(settings["use_bias"])
        self.activation: Callable[..., Any] = activations.get(settings["activation"])
        gate = settings["recurrent_activation"]
        self.recurrent_activation: Callable[..., Any] = activations.get(gate)
        self._drawn = Drawn(
            kernel=settings["kernel_initializer"],
            recurrent=settings["recurrent_initializer"],
            bias=settings["bias_initializer"],
        )
        SeedSource().draw()  # Keras's cell draws a seed for its dropout, needed or not

    def build(self, input_shape: Shape) -> None:
        """Makes the weights for inputs of this shape."""
        width, seeds = self.gates * self.units, self._seeds
        depth: Any = input_shape[-1]
        self.kernel: Trained = self._drawn.weight("kernel", (depth, width), seeds)
        self.recurrent_kernel: Trained = self._drawn.weight("recurrent", (self.units, width), seeds)
        if self.use_bias:
            shape = (width,) if self.biases == 1 else (self.biases, width)
            self.bias: Trained = self._drawn.weight("bias", shape, seeds)


class _Recurrent(Layer):
    """Runs a cell over the steps of sequences: inputs of shape (samples, steps, channels).

    Args:
        units: Length of the output.
        return_sequences: Whether to return the output of every step, and not of the last alone.
        **common: Arguments of all layers.

    Attributes:
        cell: What computes one step.
    """

    cell: _Cell

    def __init__(self, units: int, return_sequences: bool, **common: Any) -> None:
        super().__init__(**common)
        self.units: int = count(type(self).__name__, "units", units)
        self.return_sequences = return_sequences

    def _make(self, name: str, gates: int, biases: int, **settings: Any) -> None:
        """Makes the cell, and keeps the arguments of the layer."""
        for argument, value in settings.items():
            setattr(self, argument, value)
        self.cell = _Cell(self.units, gates, biases, settings, name)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        names = ("activation", "recurrent_activation")
        named = {name: activation_name(getattr(self.cell, name)) for name in names}
        return {**super().get_config(), **named}

    def build(self, input_shape: Shape) -> None:
        """Makes the weights of the cell for inputs of this shape."""
        channels(self.name, input_shape, 1)
        if not self.cell.built:
            self.cell.ensure_built(input_shape, self._seeds)

    def call(self, inputs: Array) -> Any:
        """Returns the last output, (samples, units), or all, (samples, steps, units)."""
        need_rank(self.name, inputs, 1)
        start = jnp.zeros((inputs.shape[0], self.units), inputs.dtype)
        _, outputs = jax.lax.scan(self._step, (start, start), inputs.swapaxes(0, 1))
        return outputs.swapaxes(0, 1) if self.return_sequences else outputs[-1]

    def _step(self, state: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Array]:
        raise NotImplementedError


@layers.register()
class LSTM(_Recurrent):
    """Long short-term memory.

    Args:
        units: Length of the output.
        activation: Of the candidate and the output.
        recurrent_activation: Of the gates.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the matrix for inputs, shape (channels, 4 units).
        recurrent_initializer: First values of the matrix for the state, shape (units, 4 units).
        bias_initializer: First values of the bias, shape (4 units,).
        unit_forget_bias: Whether the bias of the forget gate starts at 1.
        return_sequences: Whether to return the output of every step, and not of the last alone.
        **common: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: ``units`` is not positive.

    Example:
        >>> LSTM(4)(jnp.ones((2, 5, 3))).shape
        (2, 4)

    Differs from Keras: with dropout, state or masks it is Keras's layer.

    Source: https://keras.io/api/layers/recurrent_layers/lstm/
    """

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None = "tanh",
        recurrent_activation: ActivationLike | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        return_sequences: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(units, return_sequences, **common)
        self._make(
            "lstm_cell",
            4,
            1,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
        )
        self.unit_forget_bias = unit_forget_bias

    def build(self, input_shape: Shape) -> None:
        """Makes the weights of the cell for inputs of this shape."""
        super().build(input_shape)
        if self.unit_forget_bias and self.cell.use_bias:
            bias = self.cell.bias.get_value()
            units = self.units
            self.cell.bias = Trained(bias.at[units : 2 * units].set(1.0))

    def _step(self, state: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Array]:
        hidden, memory = state
        cell = self.cell
        z = x @ cell.kernel.get_value() + hidden @ cell.recurrent_kernel.get_value()
        if cell.use_bias:
            z = z + cell.bias
        take, forget, candidate, show = jnp.split(z, 4, axis=-1)
        memory = cell.recurrent_activation(forget) * memory + cell.recurrent_activation(
            take
        ) * cell.activation(candidate)
        hidden = cell.recurrent_activation(show) * cell.activation(memory)
        return (hidden, memory), hidden


@layers.register()
class GRU(_Recurrent):
    """Gated recurrent unit, the reset gate applied after the matrix, as in Keras by default.

    Args:
        units: Length of the output.
        activation: Of the candidate.
        recurrent_activation: Of the gates.
        use_bias: Whether to add biases.
        kernel_initializer: First values of the matrix for inputs, shape (channels, 3 units).
        recurrent_initializer: First values of the matrix for the state, shape (units, 3 units).
        bias_initializer: First values of the biases, shape (2, 3 units).
        return_sequences: Whether to return the output of every step, and not of the last alone.
        **common: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: ``units`` is not positive.

    Example:
        >>> GRU(4, return_sequences=True)(jnp.ones((2, 5, 3))).shape
        (2, 5, 4)

    Differs from Keras: with dropout, state or masks it is Keras's layer.

    Source: https://keras.io/api/layers/recurrent_layers/gru/
    """

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None = "tanh",
        recurrent_activation: ActivationLike | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        return_sequences: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(units, return_sequences, **common)
        self._make(
            "gru_cell",
            3,
            2,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
        )

    def _step(self, state: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Array]:
        hidden, unused = state
        cell = self.cell
        of_x, of_state = x @ cell.kernel.get_value(), hidden @ cell.recurrent_kernel.get_value()
        if cell.use_bias:
            bias = cell.bias.get_value()
            of_x, of_state = of_x + bias[0], of_state + bias[1]
        (xz, xr, xh), (hz, hr, hh) = (jnp.split(m, 3, axis=-1) for m in (of_x, of_state))
        update, reset = cell.recurrent_activation(xz + hz), cell.recurrent_activation(xr + hr)
        hidden = update * hidden + (1 - update) * cell.activation(xh + reset * hh)
        return (hidden, unused), hidden
