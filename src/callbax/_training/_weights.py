"""The weights of a model as lists, in Keras's order, at the current batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import explain
from callbax._core._types import Array
from callbax._training._engine import Engine
from callbax._training._state import TrainState


def get_weights(engine: Engine) -> list[NDArray[Any]]:
    """Returns copies of all weights, in Keras's order."""
    arrays = engine.read_whole().variables.weights
    return [np.array(arrays[path]) for path in engine.functional.weight_paths()]


def set_weights(engine: Engine, weights: Sequence[Any]) -> None:
    """Replaces all weights.

    Raises:
        ValueError: Their number or shapes differ; nothing was changed.
    """
    state, paths = engine.read(), engine.functional.weight_paths()
    arrays = state.variables.weights
    expected = [arrays[path].shape for path in paths]
    received = [np.shape(weight) for weight in weights]
    if received != expected:
        raise ValueError(
            explain(
                "model.set_weights",
                expected=f"{len(expected)} weights of shapes {expected}",
                received=f"{len(received)} of shapes {received}",
                action="Pass what `get_weights` of an equal model returned.",
            )
        )
    engine.write(with_weights(state, dict(zip(paths, weights, strict=True))))


def with_weights(state: TrainState, new: Mapping[str, Any]) -> TrainState:
    """Returns a state with other values of some weights.

    Args:
        state: The state.
        new: Path -> array of the shape that the weight has.
    """

    def renewed(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {
            path: jnp.array(new[path], value.dtype) if path in new else value
            for path, value in arrays.items()
        }

    params = renewed(state.params) if new.keys() & state.params.keys() else state.params
    stats = renewed(state.stats) if new.keys() & state.stats.keys() else state.stats
    return state.replace(params=params, stats=stats)
