"""Orthogonal matrices as first values."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import number
from callbax._core._errors import explain
from callbax._core._types import Array
from callbax.initializers._lookup import INITIALIZERS
from callbax.initializers._seeded import Seed, SeededInitializer


@INITIALIZERS.register("OrthogonalInitializer")
class Orthogonal(SeededInitializer):
    """Draws an orthogonal matrix: rows or columns of length one at right angles.

    The usual choice for recurrent kernels. Weights of more than two dimensions are seen as
    matrices, all axes but the last together.

    Args:
        gain: Factor on the matrix.
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.

    Raises:
        ValueError: At the call: the weight has fewer than two dimensions.

    Example:
        >>> matrix = Orthogonal(seed=1)((3, 3))
        >>> bool(jnp.allclose(matrix @ matrix.T, jnp.eye(3), atol=1e-5))
        True

    Source: Saxe et al., 2014, https://arxiv.org/abs/1312.6120; ``keras.initializers.Orthogonal``.
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain: float = number("Orthogonal", "gain", gain)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns the same values at every call with that shape."""
        if len(shape) < 2:
            raise ValueError(
                explain(
                    f"Orthogonal()(shape={tuple(shape)})",
                    expected="a shape of at least two dimensions",
                    received=f"{len(shape)}",
                    action='Use "zeros" or "random_normal" for vectors.',
                )
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = jnp.linalg.qr(jax.random.normal(self.key, tall, dtype or jnp.float32))
        # The signs make the result uniform over all orthogonal matrices.
        q = q * jnp.sign(jnp.diag(r))
        return self.gain * jnp.reshape(q.T if rows < columns else q, shape)


orthogonal = Orthogonal
