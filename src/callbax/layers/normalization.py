"""Layers that bring their inputs to mean 0 and variance 1."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._arguments import is_whole, number, share
from callbax._core._errors import describe, explain
from callbax._core._types import Array, InitializerLike
from callbax.layers._drawn import Drawn
from callbax.layers._layer import Layer, Shape, layers
from callbax.layers._weight import Kept, Trained
from callbax.layers._windows import at_least_float32


class _Normalization(Layer):
    """Scales and shifts what has mean 0 and variance 1.

    Args:
        axis: The dimensions that have a weight for each of their places.
        epsilon: Added to the variance.
        center: Whether to add `beta`.
        scale: Whether to multiply by `gamma`.
        **kwargs: Arguments of all layers.
    """

    _drawn: Drawn

    def __init__(self, axis: Any, epsilon: float, center: bool, scale: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        where = type(self).__name__
        each = axis if isinstance(axis, tuple | list) else [axis]
        if not each or not all(map(is_whole, each)):
            raise ValueError(
                explain(
                    f"{where}(axis={axis!r})",
                    expected="the place of a dimension, such as -1 for the last one",
                    received=describe(axis),
                    action="Pass a whole number.",
                )
            )
        self.axis: Any = tuple(map(int, each)) if isinstance(axis, tuple | list) else int(axis)
        self.epsilon: float = number(where, "epsilon", epsilon, least=0)
        self.center: bool = center
        self.scale: bool = scale
        self._built_for: Shape = ()

    def _make(self, input_shape: Shape) -> tuple[int, ...]:
        """Makes `gamma` and `beta` for inputs of this shape, and returns their shape.

        Raises:
            ValueError: There is no such dimension, or its length is unknown.
        """
        rank = len(input_shape) if isinstance(input_shape, tuple | list) else 0
        axes = self._axes(rank)
        shape: tuple[Any, ...] = tuple(input_shape[axis] for axis in axes if 0 < axis < rank)
        if len(shape) != len(axes) or not all(map(is_whole, shape)):
            raise ValueError(
                explain(
                    f"{self.name}.build",
                    expected=f"an input shape with known lengths along axis={self.axis}, the "
                    "samples left out",
                    received=f"{input_shape}",
                    action="Say these lengths: they are those of weights.",
                )
            )
        self._built_for = tuple(d if i in axes else None for i, d in enumerate(input_shape))
        self.gamma: Trained | None = None
        self.beta: Trained | None = None
        if self.scale:
            self.gamma = self._drawn.weight("gamma", shape, self._seeds)
        if self.center:
            self.beta = self._drawn.weight("beta", shape, self._seeds)
        return shape

    def _axes(self, rank: int) -> list[int]:
        """Returns the dimensions that have weights, counted from the first one."""
        each = self.axis if isinstance(self.axis, tuple) else [self.axis]
        return sorted(axis + rank if axis < 0 else axis for axis in each)

    def _check(self, inputs: Array) -> None:
        """Raises a ValueError unless inputs are of the shape that the weights were made for."""
        expected = self._built_for
        if len(expected) == inputs.ndim and all(
            length in (None, there) for length, there in zip(expected, inputs.shape, strict=True)
        ):
            return
        raise ValueError(
            explain(
                f"{self.name}(inputs)",
                expected=f"inputs of the shape that it was built for, {expected}",
                received=describe(inputs),
                action="Give the data that shape, or make a new layer for the one that they have.",
            )
        )

    def _normalized(self, inputs: Array, mean: Array, variance: Array) -> Array:
        """Returns inputs that are normalized, scaled and shifted.

        Args:
            inputs: The inputs.
            mean: Their mean, in a shape that is broadcast to theirs.
            variance: Their variance, likewise.
        """
        outputs = jax.nn.standardize(inputs, mean=mean, variance=variance, epsilon=self.epsilon)
        if self.gamma is not None:
            outputs = outputs * self._aligned(self.gamma.get_value())
        if self.beta is not None:
            outputs = outputs + self._aligned(self.beta.get_value())
        return outputs

    def _aligned(self, weight: Array) -> Array:
        """Returns a weight in a shape that is broadcast to that of inputs."""
        axes = self._axes(len(self._built_for))
        shape = [d if i in axes and d else 1 for i, d in enumerate(self._built_for)]
        return weight.reshape(shape)


@layers.register()
class BatchNormalization(_Normalization):
    """Normalizes each channel over the batch in training, by running averages otherwise.

    Use it between a convolution and its activation. A layer that is frozen uses the averages in
    training too.

    Args:
        axis: The dimension of channels.
        momentum: Share of the old averages that is kept at each step.
        epsilon: Added to the variance.
        center: Whether to add `beta`.
        scale: Whether to multiply by `gamma`.
        beta_initializer: First values of `beta`, shape (channels,), as of the others.
        gamma_initializer: First values of `gamma`.
        moving_mean_initializer: First values of the averages of the mean.
        moving_variance_initializer: First values of those of the variance.
        **kwargs: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: The number of channels is unknown, or not the one that it was built for.

    Example:
        >>> x = jnp.array([[1.0], [3.0]])
        >>> layer = BatchNormalization(momentum=0.75)
        >>> layer(x, training=True).round(2).tolist()
        [[-1.0], [1.0]]
        >>> layer.moving_mean.numpy().tolist()
        [0.5]

    Source: https://keras.io/api/layers/normalization_layers/batch_normalization/
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike | None = "zeros",
        gamma_initializer: InitializerLike | None = "ones",
        moving_mean_initializer: InitializerLike | None = "zeros",
        moving_variance_initializer: InitializerLike | None = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, **kwargs)
        where = "BatchNormalization"
        self.momentum: float = share(where, "momentum", momentum, action="Pass for example 0.99.")
        self.beta_initializer: InitializerLike | None = beta_initializer
        self.gamma_initializer: InitializerLike | None = gamma_initializer
        self.moving_mean_initializer: InitializerLike | None = moving_mean_initializer
        self.moving_variance_initializer: InitializerLike | None = moving_variance_initializer
        self._drawn = Drawn(
            beta=beta_initializer,
            gamma=gamma_initializer,
            mean=moving_mean_initializer,
            variance=moving_variance_initializer,
        )

    def build(self, input_shape: Shape) -> None:
        """Makes the weights for the channels of inputs of this shape."""
        shape = self._make(input_shape)
        self.moving_mean: Kept = self._drawn.weight("mean", shape, self._seeds, trained=False)
        self.moving_variance: Kept = self._drawn.weight(
            "variance", shape, self._seeds, trained=False
        )

    def call(self, inputs: Array, training: bool = False) -> Any:
        """Returns the normalized inputs; in training it moves the averages."""
        self._check(inputs)
        inputs = at_least_float32(inputs)
        mean, variance = self.moving_mean.get_value(), self.moving_variance.get_value()
        if training and self.trainable:
            channel = self._axes(inputs.ndim)
            axes = tuple(axis for axis in range(inputs.ndim) if axis not in channel)
            now = jnp.mean(inputs, axes), jnp.var(inputs, axes)
            kept = self.momentum
            self.moving_mean.assign(mean * kept + now[0] * (1.0 - kept))
            self.moving_variance.assign(variance * kept + now[1] * (1.0 - kept))
            mean, variance = now
        return self._normalized(inputs, self._aligned(mean), self._aligned(variance))


