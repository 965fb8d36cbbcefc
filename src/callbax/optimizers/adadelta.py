"""Adadelta."""

from typing import Any

import optax

from callbax._core._types import Array, RateLike
from callbax.optimizers._arguments import Default, fraction
from callbax.optimizers._lookup import OPTIMIZERS
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers._setting import LiveNumber

_RATE = Default(0.001)


@OPTIMIZERS.register()
class Adadelta(Optimizer):
    """Scales each gradient by the ratio of running means of past changes and gradients.

    Use it with ``learning_rate=1.0``, as its paper does: it finds its own step size.

    Args:
        learning_rate: A number, a schedule, or a function of (step,).
        rho: Fraction of the old means kept at each step, between 0 and 1.
        epsilon: Added to the means; without it, weights would never begin to move.
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
        >>> import jax.numpy as jnp
        >>> optimizer, params = Adadelta(1.0, epsilon=0.05), {"w": jnp.array([1.0, 2.0])}
        >>> params, state = optimizer.update(
        ...     {"w": jnp.ones(2)}, optimizer.init(params), params, learning_rate=1.0, step=0)
        >>> [round(float(weight), 3) for weight in params["w"]]
        [0.293, 1.293]

    Differs from Keras: there is no ``loss_scale_factor``.

    Source: ``keras.optimizers.Adadelta``, after Zeiler, https://arxiv.org/abs/1212.5701.
    """

    rho = LiveNumber(fraction)
    epsilon = LiveNumber()

    def __init__(
        self,
        learning_rate: RateLike = _RATE,
        rho: float = 0.95,
        epsilon: float = 1e-7,
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
        self.rho, self.epsilon = rho, epsilon

    def transformation(self, learning_rate: Array) -> optax.GradientTransformation:
        """Returns optax's Adadelta."""
        return optax.adadelta(learning_rate, rho=self.rho, eps=self.epsilon)
