"""Recurrent layers: one compiled loop over the steps of sequences."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from callbax import activations
from callbax._core._arguments import count, optional_count, place, share
from callbax._core._errors import describe, explain
from callbax._core._rng import SeedSource
from callbax._core._types import ActivationLike, Array, InitializerLike
from callbax.layers._cells import Cell, GRUCell, LSTMCell
from callbax.layers._drawn import Drawn
from callbax.layers._layer import Layer, Shape, layers
from callbax.layers._windows import channels, check_inputs
from callbax.layers.core import activation_name

States = tuple[Array, ...]


class _Recurrent(Layer):
    """Goes over the steps of sequences with a state.

    Flax's cells have one bias for a GRU, Keras's two; so the steps are written here.

    Args:
        units: Length of the output.
        activation: Of the candidate.
        recurrent_activation: Of the gates.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the matrix for inputs.
        recurrent_initializer: First values of the matrix for the state.
        bias_initializer: First values of the bias.
        dropout: Share of the inputs to drop in training.
        seed: Seed of what is dropped.
        return_sequences: Whether to return the output of every step.
        return_state: Whether to return the last state too.
        go_backwards: Whether to start at the last step.
        unroll: Whether to compile each step by itself.
        **kwargs: Arguments of all layers.
    """

    cell_type: type[Cell]
    state_count: int

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None,
        recurrent_activation: ActivationLike | None,
        use_bias: bool,
        kernel_initializer: InitializerLike | None,
        recurrent_initializer: InitializerLike | None,
        bias_initializer: InitializerLike | None,
        *,
        dropout: float,
        seed: int | None,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        unroll: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = type(self).__name__
        self.units: int = count(where, "units", units)
        self.activation: Callable[..., Any] = activations.get(
            activation, where=place(where, "activation", activation)
        )
        self.recurrent_activation: Callable[..., Any] = activations.get(
            recurrent_activation,
            where=place(where, "recurrent_activation", recurrent_activation),
        )
        self.use_bias: bool = use_bias
        self.kernel_initializer: InitializerLike | None = kernel_initializer
        self.bias_initializer: InitializerLike | None = bias_initializer
        self.recurrent_initializer: InitializerLike | None = recurrent_initializer
        self.dropout: float = share(where, "dropout", dropout, action="Pass for example 0.2.")
        self.seed: int | None = optional_count(where, "seed", seed, least=0)
        self.return_sequences: bool = return_sequences
        self.return_state: bool = return_state
        self.go_backwards: bool = go_backwards
        self.unroll: bool = unroll
        self.cell: Any = self.cell_type(
            self.units,
            use_bias,
            Drawn(
                kernel=kernel_initializer, recurrent=recurrent_initializer, bias=bias_initializer
            ),
            name=f"{where.lower()}_cell",
            trainable=self.trainable,
        )
        # Keras draws a seed for what it drops, whether it drops anything or not.
        self._stream_seed = SeedSource().draw() if seed is None else self.seed

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        names = ("activation", "recurrent_activation")
        return {**super().get_config(), **{n: activation_name(getattr(self, n)) for n in names}}

    def build(self, input_shape: Shape) -> None:
        """Makes the weights of the cell for inputs of this shape."""
        channels(self, input_shape, 1)
        self.cell.ensure_built(input_shape, self._seeds)
        if self.dropout:
            drawn = self.seed is None and self._seeds is not None
            seed = self._seeds.draw() if drawn and self._seeds else self._stream_seed
            # One mask for all steps of a sequence.
            self.drop: nnx.Dropout = nnx.Dropout(
                self.dropout, broadcast_dims=(1,), rngs=nnx.Rngs(seed)
            )

    def call(
        self,
        inputs: Array,
        initial_state: Array | Sequence[Array] | None = None,
        training: bool = False,
    ) -> Any:
        """Returns the last output, (samples, units), or all, (samples, steps, units).

        Args:
            inputs: Sequences, shape (samples, steps, channels).
            initial_state: What the states start from, each of shape (samples, units); 0 by default.
            training: Whether to drop inputs.

        Returns:
            The output; with ``return_state=True`` a tuple of it and of the last states.
        """
        kernel = self.cell.kernel.get_value()
        check_inputs(self, inputs, 1, depth=kernel.shape[0])
        inputs = jnp.asarray(inputs)
        inputs = inputs.astype(jnp.promote_types(inputs.dtype, kernel.dtype))
        if training and self.dropout:
            inputs = self.drop(inputs, deterministic=False)
        states = self._start(inputs, initial_state)
        steps = jnp.swapaxes(self._projected(inputs @ kernel), 0, 1)
        if self.go_backwards:
            steps = jnp.flip(steps, 0)
        states, outputs = jax.lax.scan(self._next, states, steps, unroll=bool(self.unroll))
        result = jnp.swapaxes(outputs, 0, 1) if self.return_sequences else states[0]
        return (result, *states) if self.return_state else result

    @abstractmethod
    def _projected(self, inputs: Array) -> Array:
        """Returns what inputs add to the gates, the bias too."""

    @abstractmethod
    def _step(self, states: States, projected: Array) -> States:
        """Returns the states after one more step, the output first."""

    def _next(self, states: States, projected: Array) -> tuple[States, Array]:
        new = self._step(states, projected)
        return new, new[0]

    def _start(self, inputs: Array, given: Array | Sequence[Array] | None) -> States:
        shape = (inputs.shape[0], self.units)
        if given is None:
            return (jnp.zeros(shape, inputs.dtype),) * self.state_count
        states = tuple(given) if isinstance(given, tuple | list) else (given,)
        if len(states) != self.state_count or any(state.shape != shape for state in states):
            raise ValueError(
                explain(
                    f"{self.name}(inputs, initial_state=...)",
                    expected=f"{self.state_count} arrays of shape {shape}",
                    received=", ".join(map(describe, states)) or "none",
                    action="Pass what a layer with return_state=True returned after its output.",
                )
            )
        return tuple(state.astype(inputs.dtype) for state in states)


@layers.register()
class LSTM(_Recurrent):
    """Long short-term memory.

    Use it for sequences in which something early matters late.

    Args:
        units: Length of the output.
        activation: Of the candidate and the output.
        recurrent_activation: Of the gates.
        use_bias: Whether to add a bias.
        kernel_initializer: First values of the matrix for inputs, shape (channels, 4 units).
        recurrent_initializer: First values of the matrix for the state, shape (units, 4 units).
        bias_initializer: First values of the bias, shape (4 units,).
        unit_forget_bias: Whether the bias of the forget gate starts at 1.
        dropout: Share of the inputs to drop in training, the same at every step.
        seed: Seed of what is dropped.
        return_sequences: Whether to return the output of every step, and not of the last alone.
        return_state: Whether to return the last output and the last memory too.
        go_backwards: Whether to start at the last step; outputs come in that order.
        unroll: Whether to compile each step by itself: faster for a few steps, slow to compile.
        **kwargs: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: ``units`` is not positive, or ``dropout`` outside [0, 1]; at the call, the
            inputs are not sequences of the channels that it was built for.

    Example:
        >>> LSTM(4)(jnp.ones((2, 5, 3))).shape
        (2, 4)

    Differs from Keras: with ``recurrent_dropout`` or ``stateful`` it is Keras's layer; there are no
    masks.

    Source: https://keras.io/api/layers/recurrent_layers/lstm/
    """

    cell_type, state_count = LSTMCell, 2

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None = "tanh",
        recurrent_activation: ActivationLike | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike | None = "glorot_uniform",
        recurrent_initializer: InitializerLike | None = "orthogonal",
        bias_initializer: InitializerLike | None = "zeros",
        unit_forget_bias: bool = True,
        *,
        dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        unroll: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            dropout=dropout,
            seed=seed,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            unroll=unroll,
            **kwargs,
        )
        self.unit_forget_bias: bool = unit_forget_bias
        self.cell.unit_forget_bias = unit_forget_bias

    def _projected(self, inputs: Array) -> Array:
        return inputs if self.cell.bias is None else inputs + self.cell.bias.get_value()

    def _step(self, states: States, projected: Array) -> States:
        output, memory = states
        gates = projected + output @ self.cell.recurrent_kernel.get_value()
        take, forget, candidate, show = jnp.split(gates, 4, axis=-1)
        gate = self.recurrent_activation
        memory = gate(forget) * memory + gate(take) * self.activation(candidate)
        return gate(show) * self.activation(memory), memory


@layers.register()
class GRU(_Recurrent):
    """Gated recurrent unit.

    Use it as an `LSTM`: it has fewer weights, and is often as good.

    Args:
        units: Length of the output.
        activation: Of the candidate.
        recurrent_activation: Of the gates.
        use_bias: Whether to add biases.
        kernel_initializer: First values of the matrix for inputs, shape (channels, 3 units).
        recurrent_initializer: First values of the matrix for the state, shape (units, 3 units).
        bias_initializer: First values of the biases, shape (2, 3 units), or (3 units,) if the
            reset comes before.
        dropout: Share of the inputs to drop in training, the same at every step.
        seed: Seed of what is dropped.
        return_sequences: Whether to return the output of every step, and not of the last alone.
        return_state: Whether to return the last output once more, as the state.
        go_backwards: Whether to start at the last step; outputs come in that order.
        unroll: Whether to compile each step by itself: faster for a few steps, slow to compile.
        reset_after: Whether the reset gate is applied after the matrix of the state.
        **kwargs: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: ``units`` is not positive, or ``dropout`` outside [0, 1]; at the call, the
            inputs are not sequences of the channels that it was built for.

    Example:
        >>> GRU(4, return_sequences=True)(jnp.ones((2, 5, 3))).shape
        (2, 5, 4)

    Differs from Keras: with ``recurrent_dropout`` or ``stateful`` it is Keras's layer; there are no
    masks.

    Source: https://keras.io/api/layers/recurrent_layers/gru/
    """

    cell_type, state_count = GRUCell, 1

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None = "tanh",
        recurrent_activation: ActivationLike | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike | None = "glorot_uniform",
        recurrent_initializer: InitializerLike | None = "orthogonal",
        bias_initializer: InitializerLike | None = "zeros",
        *,
        dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            dropout=dropout,
            seed=seed,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            unroll=unroll,
            **kwargs,
        )
        self.reset_after: bool = reset_after
        self.cell.reset_after = reset_after

    def _projected(self, inputs: Array) -> Array:
        if self.cell.bias is None:
            return inputs
        bias: Array = self.cell.bias.get_value()
        return inputs + (bias[0] if self.reset_after else bias)

    def _step(self, states: States, projected: Array) -> States:
        (output,) = states
        kernel = self.cell.recurrent_kernel.get_value()
        of_gates, of_candidate = jnp.split(kernel, [2 * self.units], axis=-1)
        gates = output @ of_gates
        if self.reset_after and self.cell.bias is not None:
            gates = gates + self.cell.bias.get_value()[1, : 2 * self.units]
        into_update, into_reset, into_candidate = jnp.split(projected, 3, axis=-1)
        for_update, for_reset = jnp.split(gates, 2, axis=-1)
        update = self.recurrent_activation(into_update + for_update)
        reset = self.recurrent_activation(into_reset + for_reset)
        candidate = self.activation(into_candidate + self._recalled(output, reset, of_candidate))
        return (update * output + (1 - update) * candidate,)

    def _recalled(self, output: Array, reset: Array, kernel: Array) -> Array:
        """Returns what the state adds to the candidate, after the reset."""
        if not self.reset_after:
            return (reset * output) @ kernel
        state = output @ kernel
        if self.cell.bias is not None:
            state = state + self.cell.bias.get_value()[1, 2 * self.units :]
        return reset * state