@layers.register()
class LayerNormalization(_Normalization):
    """Normalizes each sample by itself, in training as otherwise.

    Use it in transformers and recurrent models, and if batches are small.

    Args:
        axis: The dimension, or dimensions, over which mean and variance are taken.
        epsilon: Added to the variance.
        center: Whether to add `beta`.
        scale: Whether to multiply by `gamma`.
        beta_initializer: First values of `beta`, its shape the lengths along ``axis``.
        gamma_initializer: First values of `gamma`, likewise.
        **kwargs: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: A length along ``axis`` is unknown, or not the one that it was built for.

    Example:
        >>> LayerNormalization()(jnp.array([[1.0, 3.0]])).round(2).tolist()
        [[-1.0, 1.0]]

    Source: https://keras.io/api/layers/normalization_layers/layer_normalization/
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike | None = "zeros",
        gamma_initializer: InitializerLike | None = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, **kwargs)
        self.beta_initializer: InitializerLike | None = beta_initializer
        self.gamma_initializer: InitializerLike | None = gamma_initializer
        self._drawn = Drawn(beta=beta_initializer, gamma=gamma_initializer)

    def build(self, input_shape: Shape) -> None:
        """Makes the weights for inputs of this shape."""
        self._make(input_shape)

    def call(self, inputs: Array) -> Any:
        """Returns the normalized inputs."""
        self._check(inputs)
        inputs = at_least_float32(inputs)
        axes = tuple(self._axes(inputs.ndim))
        mean = jnp.mean(inputs, axes, keepdims=True)
        # By itself: `standardize` would take the mean of squares, which loses digits.
        return self._normalized(inputs, mean, jnp.var(inputs, axes, keepdims=True))
