"""Several devices: ``python -m benchmarks.distribution``, ratios in one run on one machine.

A CPU is made to look like four devices; on accelerators it takes those that there are. Every layout
is compared with a loop that a JAX user would write for it: an epoch in one dispatch, a scan that
gathers shuffled batches from data on the devices, the same shardings, optax, metrics in the carry.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
from benchmarks.peers import ROOT
from flax import nnx
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

import callbax as cb
from callbax.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel, initialize

DEVICES, ROUNDS = 4, 9
ROWS, FEATURES, HIDDEN, CLASSES, BATCH = 16_384, 256, 512, 10, 256
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, FEATURES)).astype("float32")
Y = RNG.integers(0, CLASSES, ROWS).astype("int32")


class MLP(nnx.Module):
    """Two hidden layers."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.first = nnx.Linear(FEATURES, HIDDEN, rngs=rngs)
        self.second = nnx.Linear(HIDDEN, HIDDEN, rngs=rngs)
        self.last = nnx.Linear(HIDDEN, CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns logits."""
        return self.last(nnx.relu(self.second(nnx.relu(self.first(x)))))


def tensor_parallel() -> ModelParallel:
    """Divides the two large layers between pairs of devices."""
    rules = LayoutMap(DeviceMesh((2, len(jax.devices()) // 2), ("batch", "model")))
    rules["first/kernel"], rules["first/bias"] = (None, "model"), ("model",)
    rules["second/kernel"] = ("model",)
    return ModelParallel(layout_map=rules)


LAYOUTS: dict[str, Callable[[], Any]] = {
    "DataParallel": DataParallel,
    "FSDP": lambda: DataParallel(shard_state=True),
    "tensor parallel": tensor_parallel,
}


class Reading(cb.callbacks.Callback):
    """Reads the loss of every batch."""

    execution = "fused"

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Reads it."""
        self.loss = logs["loss"]


def compiled(distribution: Any, **options: Any) -> cb.Model:
    """Returns the model, distributed and compiled."""
    model = cb.Model(MLP(), seed=0, distribution=distribution)
    loss = cb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(cb.optimizers.Adam(0.001), loss, **options)
    return model


def fitting(distribution: Any, *callbacks: Any) -> Callable[[], None]:
    """Returns one epoch of callbax."""
    model = compiled(distribution)

    def run() -> None:
        model.fit(X, Y, batch_size=BATCH, verbose=0, callbacks=list(callbacks))

    return run


def by_hand(distribution: Any) -> Callable[[], None]:
    """Returns one epoch of a loop by hand with the same shardings."""
    mesh = distribution.device_mesh.backend_mesh
    whole, samples = (
        NamedSharding(mesh, PartitionSpec(*spec)) for spec in ((), (distribution.batch_dim_name,))
    )
    graph, params = nnx.split(MLP())

    def placed(path: Any, leaf: Any) -> Any:
        name = "/".join(str(getattr(key, "key", "")) for key in path[:2])
        axes = distribution.axes_of(name, leaf.shape)
        return jax.device_put(leaf, NamedSharding(mesh, PartitionSpec(*axes)))

    params = jax.tree_util.tree_map_with_path(placed, params)
    optimizer = optax.adam(0.001)
    state = jax.tree.map(kept_or(whole), jax.jit(optimizer.init)(params))

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        logits = nnx.merge(graph, params)(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def epoch(params: Any, state: Any, x: Any, y: Any, order: Any) -> Any:
        def step(carry: Any, rows: Any) -> Any:
            params, state, total = carry
            batch = (lax.with_sharding_constraint(a[rows], samples) for a in (x, y))
            loss, grads = jax.value_and_grad(loss_of)(params, *batch)
            updates, state = optimizer.update(grads, state, params)
            return (optax.apply_updates(params, updates), state, total + loss), None

        (params, state, total), _ = lax.scan(step, (params, state, 0.0), order)
        return params, state, total / len(order)

    shardings = jax.tree.map(lambda a: a.sharding, (params, state))
    run_epoch = jax.jit(epoch, out_shardings=(*shardings, whole), donate_argnums=(0, 1))
    rng = np.random.default_rng(0)

    def run() -> None:
        nonlocal params, state
        x, y = jax.device_put((X, Y), whole)  # at every call, as `fit` does
        order = rng.permutation(ROWS).astype("int32").reshape(-1, BATCH)
        params, state, loss = run_epoch(params, state, x, y, jax.device_put(order, whole))
        float(loss)

    return run


def kept_or(whole: NamedSharding) -> Callable[[Any], Any]:
    """Returns what places an array on all devices, unless it is divided among them."""

    def place(leaf: Any) -> Any:
        divided = isinstance(leaf.sharding, NamedSharding)
        return leaf if divided else jax.device_put(leaf, whole)

    return place


def ratio(ours: Callable[[], None], theirs: Callable[[], None]) -> dict[str, float]:
    """Returns how long one takes by how long the other takes: they take turns."""
    for run in (ours, theirs, ours, theirs):
        run()
    ratios = []
    for number in range(ROUNDS):
        seconds = {}
        for run in (ours, theirs) if number % 2 else (theirs, ours):
            began = time.perf_counter()
            run()
            seconds[run] = time.perf_counter() - began
        ratios.append(seconds[ours] / seconds[theirs])
    return {"ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def layouts() -> None:
    """Prints every layout beside its loop by hand, and what the state takes on one device."""
    for name, make in LAYOUTS.items():
        for what, callbacks in (("no callback", ()), ("a reading callback", (Reading(),))):
            result = ratio(fitting(make(), *callbacks), by_hand(make()))
            print(json.dumps({"layout": name, "with": what, "aim": 1.10, **result}), flush=True)
        model = compiled(make())
        model.fit(X[:BATCH], Y[:BATCH], batch_size=BATCH, verbose=0)
        leaves = jax.tree.leaves(model._engine.read())  # noqa: SLF001  nobody else has to know
        print(
            json.dumps(
                {
                    "layout": name,
                    "state bytes per device": sum(
                        leaf.addressable_shards[0].data.nbytes for leaf in leaves
                    ),
                    "in all": sum(leaf.nbytes for leaf in leaves),
                }
            ),
            flush=True,
        )


def agreement(number: int, port: int) -> None:
    """One of two processes: prints what their meetings cost in a fit at the default pace."""
    initialize(f"localhost:{port}", 2, number)
    model = compiled(DataParallel())
    exchange = model._engine.placement.agreement  # noqa: SLF001  it is what is measured
    if exchange is None:
        raise RuntimeError("There is one process.")
    original, spent = exchange.exchange, []

    def timed(message: dict[str, Any]) -> list[dict[str, Any]]:
        began = time.perf_counter()
        heard: list[dict[str, Any]] = original(message)
        spent.append(time.perf_counter() - began)
        return heard

    shares = []
    for round_ in range(ROUNDS + 2):
        spent.clear()
        exchange.exchange = timed  # type: ignore[method-assign]
        began = time.perf_counter()
        model.fit(X, Y, batch_size=BATCH, verbose=0, epochs=2)
        total = time.perf_counter() - began
        if round_ > 1:
            quickest = min(spent)  # the rest of the others is waiting for the slower process
            shares.append((quickest * len(spent) / total, len(spent), quickest, sum(spent) / total))
    share, count, quickest, waiting = (
        statistics.median(column) for column in zip(*shares, strict=True)
    )
    if number == 0:
        print(
            json.dumps(
                {
                    "agreement": "share of a fit",
                    "aim": 0.02,
                    "share": share,
                    "with waiting": waiting,
                    "meetings": count,
                    "seconds each": quickest,
                    "steps": 2 * ROWS // BATCH,
                }
            ),
            flush=True,
        )


def main() -> None:
    """Prints everything, one JSON line each."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    port = 20_000 + os.getpid() % 10_000
    command = [sys.executable, "-m", "benchmarks.distribution"]
    processes = [
        subprocess.Popen([*command, str(number), str(port)], cwd=ROOT, env=environment)
        for number in range(2)
    ]
    for process in processes:
        process.wait()
    layouts()


if __name__ == "__main__":
    # Of a CPU alone; accelerators are as many as there are.
    jax.config.update("jax_num_cpu_devices", DEVICES if len(sys.argv) == 1 else DEVICES // 2)
    if len(sys.argv) > 1:
        agreement(int(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
