"""Nadam."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from callbax._core._types import Array, PyTree, RateLike
from callbax.optimizers._arguments import Default, fraction
from callbax.optimizers._lookup import OPTIMIZERS
from callbax.optimizers._optimizer import Optimizer
from callbax.optimizers._setting import LiveNumber

_RATE = Default(0.001)


@OPTIMIZERS.register()
class Nadam(Optimizer):
    """Adam whose momentum looks one step ahead, as Nesterov's does.

    Use it in place of Adam, if that turns too slowly.

    Args:
        learning_rate: A number, a schedule, or a function of (step,).
        beta_1: Fraction of the old mean of gradients kept at each step, between 0 and 1.
        beta_2: Fraction of the old mean of squares kept at each step, between 0 and 1.
        epsilon: Added to the root, so that nothing is divided by 0.
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
        >>> optimizer, params = Nadam(0.1), {"w": jnp.array([1.0, 2.0])}
        >>> params, state = optimizer.update(
        ...     {"w": jnp.ones(2)}, optimizer.init(params), params, learning_rate=0.1, step=0)
        >>> [round(float(weight), 3) for weight in params["w"]]
        [0.894, 1.894]

    Differs from Keras: there is no ``loss_scale_factor``.

    Source: ``keras.optimizers.Nadam``, after Dozat,
    https://cs229.stanford.edu/proj2015/054_report.pdf.
    """

    beta_1 = LiveNumber(fraction)
    beta_2 = LiveNumber(fraction)
    epsilon = LiveNumber()

    def __init__(
        self,
        learning_rate: RateLike = _RATE,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def transformation(self, learning_rate: Array) -> optax.GradientTransformation:
        """Returns Nadam with Keras's schedule of momenta."""
        return keras_nadam(learning_rate, self.beta_1, self.beta_2, self.epsilon)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NadamState:
    """What Nadam carries from update to update.

    Attributes:
        count: How many updates came before.
        momentum: Running means of the gradients.
        velocity: Running means of their squares.
        product: Product of the momenta of all updates so far.
    """

    count: Array
    momentum: PyTree
    velocity: PyTree
    product: Array


def keras_nadam(
    learning_rate: Array, beta_1: float | Array, beta_2: float | Array, epsilon: float | Array
) -> optax.GradientTransformation:
    """Returns Nadam whose momentum grows with the updates, from half of ``beta_1`` towards it.

    ``optax.nadam`` keeps the momentum constant, which gives other numbers.

    Args:
        learning_rate: The rate, a float32 scalar.
        beta_1: Fraction of the old mean of gradients kept.
        beta_2: Fraction of the old mean of squares kept.
        epsilon: Added to the root.

    Source: ``update_step`` of ``keras.optimizers.Nadam``.
    """

    def init(params: PyTree) -> NadamState:
        def zeros() -> PyTree:
            return jax.tree.map(jnp.zeros_like, params)

        return NadamState(jnp.zeros((), jnp.int32), zeros(), zeros(), jnp.ones((), jnp.float32))

    # Rounded to float32 at once, as in Keras: it tells after some tens of updates.
    first, second = jnp.float32(beta_1), jnp.float32(beta_2)

    def momentum_at(update: Array) -> Array:
        return jnp.multiply(first, 1 - 0.5 * jnp.float32(0.96) ** update)

    def update(
        grads: PyTree, state: NadamState, params: PyTree = None
    ) -> tuple[PyTree, NadamState]:
        done = (state.count + 1).astype(jnp.float32)
        now, then = momentum_at(done), momentum_at(done + 1)
        product = state.product * now
        momentum = jax.tree.map(lambda m, g: m + (g - m) * (1 - first), state.momentum, grads)
        velocity = jax.tree.map(
            lambda v, g: v + (jnp.square(g) - v) * (1 - second), state.velocity, grads
        )
        corrected = 1 - second**done

        def change(m: Array, v: Array, g: Array) -> Array:
            ahead = then * m / (1 - product * then) + (1 - now) * g / (1 - product)
            return -ahead * learning_rate / (jnp.sqrt(v / corrected) + epsilon)

        changes = jax.tree.map(change, momentum, velocity, grads)
        return changes, NadamState(state.count + 1, momentum, velocity, product)

    return optax.GradientTransformation(init, update)
