"""The NNX modules of the contestants, the same for callbax and for the loop written by hand."""

import jax
import jax.numpy as jnp
from benchmarks.cases import LENGTH, VOCABULARY
from flax import nnx

WIDTH, HEADS, BLOCKS = 64, 4, 2
"""The size of the transformer."""


class Convolutions(nnx.Module):
    """Two convolutions with pooling, then a dense layer."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Conv(1, 8, (3, 3), rngs=rngs)
        self.second = nnx.Conv(8, 16, (3, 3), rngs=rngs)
        self.last = nnx.Linear(7 * 7 * 16, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns logits."""
        for layer in (self.first, self.second):
            x = nnx.max_pool(nnx.relu(layer(x)), (2, 2), strides=(2, 2))
        return self.last(x.reshape(x.shape[0], -1))


class Block(nnx.Module):
    """Attention to what came before, then two dense layers."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.attention = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)
        self.before, self.between = (nnx.LayerNorm(WIDTH, rngs=rngs) for _ in range(2))
        self.wide = nnx.Linear(WIDTH, 4 * WIDTH, rngs=rngs)
        self.narrow = nnx.Linear(4 * WIDTH, WIDTH, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns the sequences, transformed."""
        x = x + self.attention(self.before(x), mask=nnx.make_causal_mask(x[..., 0]))
        return x + self.narrow(nnx.gelu(self.wide(self.between(x))))


class Transformer(nnx.Module):
    """A GPT of two blocks: (batch, length) tokens -> (batch, length, vocabulary) logits."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.tokens = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.places = nnx.Embed(LENGTH, WIDTH, rngs=rngs)
        self.blocks = nnx.List([Block(rngs) for _ in range(BLOCKS)])
        self.last = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.logits = nnx.Linear(WIDTH, VOCABULARY, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns logits."""
        h = self.tokens(x) + self.places(jnp.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.logits(self.last(h))


MODULES = {"cnn": Convolutions, "gpt": Transformer}
