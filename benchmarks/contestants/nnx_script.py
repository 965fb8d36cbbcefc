"""A training script written by hand with ``nnx.jit``, as Flax's guides write it.

One jitted step for training and one for validation, ``nnx.Optimizer``, ``nnx.MultiMetric``, batches
gathered on the host in shuffled order; all rows count, in a smaller batch at the end too.
"""

from collections.abc import Callable, Iterator
from typing import Any

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
    """Returns what is to be timed: an epoch with validation, compilation included."""
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


def _parts(order: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for first in range(0, len(order), size):
        yield order[first : first + size]
