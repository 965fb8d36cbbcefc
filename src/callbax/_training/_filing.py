"""A model's arrays under the keys that files use, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from callbax._training._engine import Engine
from callbax._training._recipe import FiledOptimizer
from callbax._training._state import TrainState
from callbax._training._weights import with_weights
from callbax.saving._contents import Contents


def contents_of(engine: Engine, name: str, *, whole: bool = True) -> Contents:
    """Returns the arrays at the current batch.

    Args:
        engine: What runs the model; it is built.
        name: The model's name.
        whole: Whether to put together what is divided among processes, all of which must call it.
    """
    state = engine.read_whole() if whole else engine.read()
    weights = engine.functional.weights()
    arrays = state.variables.weights
    keyed = {weight.key: arrays[weight.path] for weight in weights}
    names = {**engine.functional.groups(), "": name}
    paths = {weight.key: weight.name for weight in weights}
    variables = _variables(engine)
    if variables is None:
        return Contents(keyed, names, paths=paths)
    names["optimizer"] = engine.recipe.optimizer.name
    return Contents(keyed, names, variables.read(state), variables.fresh, paths)


def with_contents(
    engine: Engine,
    state: TrainState,
    weights: Mapping[str, Any],
    optimizer: Sequence[NDArray[Any]] | None,
) -> TrainState:
    """Returns a state with arrays from a file, where those are in whose place they come.

    Args:
        engine: What runs the model; it is built.
        state: The state.
        weights: Key -> array of the shape that the weight has; others stay.
        optimizer: The optimizer's variables; None leaves them as they are.
    """
    paths = {weight.key: weight.path for weight in engine.functional.weights()}
    new = with_weights(state, {paths[key]: weights[key] for key in paths if key in weights})
    variables = _variables(engine)
    if optimizer is not None and variables is not None:
        new = variables.write(new, optimizer)
    placed: TrainState = engine.placement.place_like(new, state)
    return placed


def _variables(engine: Engine) -> FiledOptimizer | None:
    return engine.recipe.filed(engine.functional.weight_paths())
