"""Adagrad."""

from typing import Any

import optax

from callbax._core._types import Array, RateLike
from callbax.optimizers._arguments import Default, number
from callbax.optimizers._lookup import OPTIMIZERS
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers._setting import CompiledSetting, LiveNumber

_RATE = Default(0.001)


@OPTIMIZERS.register()
class Adagrad(Optimizer):
    """Divides each gradient by the root of the sum of its squares so far.

    Use it for sparse features: what is seen rarely keeps a high rate.

    Args:
        learning_rate: A number, a schedule, or a function of (step,).
        initial_accumulator_value: Sum of squares with which each weight starts.
        epsilon: Added to the sum, so that nothing is divided by 0.
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
        >>> optimizer = Adagrad(0.1, initial_accumulator_value=3.0)
        >>> params = {"w": jnp.array([1.0, 2.0])}
        >>> params, state = optimizer.update(
        ...     {"w": jnp.ones(2)}, optimizer.init(params), params, learning_rate=0.1, step=0)
        >>> [round(float(weight), 3) for weight in params["w"]]
        [0.95, 1.95]

    Differs from Keras: there is no ``loss_scale_factor``.

    Source: ``keras.optimizers.Adagrad``, after Duchi et al.,
    https://www.jmlr.org/papers/v12/duchi11a.html.
    """

    epsilon = LiveNumber()
    initial_accumulator_value = CompiledSetting(number)

    def __init__(
        self,
        learning_rate: RateLike = _RATE,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def transformation(self, learning_rate: Array) -> optax.GradientTransformation:
        """Returns optax's Adagrad, epsilon inside the root."""
        return optax.adagrad(
            learning_rate,
            initial_accumulator_value=self.initial_accumulator_value,
            eps=self.epsilon,
        )
