"""The NNX modules of the contestants, the same for callbax and for the loop written by hand."""

import functools
import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from benchmarks.cases import LENGTHS, VOCABULARY
from flax import nnx


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

    def __init__(self, width: int, heads: int, rngs: nnx.Rngs) -> None:
        self.attention = nnx.MultiHeadAttention(heads, width, decode=False, rngs=rngs)
        self.before, self.between = (nnx.LayerNorm(width, rngs=rngs) for _ in range(2))
        self.wide = nnx.Linear(width, 4 * width, rngs=rngs)
        self.narrow = nnx.Linear(4 * width, width, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns the sequences, transformed."""
        x = x + self.attention(self.before(x), mask=nnx.make_causal_mask(x[..., 0]))
        return x + self.narrow(nnx.gelu(self.wide(self.between(x))))


class Transformer(nnx.Module):
    """A GPT: (batch, length) tokens -> (batch, length, vocabulary) logits."""

    def __init__(self, length: int, width: int, heads: int, blocks: int, rngs: nnx.Rngs) -> None:
        self.tokens = nnx.Embed(VOCABULARY, width, rngs=rngs)
        self.places = nnx.Embed(length, width, rngs=rngs)
        self.blocks = nnx.List([Block(width, heads, rngs) for _ in range(blocks)])
        self.last = nnx.LayerNorm(width, rngs=rngs)
        self.logits = nnx.Linear(width, VOCABULARY, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns logits."""
        h = self.tokens(x) + self.places(jnp.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.logits(self.last(h))


class Residual(nnx.Module):
    """Two convolutions with batch normalization, added to what came in."""

    def __init__(self, inputs: int, features: int, stride: int, rngs: nnx.Rngs) -> None:
        conv = functools.partial(nnx.Conv, kernel_size=(3, 3), use_bias=False, rngs=rngs)
        self.first = conv(inputs, features, strides=stride)
        self.second = conv(features, features)
        self.norms = nnx.List([nnx.BatchNorm(features, rngs=rngs) for _ in range(2)])
        self.shortcut = (
            nnx.Conv(inputs, features, (1, 1), strides=stride, use_bias=False, rngs=rngs)
            if (inputs, stride) != (features, 1)
            else None
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns the images, transformed."""
        h = nnx.relu(self.norms[0](self.first(x)))
        h = self.norms[1](self.second(h))
        return nnx.relu(h + (x if self.shortcut is None else self.shortcut(x)))


class ResNet18(nnx.Module):
    """ResNet-18 for small images, of shape (batch, 32, 32, 3), without the first pooling."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Conv(3, 64, (3, 3), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(64, rngs=rngs)
        widths = (64, 64, 128, 256, 512)
        self.blocks = nnx.List(
            Residual(*sizes, rngs)
            for inputs, features in itertools.pairwise(widths)
            for sizes in (
                (inputs, features, 1 if inputs == features else 2),
                (features,) * 2 + (1,),
            )
        )
        self.last = nnx.Linear(512, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns logits."""
        x = nnx.relu(self.norm(self.first(x)))
        for block in self.blocks:
            x = block(x)
        return self.last(x.mean((1, 2)))


MODULES: dict[str, Callable[[nnx.Rngs], nnx.Module]] = {
    "cnn": Convolutions,
    "gpt": lambda rngs: Transformer(LENGTHS["gpt"], width=64, heads=4, blocks=2, rngs=rngs),
    "gpt-25m": lambda rngs: Transformer(
        LENGTHS["gpt-25m"], width=512, heads=8, blocks=8, rngs=rngs
    ),
    "resnet-18": ResNet18,
}
