"""What Keras does to gradients and weights around every optimizer, as pure functions."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from callbax._core._types import Array, Arrays, PyTree


def clip(
    grads: Arrays, clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None
) -> PyTree:
    """Clips gradients in at most one of three ways; 0 and ``None`` leave them alone.

    Args:
        grads: The gradients.
        clipnorm: Largest norm of each gradient.
        clipvalue: Largest size of each number.
        global_clipnorm: Largest norm of all gradients together.

    Source: ``_clip_gradients`` in Keras's ``base_optimizer``.
    """
    if not (clipnorm is None or is_zero(clipnorm)):
        return jax.tree.map(
            lambda g: g * clipnorm / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(g))), clipnorm), grads
        )
    if not (global_clipnorm is None or is_zero(global_clipnorm)):
        norm = optax.tree.norm(grads)
        # optax's own clipping lets finite gradients through if another is infinite; in Keras
        # all become NaN, and a training that has come apart can be noticed.
        scale = global_clipnorm * jnp.minimum(1 / norm, 1 / global_clipnorm) + (norm - norm)
        return jax.tree.map(lambda g: g * scale, grads)
    if not (clipvalue is None or is_zero(clipvalue)):
        return jax.tree.map(lambda g: jnp.clip(g, -clipvalue, clipvalue), grads)
    return grads


def decay(params: Arrays, weight_decay: float | None, rate: Array) -> PyTree:
    """Draws weights towards zero, all of them, biases too.

    Source: ``_apply_weight_decay`` in Keras's ``base_optimizer``.
    """
    if weight_decay is None:
        return params
    return jax.tree.map(lambda p: p - p * weight_decay * rate.astype(p.dtype), params)


def average(averages: Arrays, params: Arrays, momentum: float, updates: Array) -> PyTree:
    """Moves averages towards weights; until the first update is counted, all the way.

    Source: ``_update_model_variables_moving_average`` in Keras's ``base_optimizer``.
    """
    kept = jnp.where(updates == 0, 0.0, jnp.float32(momentum))
    return like(jax.tree.map(lambda a, p: kept * a + (1 - kept) * p, averages, params), averages)


def overwrite(params: Arrays, averages: Arrays, every: int | None, updates: Array) -> PyTree:
    """Returns the averages in place of weights every n updates, if at all.

    Source: ``_backend_apply_gradients`` in Keras's ``JaxOptimizer``.
    """
    if every is None:
        return params
    due = (updates + 1) % every == 0
    return jax.tree.map(lambda a, p: jnp.where(due, a, p), averages, params)


def is_zero(number: Any) -> bool:
    """Returns whether a number is 0 and stays so: one that is part of the state may change."""
    return not isinstance(number, jax.Array) and number == 0


def like(values: PyTree, model: PyTree) -> PyTree:
    """Casts arrays to the dtypes of others, so that a state can be the carry of a loop.

    A float32 learning rate turns what it multiplies in bfloat16 to float32.
    """
    return jax.tree.map(_cast, values, model)


def _cast(value: Array, model: Array) -> Array:
    if jnp.issubdtype(model.dtype, jax.dtypes.prng_key):
        return value
    return jnp.asarray(value).astype(model.dtype)
