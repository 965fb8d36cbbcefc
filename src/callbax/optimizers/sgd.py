"""Gradient descent."""

from typing import Any

import optax

from callbax._core._types import Array, RateLike
from callbax.optimizers._arguments import Default, fraction
from callbax.optimizers._arithmetic import is_zero
from callbax.optimizers._lookup import OPTIMIZERS
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers._setting import CompiledSetting, LiveNumber

_RATE = Default(0.01)


@OPTIMIZERS.register()
class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    Use it with momentum where generalisation matters more than speed, as in image models.

    Args:
        learning_rate: A number, a schedule, or a function of (step,).
        momentum: Fraction of the last change that is added to this one, between 0 and 1.
        nesterov: Whether the momentum looks one step ahead.
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
        >>> optimizer, params = SGD(0.5), {"w": jnp.array([1.0, 2.0])}
        >>> params, state = optimizer.update(
        ...     {"w": jnp.ones(2)}, optimizer.init(params), params, learning_rate=0.5, step=0)
        >>> params["w"]
        Array([0.5, 1.5], dtype=float32)

    Differs from Keras: there is no ``loss_scale_factor``.

    Source: ``keras.optimizers.SGD``.
    """

    momentum = LiveNumber(fraction)
    nesterov = CompiledSetting()

    def __init__(
        self,
        learning_rate: RateLike = _RATE,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        self.momentum, self.nesterov = momentum, nesterov

    def transformation(self, learning_rate: Array) -> optax.GradientTransformation:
        """Returns plain descent, or descent with momentum."""
        descent = optax.scale_by_learning_rate(learning_rate)
        if is_zero(self.momentum):
            return descent
        # optax.sgd scales after the trace; Keras's velocity holds the rates of its time.
        return optax.chain(descent, optax.trace(self.momentum, nesterov=self.nesterov))
