"""Layers that act in training only."""

from typing import Any

from flax import nnx

from callbax._core._arguments import optional_count, shape, share
from callbax._core._errors import describe, explain
from callbax._core._rng import SeedSource
from callbax.layers._layer import Layer, Shape, layers


@layers.register()
class Dropout(Layer):
    """Sets a share of the inputs to 0 in training and scales the others up, over ``nnx.Dropout``.

    What is dropped follows from the seed and the training step, so that a step which is replayed
    or resumed drops the same.

    Args:
        rate: Share of the inputs to drop, from 0 to 1.
        noise_shape: Shape of the mask, which is broadcast to the inputs: 1 for a dimension along
            which it is shared, None for one as long as the inputs'.
        seed: Seed of the mask.
        name: Its name.
        input_shape: Shape of one sample, if it is the first layer.

    Raises:
        ValueError: ``rate`` is outside [0, 1]; a length of ``noise_shape`` is not positive or, at
            the call, does not fit the inputs.

    Example:
        >>> import jax.numpy as jnp
        >>> Dropout(0.5)(jnp.ones((1, 3))).tolist()
        [[1.0, 1.0, 1.0]]
    """

    def __init__(
        self,
        rate: float,
        noise_shape: tuple[int | None, ...] | None = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape)
        self.rate: float = share("Dropout", "rate", rate, action="Pass for example 0.5.")
        self.noise_shape: Shape | None = (
            None if noise_shape is None else shape("Dropout", "noise_shape", noise_shape, least=1)
        )
        self.seed: int | None = optional_count("Dropout", "seed", seed, least=0)
        # Here and not in `build`, as in Keras: seeds are drawn when a layer is made.
        self._stream_seed = SeedSource().draw() if seed is None and self.rate else self.seed

    def build(self, input_shape: Shape) -> None:
        """Makes the random stream."""
        if not self.rate:
            return
        seed = self._stream_seed
        if self.seed is None and self._seeds is not None:
            seed = self._seeds.draw()
        self.dropout: nnx.Dropout = nnx.Dropout(self.rate, rngs=nnx.Rngs(seed))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the inputs, in training with a share of them dropped."""
        if not training or not self.rate:
            return inputs
        if self.noise_shape is None:
            return self.dropout(inputs, deterministic=False)
        shared = _shared_axes(self.name, self.noise_shape, inputs)
        drop = nnx.Dropout(self.rate, broadcast_dims=shared)
        return drop(inputs, deterministic=False, rngs=self.dropout.rngs)


def _shared_axes(name: str, noise_shape: Shape, inputs: Any) -> tuple[int, ...]:
    """Returns the axes of the inputs along which a mask of a shape is shared.

    Raises:
        ValueError: The mask cannot be broadcast to the inputs.
    """
    missing = inputs.ndim - len(noise_shape)
    wanted = [
        inputs.shape[i] if length is None and missing >= 0 else length
        for i, length in enumerate(noise_shape)
    ]
    aligned = [1] * missing + wanted
    if missing < 0 or any(
        length not in (1, there) for length, there in zip(aligned, inputs.shape, strict=True)
    ):
        raise ValueError(
            explain(
                f"{name}(inputs)",
                expected=f"inputs to which a mask of shape {noise_shape} can be broadcast",
                received=describe(inputs),
                action="Give `noise_shape` a length for each dimension of the inputs: its own, "
                "1 or None.",
            )
        )
    return tuple(i for i, length in enumerate(aligned) if length == 1)
