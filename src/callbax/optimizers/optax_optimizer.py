"""Any optax transformation as an optimizer."""

from typing import Any

import jax.numpy as jnp
import optax

from callbax._core._errors import describe, explain
from callbax._core._types import Array, PyTree
from callbax.optimizers._live import Live
from callbax.optimizers._optimizer import Optimizer


class OptaxOptimizer(Optimizer):
    """Uses an optax transformation as it is; ``compile(optimizer=transformation)`` makes one.

    A learning rate that was given to ``optax.inject_hyperparams`` as a number can be read and
    set, also while training. Any other is part of the transformation and out of sight.

    Args:
        transformation: An ``optax.GradientTransformation``.
        name: Name; by default the class's own.

    Raises:
        TypeError: It is not an optax transformation.

    Example:
        >>> optimizer = OptaxOptimizer(optax.inject_hyperparams(optax.adam)(learning_rate=0.5))
        >>> optimizer.learning_rate = optimizer.learning_rate / 2
        >>> optimizer.learning_rate
        0.25
        >>> hasattr(OptaxOptimizer(optax.adam(0.5)), "learning_rate")
        False

    Source: https://optax.readthedocs.io, ``inject_hyperparams``.
    """

    def __init__(
        self, transformation: optax.GradientTransformation, *, name: str | None = None
    ) -> None:
        if not isinstance(transformation, optax.GradientTransformation):
            raise TypeError(
                explain(
                    "OptaxOptimizer(transformation)",
                    expected="an optax.GradientTransformation",
                    received=describe(transformation),
                    action="Pass what a function of optax returned, such as optax.adam(0.001).",
                )
            )
        self._transformation = transformation
        super().__init__(name=name)

    def _make_live(self, rate: object) -> Live:
        rate = injected_rate(self._transformation)
        return Live(type(self).__name__, rate, hidden=rate is None)

    def transformation(self, learning_rate: Array) -> optax.GradientTransformation:
        """Returns the transformation, which gets the learning rate from its state if at all."""
        if self.initial_learning_rate is None:
            return self._transformation
        inner = optax.with_extra_args_support(self._transformation)

        def update(
            grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any
        ) -> tuple[PyTree, PyTree]:
            state = optax.tree.set(state, learning_rate=learning_rate)
            updated: tuple[PyTree, PyTree] = inner.update(grads, state, params, **extra)
            return updated

        return optax.GradientTransformationExtraArgs(inner.init, update)

    def get_config(self) -> dict[str, Any]:
        """Refuses: the functions of a transformation cannot be told in plain values.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            explain(
                "OptaxOptimizer.get_config()",
                expected="an optimizer that plain values describe",
                received="an optax transformation, which is made of functions",
                action="Save the weights, and pass the transformation to compile again.",
            )
        )


def injected_rate(transformation: optax.GradientTransformation) -> float | None:
    """Finds the one learning rate that a transformation keeps as a number in its state.

    Args:
        transformation: Any optax transformation.

    Returns:
        The rate, or ``None`` if there is none, or several, or a schedule sets it.
    """
    try:
        state = transformation.init({"w": jnp.zeros((), jnp.float32)})
    # A transformation that asks for certain names or shapes of weights may raise anything here.
    except Exception:
        return None
    found = optax.tree.get_all_with_path(state, "learning_rate")
    return float(found[0][1]) if len(found) == 1 else None
