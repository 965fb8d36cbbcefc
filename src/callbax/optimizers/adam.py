"""Adam."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from callbax._core._types import Array, PyTree, RateLike
from callbax.optimizers._arguments import Default, fraction
from callbax.optimizers._lookup import OPTIMIZERS
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers._setting import CompiledSetting, LiveNumber

_RATE = Default(0.001)


@OPTIMIZERS.register()
class Adam(Optimizer):
    """Scales each gradient's running mean by the root of the running mean of its square.

    Use it if you do not know better: it needs the least tuning.

    Args:
        learning_rate: A number, a schedule, or a function of (step,).
        beta_1: Fraction of the old mean of gradients kept at each step, between 0 and 1.
        beta_2: Fraction of the old mean of squares kept at each step, between 0 and 1.
        epsilon: Added to the root, so that nothing is divided by 0. It is the "epsilon hat" of
            the paper, which is not corrected for bias.
        amsgrad: Whether to divide by the largest mean of squares so far.
        weight_decay: See `Optimizer`, as for all that follow.
        clipnorm: Largest norm of each gradient.
        clipvalue: Largest size of each number in a gradient.
        global_clipnorm: Largest norm of all gradients together.
        use_ema: Whether to keep moving averages of the weights.
        ema_momentum: Fraction of the old averages kept at each step.
        ema_overwrite_frequency: After how many updates the weights become their averages.
        gradient_accumulation_steps: Over how many steps gradients are averaged.
        name: Name; by default the class's own.
        **kwargs: ``lr``, the older name of ``learning_rate``.

    Raises:
        TypeError: An argument is unknown or of the wrong type.
        ValueError: An argument is out of bounds.

    Example:
        >>> optimizer, params = Adam(0.1), {"w": jnp.array([1.0, 2.0])}
        >>> params, state = optimizer.update(
        ...     {"w": jnp.ones(2)}, optimizer.init(params), params, learning_rate=0.1, step=0)
        >>> [round(float(weight), 3) for weight in params["w"]]
        [0.9, 1.9]

    Differs from Keras: there is no ``loss_scale_factor``.

    Source: ``keras.optimizers.Adam``, after Kingma & Ba, https://arxiv.org/abs/1412.6980.
    """

    beta_1 = LiveNumber(fraction)
    beta_2 = LiveNumber(fraction)
    epsilon = LiveNumber()
    amsgrad = CompiledSetting()

    def __init__(
        self,
        learning_rate: RateLike = _RATE,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        *,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.amsgrad = amsgrad

    def transformation(self, learning_rate: Array) -> optax.GradientTransformation:
        """Returns Adam in Keras's arithmetic."""
        return keras_adam(
            learning_rate, self.beta_1, self.beta_2, self.epsilon, amsgrad=self.amsgrad
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AdamState:
    """What Adam carries from update to update.

    Attributes:
        count: How many updates came before.
        momentum: Running means of the gradients.
        velocity: Running means of their squares.
        largest: The largest of these so far; ``None`` without AMSGrad.
    """

    count: Array
    momentum: PyTree
    velocity: PyTree
    largest: PyTree


def keras_adam(
    learning_rate: Array,
    beta_1: float | Array,
    beta_2: float | Array,
    epsilon: float | Array,
    *,
    amsgrad: bool,
) -> optax.GradientTransformation:
    """Returns Adam whose epsilon is not corrected for bias, nor AMSGrad's maximum.

    ``optax.adam`` corrects the means before epsilon is added; Keras corrects the rate instead, so
    that epsilon weighs more in the first updates.

    Args:
        learning_rate: The rate, a float32 scalar.
        beta_1: Fraction of the old mean of gradients kept.
        beta_2: Fraction of the old mean of squares kept.
        epsilon: Added to the root.
        amsgrad: Whether to divide by the largest mean of squares so far.

    Source: ``update_step`` of ``keras.optimizers.Adam``.
    """

    def init(params: PyTree) -> AdamState:
        def zeros() -> PyTree:
            return jax.tree.map(jnp.zeros_like, params)

        count = jnp.zeros((), jnp.int32)
        return AdamState(count, zeros(), zeros(), zeros() if amsgrad else None)

    def update(grads: PyTree, state: AdamState, params: PyTree = None) -> tuple[PyTree, AdamState]:
        count = state.count + 1
        # Powers as in Keras, of float32 numbers.
        done = count.astype(jnp.float32)
        correction = jnp.sqrt(1 - jnp.float32(beta_2) ** done) / (1 - jnp.float32(beta_1) ** done)
        rate = learning_rate * correction
        momentum = jax.tree.map(lambda m, g: m + (g - m) * (1 - beta_1), state.momentum, grads)
        velocity = jax.tree.map(
            lambda v, g: v + (jnp.square(g) - v) * (1 - beta_2), state.velocity, grads
        )
        largest = jax.tree.map(jnp.maximum, state.largest, velocity) if amsgrad else None
        changes = jax.tree.map(
            lambda m, v: -m * rate / (jnp.sqrt(v) + epsilon),
            momentum,
            largest if amsgrad else velocity,
        )
        return changes, AdamState(count, momentum, velocity, largest)

    return optax.GradientTransformation(init, update)
