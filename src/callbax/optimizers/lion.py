"""Lion."""

from typing import Any

import optax

from callbax._core._types import Array, RateLike
from callbax.optimizers._arguments import Default, fraction, positive_fraction
from callbax.optimizers._lookup import OPTIMIZERS
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers._setting import LiveNumber

_RATE = Default(0.001)


@OPTIMIZERS.register()
class Lion(Optimizer):
    """Moves every weight by the rate, in the direction of the sign of a running mean.

    Use it for large models: it keeps one number per weight. Its rate should be 3 to 10 times lower
    than Adam's.

    Args:
        learning_rate: A number, a schedule, or a function of (step,).
        beta_1: Fraction of the running mean in the direction; above 0, at most 1.
        beta_2: Fraction of the old mean kept at each step, between 0 and 1.
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
        >>> optimizer, params = Lion(0.25), {"w": jnp.array([1.0, 2.0])}
        >>> params, state = optimizer.update(
        ...     {"w": jnp.array([3.0, -3.0])}, optimizer.init(params), params,
        ...     learning_rate=0.25, step=0)
        >>> params["w"]
        Array([0.75, 2.25], dtype=float32)

    Differs from Keras: there is no ``loss_scale_factor``.

    Source: ``keras.optimizers.Lion``, after Chen et al., https://arxiv.org/abs/2302.06675.
    """

    beta_1 = LiveNumber(positive_fraction)
    beta_2 = LiveNumber(fraction)

    def __init__(
        self,
        learning_rate: RateLike = _RATE,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1, self.beta_2 = beta_1, beta_2

    def transformation(self, learning_rate: Array) -> optax.GradientTransformation:
        """Returns optax's Lion; weights are decayed before it, as in Keras."""
        return optax.lion(learning_rate, b1=self.beta_1, b2=self.beta_2, weight_decay=0.0)
