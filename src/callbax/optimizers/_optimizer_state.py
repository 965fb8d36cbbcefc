"""The state of an optimizer, and where its averages of the weights stand in it."""

from dataclasses import dataclass, replace
from typing import cast

import jax

from callbax._core._errors import describe, explain
from callbax._core._types import Array, PyTree


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class OptimizerState:
    """What an optimizer carries from step to step, besides the step and the learning rate.

    Attributes:
        transformation: State of the optax transformation.
        accumulated: Sum of the gradients since the last update, one per parameter; ``None``
            without gradient accumulation.
        averages: Moving averages of the parameters, one per parameter; ``None`` without
            ``use_ema``.
    """

    transformation: PyTree
    accumulated: PyTree
    averages: PyTree


def ema_of(opt_state: PyTree) -> dict[str, Array] | None:
    """Returns the moving averages of the weights.

    Args:
        opt_state: State of an optimizer.

    Returns:
        The averages under the names of the parameters; ``None`` if the optimizer keeps none.

    Example:
        >>> import jax.numpy as jnp
        >>> from callbax.optimizers.sgd import SGD
        >>> ema_of(SGD(use_ema=True).init({"w": jnp.ones(2)}))
        {'w': Array([1., 1.], dtype=float32)}
    """
    averages = getattr(opt_state, "averages", None)
    return cast("dict[str, Array] | None", averages)


def with_ema(opt_state: PyTree, averages: dict[str, Array]) -> PyTree:
    """Returns the state with other moving averages, as in a swap of weights and averages.

    Args:
        opt_state: State of an optimizer made with ``use_ema=True``.
        averages: The averages under the names of the parameters.

    Returns:
        A new state; the one given is left alone.

    Raises:
        ValueError: The optimizer keeps no averages.

    Example:
        >>> import jax.numpy as jnp
        >>> from callbax.optimizers.sgd import SGD
        >>> state = SGD(use_ema=True).init({"w": jnp.ones(2)})
        >>> ema_of(with_ema(state, {"w": jnp.zeros(2)}))
        {'w': Array([0., 0.], dtype=float32)}
    """
    if not isinstance(opt_state, OptimizerState) or opt_state.averages is None:
        raise ValueError(
            explain(
                "with_ema(opt_state, averages)",
                expected="the state of an optimizer that averages the weights",
                received=f"{describe(opt_state)} without averages",
                action="Make the optimizer with use_ema=True.",
            )
        )
    return replace(opt_state, averages=averages)
