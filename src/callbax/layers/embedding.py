"""Vectors for whole numbers."""

from typing import Any

import jax.numpy as jnp

from callbax._core._arguments import count
from callbax._core._types import Array, InitializerLike
from callbax.layers._drawn import Drawn
from callbax.layers._layer import Layer, Shape, layers
from callbax.layers._weight import Trained


@layers.register()
class Embedding(Layer):
    """Looks up a vector for each whole number, such as a token of a text.

    Args:
        input_dim: How many numbers there are: they go from 0 to one less.
        output_dim: Length of a vector.
        embeddings_initializer: First values of the vectors, shape (input_dim, output_dim).
        **kwargs: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: A length is not positive.

    Example:
        >>> Embedding(10, 4)(jnp.array([[1, 2, 3]])).shape
        (1, 3, 4)

    Differs from Keras: a negative number gives NaN, as any outside the table, and not a vector
    from its end; with ``mask_zero=True`` it is Keras's layer.

    Source: https://keras.io/api/layers/core_layers/embedding/
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerLike | None = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim: int = count("Embedding", "input_dim", input_dim)
        self.output_dim: int = count("Embedding", "output_dim", output_dim)
        self.embeddings_initializer: InitializerLike | None = embeddings_initializer
        self._drawn = Drawn(embeddings=embeddings_initializer)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "input_dim": self.input_dim}

    def build(self, input_shape: Shape) -> None:
        """Makes the table."""
        shape = (self.input_dim, self.output_dim)
        self.embeddings: Trained = self._drawn.weight("embeddings", shape, self._seeds)

    def call(self, inputs: Array) -> Any:
        """Returns a vector for each number, shape (..., output_dim)."""
        table, rows = self.embeddings.get_value(), inputs.astype(jnp.int32)
        # JAX counts negative ones from the end.
        rows = jnp.where(rows < 0, table.shape[0], rows)
        return jnp.take(table, rows, axis=0, mode="fill")
