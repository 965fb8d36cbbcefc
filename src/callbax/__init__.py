"""Keras's training experience on JAX: fit, evaluate and predict with callbacks.

``import callbax as tf`` works too: the root has the functions of TensorFlow's that scripts around
Keras use, and ``tf.nn``, ``tf.math`` and ``tf.random``.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

# It draws from Python's `random` when it is loaded, and Flax loads it: not after the user's seed,
# of which initial weights follow.
import rich.style  # noqa: F401

from callbax import _tf
from callbax._core._missing import missing_names
from callbax._tf import *  # noqa: F403

if TYPE_CHECKING:
    from callbax import (
        activations,
        backend,
        callbacks,
        datasets,
        distribution,
        initializers,
        keras,
        layers,
        losses,
        math,
        metrics,
        models,
        nn,
        optimizers,
        random,
        saving,
        testing,
        utils,
        wrappers,
    )
    from callbax.layers import Input
    from callbax.models import Model, Sequential

    __version__: str

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "datasets",
    "distribution",
    "initializers",
    "keras",
    "layers",
    "losses",
    "math",
    "metrics",
    "models",
    "nn",
    "optimizers",
    "random",
    "saving",
    "testing",
    "utils",
    "wrappers",
]
__all__ += _tf.__all__

_HOMES = {"Input": "callbax.layers", "Model": "callbax.models", "Sequential": "callbax.models"}
_HINTS = {
    "data": "Pass arrays to `fit`, or any iterable of batches `(x, y)`: a generator, a "
    "`utils.PyDataset`, a DataLoader of torch; `fit` shuffles, batches and reads ahead itself. "
    "A `tf.data.Dataset` of TensorFlow's own works too.",
    "function": "Leave it out: what `fit` runs is compiled. Elsewhere use `jax.jit`.",
    "GradientTape": "Use `jax.grad` or `nnx.value_and_grad`, or give `fit` the loss.",
    "Variable": "Use `nnx.Param` in a module, or `backend.variable`.",
    "distribute": "Arrays are placed by JAX: see `jax.sharding`.",
    "config": "Ask JAX for devices, and `jax.config` for settings.",
    "train": "Use `optimizers` for optimizers, and `callbacks.ModelCheckpoint` for checkpoints.",
    "io": "Read files with NumPy or Pillow, and pass arrays.",
    "image": "Use `jax.image`, or change images with NumPy before `fit`.",
    "linalg": "Use `jax.numpy.linalg`.",
    "gather": "Use `jax.numpy.take`, or index the array.",
    "print": "Use `print`, or `jax.debug.print` in a compiled function.",
    "string": "JAX has no text: keep it in Python or NumPy.",
}


def load_ipython_extension(ipython: object) -> None:
    """Serves Keras's models from now on: ``%load_ext callbax``."""
    importlib.import_module("callbax.keras_training").take_over()


def unload_ipython_extension(ipython: object) -> None:
    """Gives Keras its methods back: ``%unload_ext callbax``."""
    importlib.import_module("callbax.keras_training").give_back()


def _version() -> str:
    metadata: Any = importlib.import_module("importlib.metadata")  # slow, and seldom asked for
    try:
        found: str = metadata.version("callbax")
    except metadata.PackageNotFoundError:  # run from its sources
        return "unknown"
    return found


_missing = missing_names(__name__, "Make a `Sequential`, or a `Model` of any nnx.Module.", _HINTS)


def _found(name: str) -> Any:
    """Returns what a name of the root stands for; a room is loaded when it is first asked for."""
    if name == "__version__":
        return _version()
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    return _missing(name, sys._getframe(2))  # noqa: SLF001  the documented way to the caller


def _get(name: str) -> Any:
    globals()[name] = _found(name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})


if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = _get
