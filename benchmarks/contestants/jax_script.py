"""Training loops written by hand in JAX: an epoch in one dispatch, no hooks, no callbacks.

What a JAX user who wants speed and nothing else would write: parameters in a dict, optax, a scan
over the epoch's batches that gathers each from data on the device, metrics summed up in the carry,
buffers donated, and nothing read before the end.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from benchmarks.cases import DEEP_LAYERS, NARROW, Run
from benchmarks.data import arrays
from jax import lax

Params = dict[str, jax.Array]


def prepare(run: Run) -> Callable[[], object]:
    """Returns what is to be timed: an epoch per dispatch, or a step if the hooks say "steps"."""
    size, rows = run.size, run.size.rows
    given = arrays(run)
    if run.resident:
        given = jax.device_put(given)
    predict, losses, optimizer = MODELS[run.model]
    params = _params(run.model)
    state = params, optimizer.init(params)
    step = functools.partial(_step, predict, losses, optimizer)
    if run.do in ("generator", "pydataset"):
        return _fed(step, state, given, size.batch, numbered=run.do == "pydataset")
    alone = run.hooks == ("steps",) or run.model == "large"
    epoch = _by_steps(step, size.batch) if alone else _fused(step, size.batch)
    shuffle = np.random.default_rng(0)

    def train() -> list[list[float]]:
        nonlocal state
        sums, (x, y) = [], jax.device_put(given)
        for _ in range(size.epochs):
            order = shuffle.permutation(rows).astype(np.int32)
            state, of_epoch = epoch(state, x, y, jnp.asarray(order))
            sums.append(of_epoch)
        return [[float(value) / rows for value in of_epoch] for of_epoch in sums]

    return train


def _step(
    predict: Any, losses: Any, optimizer: Any, carry: Any, x: Any, y: Any, picked: Any
) -> Any:
    (params, moments), sums = carry
    x, y = (array.at[picked].get(mode="promise_in_bounds") for array in (x, y))

    def objective(params: Params) -> Any:
        loss, metric = losses(predict(params, x), y)
        return loss, metric

    (loss, metric), grads = jax.value_and_grad(objective, has_aux=True)(params)
    updates, moments = optimizer.update(grads, moments, params)
    samples = picked.shape[0]
    sums = sums[0] + loss * samples, sums[1] + metric * samples
    return (optax.apply_updates(params, updates), moments), sums


def _fused(step: Any, size: int) -> Any:
    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
        full = len(order) // size * size
        carry = state, (jnp.zeros(()), jnp.zeros(()))
        carry, _ = lax.scan(
            lambda carry, picked: (step(carry, x, y, picked), None),
            carry,
            order[:full].reshape(-1, size),
        )
        return step(carry, x, y, order[full:]) if full < len(order) else carry

    return epoch


def _by_steps(step: Any, size: int) -> Any:
    @functools.partial(jax.jit, donate_argnums=0)
    def one(carry: Any, x: Any, y: Any, order: Any, first: Any) -> Any:
        return step(carry, x, y, lax.dynamic_slice_in_dim(order, first, size))

    def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
        carry = state, (jnp.zeros(()), jnp.zeros(()))
        for first in range(0, len(order), size):
            carry = one(carry, x, y, order, first)
        return carry

    return epoch


def _fed(step: Any, state: Any, given: Any, size: int, *, numbered: bool) -> Callable[[], object]:
    """A loop over a source that makes batches on the host, one of them ahead."""
    rows = np.arange(size)

    @functools.partial(jax.jit, donate_argnums=0)
    def one(carry: Any, x: Any, y: Any) -> Any:
        return step(carry, x, y, rows)

    def batch(number: int) -> Any:
        return tuple(array[number * size : (number + 1) * size] for array in given)

    def batches() -> Any:
        yield from map(batch, range(len(given[0]) // size))

    def train() -> list[float]:
        nonlocal state
        source = map(batch, range(len(given[0]) // size)) if numbered else batches()
        carry, waiting = (state, (jnp.zeros(()), jnp.zeros(()))), None
        for now in source:
            coming = jax.device_put(now)
            if waiting is not None:
                carry = one(carry, *waiting)
            waiting = coming
        state, sums = one(carry, *waiting)
        return [float(value) for value in sums]

    return train


def _params(model: str) -> Params:
    """Returns initial parameters, uniform as Keras's are."""
    shapes = {
        "guide": {"w": (784, 1)},
        "mlp": {"w1": (784, 512), "w2": (512, 512), "w3": (512, 10)},
        "mlp-4096": {"w1": (784, 4096), "w2": (4096, 4096), "w3": (4096, 10)},
        "cnn": {"w1": (3, 3, 1, 8), "w2": (3, 3, 8, 16), "w3": (7 * 7 * 16, 10)},
        "deep": {f"w{i}": (NARROW["deep"],) * 2 for i in range(DEEP_LAYERS)},
        "large": {"w": (NARROW["large"],) * 2},
    }[model]
    params = {}
    keys = jax.random.split(jax.random.key(0), len(shapes))
    for key, (name, shape) in zip(keys, shapes.items(), strict=True):
        params[name] = jax.nn.initializers.glorot_uniform()(key, shape)
        params[name.replace("w", "b")] = jnp.zeros(shape[-1])
    return params


def _guide(params: Params, x: Any) -> Any:
    return (x @ params["w"] + params["b"])[:, 0]


def _mlp(params: Params, x: Any) -> Any:
    x = jax.nn.relu(x @ params["w1"] + params["b1"])
    x = jax.nn.relu(x @ params["w2"] + params["b2"])
    return x @ params["w3"] + params["b3"]


def _cnn(params: Params, x: Any) -> Any:
    for layer in "12":
        x = lax.conv_general_dilated(
            x, params[f"w{layer}"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = jax.nn.relu(x + params[f"b{layer}"])
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return x.reshape(x.shape[0], -1) @ params["w3"] + params["b3"]


def _deep(params: Params, x: Any) -> Any:
    for number in range(DEEP_LAYERS):
        x = jax.nn.relu(x @ params[f"w{number}"] + params[f"b{number}"])
    return x


def _large(params: Params, x: Any) -> Any:
    return x @ params["w"] + params["b"]


def _squares(y_pred: Any, y: Any) -> Any:
    return jnp.mean((y_pred - y) ** 2), jnp.mean(jnp.abs(y_pred - y))


def _crossentropy(y_pred: Any, y: Any) -> Any:
    loss = optax.softmax_cross_entropy_with_integer_labels(y_pred, y).mean()
    return loss, jnp.mean(y_pred.argmax(-1) == y)


_adam = optax.adam(0.001, eps=1e-7)
MODELS: dict[str, Any] = {
    "guide": (_guide, _squares, optax.rmsprop(0.1, decay=0.9, eps=1e-7)),
    "mlp": (_mlp, _crossentropy, _adam),
    "mlp-4096": (_mlp, _crossentropy, _adam),
    "cnn": (_cnn, _crossentropy, _adam),
    "deep": (_deep, _squares, _adam),
    "large": (_large, _squares, _adam),
}
