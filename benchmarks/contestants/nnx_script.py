"""Training scripts written by hand for NNX modules.

The one as Flax's guides write it: one step under ``nnx.jit`` for training and one for validation,
``nnx.Optimizer``, ``nnx.MultiMetric``, batches gathered on the host in shuffled order; all rows
count, in a smaller batch at the end too. The other for speed and nothing else: an epoch of full
batches in one dispatch, from data on the device, buffers donated.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from benchmarks.cases import VALIDATION_SHARE, Run
from benchmarks.contestants.nnx_models import MODULES
from benchmarks.data import arrays
from flax import nnx


def _loss(model: Any, x: Any, y: Any) -> tuple[Any, Any]:
    logits = model(x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), logits


@nnx.jit
def _train(model: Any, optimizer: Any, metrics: Any, x: Any, y: Any) -> None:
    (loss, logits), gradients = nnx.value_and_grad(_loss, has_aux=True)(model, x, y)
    metrics.update(loss=loss, logits=logits, labels=y)
    optimizer.update(model, gradients)


@nnx.jit
def _validate(model: Any, metrics: Any, x: Any, y: Any) -> None:
    loss, logits = _loss(model, x, y)
    metrics.update(loss=loss, logits=logits, labels=y)


def prepare(run: Run) -> Callable[[], object]:
    """Returns what is to be timed: a first fit, compilation included, or one like the others."""
    return _first(run) if run.do == "first" else _fused(run)


def _first(run: Run) -> Callable[[], object]:
    x, y = arrays(run)
    held = len(x) // VALIDATION_SHARE
    (x, y), (held_x, held_y) = (x[held:], y[held:]), (x[:held], y[:held])
    model = MODULES[run.model](nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(0.001, eps=1e-7), wrt=nnx.Param)
    metrics = nnx.MultiMetric(accuracy=nnx.metrics.Accuracy(), loss=nnx.metrics.Average("loss"))
    size = run.size.batch

    def fit() -> list[Any]:
        seen = []
        order = np.random.default_rng(0).permutation(len(x))
        for picked in _parts(order, size):
            _train(model, optimizer, metrics, x[picked], y[picked])
        seen.append(metrics.compute())
        metrics.reset()
        for picked in _parts(np.arange(held), size):
            _validate(model, metrics, held_x[picked], held_y[picked])
        seen.append(metrics.compute())
        return [{name: float(value) for name, value in one.items()} for one in seen]

    return fit


def _fused(run: Run) -> Callable[[], object]:
    x, y = jax.device_put(arrays(run))
    module = MODULES[run.model](nnx.Rngs(0))
    module.train()
    graph, params, rest = nnx.split(module, nnx.Param, ...)
    optimizer = optax.adam(0.001, eps=1e-7)
    state = params, rest, optimizer.init(params)

    def objective(params: Any, rest: Any, x: Any, y: Any) -> Any:
        module = nnx.merge(graph, params, rest, copy=True)
        loss, logits = _loss(module, x, y)
        return loss, (jnp.mean(logits.argmax(-1) == y), nnx.split(module, nnx.Param, ...)[2])

    def step(x: Any, y: Any, carry: Any, picked: Any) -> Any:
        (params, rest, moments), sums = carry
        picked_x, picked_y = (a.at[picked].get(mode="promise_in_bounds") for a in (x, y))
        differentiated = jax.value_and_grad(objective, has_aux=True)
        (loss, (metric, rest)), grads = differentiated(params, rest, picked_x, picked_y)
        updates, moments = optimizer.update(grads, moments, params)
        state = optax.apply_updates(params, updates), rest, moments
        return (state, (sums[0] + loss, sums[1] + metric)), None

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
        carry = state, (jnp.zeros(()), jnp.zeros(()))
        return jax.lax.scan(functools.partial(step, x, y), carry, order)[0]

    shuffle = np.random.default_rng(0)

    def train() -> list[float]:
        nonlocal state
        order = shuffle.permutation(len(x)).astype(np.int32).reshape(-1, run.size.batch)
        state, sums = epoch(state, x, y, order)
        return [float(value) / len(order) for value in sums]

    return train


def _parts(order: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for first in range(0, len(order), size):
        yield order[first : first + size]
