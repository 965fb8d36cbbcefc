"""By whose step a Keras model is trained."""

from typing import Any

from callbax import optimizers
from callbax._modules._keras_inside import is_half, is_known, loaded, overrides_training
from callbax._training._objective import Goals
from callbax.optimizers._lookup import in_compile


def is_for_callbax(module: Any, optimizer: Any, goals: Goals) -> bool:
    """Returns whether callbax's own step can train a Keras model.

    Args:
        module: The model.
        optimizer: What `compile` was given.
        goals: Losses and metrics, likewise.

    Raises:
        ValueError: A name is unknown to callbax and to Keras.
        TypeError: Something is neither an optimizer, loss or metric of one nor of the other.
    """
    of_keras: Any = loaded().optimizers.Optimizer
    if isinstance(optimizer, of_keras):
        return False
    if isinstance(optimizer, type) and issubclass(optimizer, of_keras):
        return False
    if overrides_training(module) or is_half(module):
        return False
    goals.check_weights()
    try:
        optimizers.get(optimizer, where=in_compile(optimizer))
        goals.check()
    except ValueError:
        names = [("optimizers", optimizer), *(("losses", loss) for loss in goals.losses())]
        names += [("metrics", metric) for metric in goals.all_metrics()]
        if all(is_known(room, name) for room, name in names):
            return False
        raise
    return True
