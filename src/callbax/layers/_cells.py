"""The weights of recurrent layers, in a layer of their own as in Keras's files."""

from typing import Any

import jax.numpy as jnp

from callbax.layers._drawn import Drawn
from callbax.layers._layer import Layer, Shape
from callbax.layers._weight import Trained


class Cell(Layer):
    """Holds what one step of a recurrent layer multiplies with.

    Args:
        units: Length of the output.
        use_bias: Whether there is a bias.
        drawn: First values: "kernel", "recurrent", "bias".
        name: Its name.
        trainable: Whether training changes the weights.

    Attributes:
        gates: How many vectors of that length a step computes.
        kernel: The matrix for inputs, shape (inputs, gates * units).
        recurrent_kernel: The matrix for the state, shape (units, gates * units).
        bias: The bias; None if there is none.
    """

    gates: int

    def __init__(
        self, units: int, use_bias: bool, drawn: Drawn, *, name: str, trainable: bool
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self.units: int = units
        self.use_bias: bool = use_bias
        self._drawn = drawn

    def build(self, input_shape: Shape) -> None:
        """Makes the weights for inputs of this shape."""
        inputs: Any = input_shape[-1]
        width, seeds = self.gates * self.units, self._seeds
        self.kernel: Trained = self._drawn.weight("kernel", (inputs, width), seeds)
        self.recurrent_kernel: Trained = self._drawn.weight("recurrent", (self.units, width), seeds)
        self.bias: Trained | None = self._first_bias(width) if self.use_bias else None

    def _first_bias(self, width: int) -> Trained:
        bias: Trained = self._drawn.weight("bias", (width,), self._seeds)
        return bias


class LSTMCell(Cell):
    """Of an LSTM: gates of input and forgetting, the candidate, the gate of output.

    Attributes:
        unit_forget_bias: Whether the bias of forgetting starts at 1.
    """

    gates = 4
    unit_forget_bias = True

    def _first_bias(self, width: int) -> Trained:
        if not self.unit_forget_bias:
            return super()._first_bias(width)
        before, after = (self._drawn.values("bias", (n * self.units,), self._seeds) for n in (1, 2))
        return Trained(jnp.concatenate([before, jnp.ones_like(before), after]))


class GRUCell(Cell):
    """Of a GRU: gates of update and reset, the candidate.

    Attributes:
        reset_after: Whether inputs and state have a bias each, shape (2, 3 * units).
    """

    gates = 3
    reset_after = True

    def _first_bias(self, width: int) -> Trained:
        if not self.reset_after:
            return super()._first_bias(width)
        bias: Trained = self._drawn.weight("bias", (2, width), self._seeds)
        return bias
