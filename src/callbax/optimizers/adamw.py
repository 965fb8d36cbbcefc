"""AdamW."""

from typing import Any

from callbax._core._types import RateLike
from callbax.optimizers._arguments import Default, number
from callbax.optimizers._lookup import OPTIMIZERS
from callbax.optimizers._setting import LiveNumber
from callbax.optimizers.adam import Adam

_RATE = Default(0.001)


@OPTIMIZERS.register()
class AdamW(Adam):
    """Adam that takes a fraction off every weight at each update, whatever its gradient.

    Use it in place of Adam where models overfit, and for transformers.

    Args:
        learning_rate: A number, a schedule, or a function of (step,).
        weight_decay: Fraction of every weight, times the learning rate, taken off at each update;
            biases are weights too.
        beta_1: Fraction of the old mean of gradients kept at each step, between 0 and 1.
        beta_2: Fraction of the old mean of squares kept at each step, between 0 and 1.
        epsilon: Added to the root, so that nothing is divided by 0.
        amsgrad: Whether to divide by the largest mean of squares so far.
        clipnorm: See `Optimizer`, as for all that follow.
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
        >>> optimizer, params = AdamW(0.1, weight_decay=0.5), {"w": jnp.array([1.0, 2.0])}
        >>> params, state = optimizer.update(
        ...     {"w": jnp.ones(2)}, optimizer.init(params), params, learning_rate=0.1, step=0)
        >>> [round(float(weight), 3) for weight in params["w"]]
        [0.85, 1.8]

    Differs from Keras: there is no ``loss_scale_factor`` and no ``exclude_from_weight_decay``.

    Source: ``keras.optimizers.AdamW``, after Loshchilov & Hutter,
    https://arxiv.org/abs/1711.05101.
    """

    weight_decay = LiveNumber(number)

    def __init__(
        self,
        learning_rate: RateLike = _RATE,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay,
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
