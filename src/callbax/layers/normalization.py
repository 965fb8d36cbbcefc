"""Layers that bring their inputs to mean 0 and variance 1."""

from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._arguments import is_whole, number, share
from callbax._core._errors import explain
from callbax._core._types import Array, InitializerLike
from callbax.layers._drawn import Drawn
from callbax.layers._layer import Layer, Shape, check_rank, layers
from callbax.layers._weight import Kept, Trained


@layers.register()
class BatchNormalization(Layer):
    """Normalizes each channel, the last dimension, over the batch in training.

    Otherwise, and while the layer is frozen, it uses running averages of mean and variance.

    Args:
        axis: The dimension of channels; only the last one.
        momentum: Share of the old averages that is kept at each step.
        epsilon: Added to the variance.
        center: Whether to add `beta`.
        scale: Whether to multiply by `gamma`.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        moving_mean_initializer: First values of the averages of the mean.
        moving_variance_initializer: First values of those of the variance.
        **common: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: Channels are not the last dimension, or their number is unknown.

    Example:
        >>> BatchNormalization()(jnp.ones((2, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/normalization_layers/batch_normalization/
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        **common: Any,
    ) -> None:
        super().__init__(**common)
        where = type(self).__name__
        self.axis: int = axis
        self.momentum: float = share(where, "momentum", momentum, action="Pass for example 0.99.")
        self.epsilon: float = number(where, "epsilon", epsilon, least=0)
        self.center: bool = center
        self.scale: bool = scale
        self.beta_initializer: InitializerLike = beta_initializer
        self.gamma_initializer: InitializerLike = gamma_initializer
        self.moving_mean_initializer: InitializerLike = moving_mean_initializer
        self.moving_variance_initializer: InitializerLike = moving_variance_initializer
        self._drawn = Drawn(
            beta=beta_initializer,
            gamma=gamma_initializer,
            mean=moving_mean_initializer,
            variance=moving_variance_initializer,
        )

    def build(self, input_shape: Shape) -> None:
        """Makes the weights for the channels of inputs of this shape."""
        shape = (_last(self, input_shape, self.axis),)
        if self.scale:
            self.gamma: Trained = self._drawn.weight("gamma", shape, self._seeds)
        if self.center:
            self.beta: Trained = self._drawn.weight("beta", shape, self._seeds)
        self.moving_mean: Kept = self._drawn.weight("mean", shape, self._seeds, trained=False)
        self.moving_variance: Kept = self._drawn.weight(
            "variance", shape, self._seeds, trained=False
        )

    def call(self, inputs: Array, training: bool = False) -> Any:
        """Returns the normalized inputs; in training it moves the averages."""
        check_rank(self, inputs, 2)
        mean, variance = self.moving_mean.get_value(), self.moving_variance.get_value()
        if training and self.trainable:
            axes = tuple(range(inputs.ndim - 1))
            now = jnp.mean(inputs, axes), jnp.var(inputs, axes)
            kept = self.momentum
            self.moving_mean.assign(mean * kept + now[0] * (1 - kept))
            self.moving_variance.assign(variance * kept + now[1] * (1 - kept))
            mean, variance = now
        factor = jax.lax.rsqrt(variance + self.epsilon)
        if self.scale:
            factor = factor * self.gamma
        shift = -mean * factor
        if self.center:
            shift = shift + self.beta
        return inputs * factor + shift


@layers.register()
class LayerNormalization(Layer):
    """Normalizes each sample over the last dimension.

    Args:
        axis: The dimension to normalize over; only the last one.
        epsilon: Added to the variance.
        center: Whether to add `beta`.
        scale: Whether to multiply by `gamma`.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        **common: Arguments of all layers: name, trainable, input_shape.

    Raises:
        ValueError: The axis is not the last one, or its length is unknown.

    Example:
        >>> LayerNormalization()(jnp.array([[1.0, 3.0]])).round(2).tolist()
        [[-1.0, 1.0]]

    Source: https://keras.io/api/layers/normalization_layers/layer_normalization/
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.axis: int = axis
        self.epsilon: float = number("LayerNormalization", "epsilon", epsilon, least=0)
        self.center: bool = center
        self.scale: bool = scale
        self.beta_initializer: InitializerLike = beta_initializer
        self.gamma_initializer: InitializerLike = gamma_initializer
        self._drawn = Drawn(beta=beta_initializer, gamma=gamma_initializer)

    def build(self, input_shape: Shape) -> None:
        """Makes the weights for inputs of this shape."""
        shape = (_last(self, input_shape, self.axis),)
        if self.scale:
            self.gamma: Trained = self._drawn.weight("gamma", shape, self._seeds)
        if self.center:
            self.beta: Trained = self._drawn.weight("beta", shape, self._seeds)

    def call(self, inputs: Array) -> Any:
        """Returns the normalized inputs."""
        check_rank(self, inputs, 2)
        mean = jnp.mean(inputs, -1, keepdims=True)
        factor = jax.lax.rsqrt(jnp.var(inputs, -1, keepdims=True) + self.epsilon)
        if self.scale:
            factor = factor * self.gamma
        shift = -mean * factor
        if self.center:
            shift = shift + self.beta
        return inputs * factor + shift


def _last(layer: Any, input_shape: Shape, axis: int) -> int:
    """Returns the length of the last dimension, which is the one to normalize.

    Raises:
        ValueError: It is another one, or its length is unknown.
    """
    known = isinstance(input_shape, tuple | list) and len(input_shape) > 1
    length = input_shape[-1] if known else None
    if length is None or not is_whole(length) or axis not in (-1, len(input_shape) - 1):
        raise ValueError(
            explain(
                f"{layer.name}.build",
                expected="inputs whose last dimension is the axis, with a known length",
                received=f"axis={axis} and the input shape {input_shape}",
                action="Put that dimension last, or use the layer of Keras in a Keras model.",
            )
        )
    return int(length)
