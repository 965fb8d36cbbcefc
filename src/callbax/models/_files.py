"""What a model writes to files, and what it takes from them."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from callbax import saving
from callbax._core._registry import Registry
from callbax._training._engine import Engine
from callbax._training._filing import contents_of, with_contents
from callbax._training._state import TrainState
from callbax.saving._contents import Contents

MODELS = Registry("model", alternatives="a `Sequential`")
_FILED = ("params", "stats", "optimizer", "step", "learning_rate")
"""Fields of a state that weights files hold."""


class ModelFiles:
    """The arrays of a model under the keys of files, and its compilation as plain values.

    Args:
        engine: What runs the model.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def contents(self, name: str) -> Contents:
        """Returns the arrays as of the current batch; none if the model is not built."""
        if not self._engine.functional.built:
            return Contents({}, {"": name})
        return contents_of(self._engine, name)

    def take_contents(
        self, weights: Mapping[str, NDArray[Any]], optimizer: Sequence[NDArray[Any]] | None
    ) -> None:
        """Replaces arrays as of the current batch, all at once."""
        old = self._engine.read()
        new = with_contents(self._engine, old, weights, optimizer)
        if any(getattr(new, field) is not getattr(old, field) for field in _FILED):
            self._engine.write(new)

    def compile_config(self) -> dict[str, Any] | None:
        """Returns the arguments of ``compile`` as plain values; None before it was called."""
        recipe = self._engine.recipe
        if recipe.optimizer is None:
            return None
        steps = recipe.steps_per_execution
        config: dict[str, Any] = saving.serialize_keras_object(
            {
                "optimizer": recipe.optimizer,
                "loss": recipe.goals.loss,
                "loss_weights": recipe.goals.loss_weights,
                "metrics": recipe.goals.metrics,
                "weighted_metrics": recipe.goals.weighted_metrics,
                # Keras takes integers only.
                "steps_per_execution": 1 if steps == "auto" else steps,
            }
        )
        return config

    def state_tree(self) -> dict[str, Any]:
        """Returns all state as nested dicts of NumPy arrays, as of the current batch."""
        names = {weight.path: weight.name for weight in self._engine.functional.weights()}
        state: TrainState = self._engine.read_whole()
        return {
            "trainable_variables": _nested(state.params, names),
            "non_trainable_variables": _nested(state.stats, names),
            "optimizer_variables": {
                "iterations": np.asarray(state.step),
                "learning_rate": np.asarray(state.learning_rate),
                **_numbered(state.optimizer),
            },
            "metrics_variables": _numbered(state.metrics),
        }


def compile_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of ``compile`` that a config, of callbax or Keras, describes."""
    arguments = saving.deserialize_keras_object(config)
    names = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
    steps = arguments.get("steps_per_execution", 1)
    return {
        **{name: arguments[name] for name in names if name in arguments},
        # 1 is Keras's way to say nothing; hooks are called for every batch in any case.
        "steps_per_execution": "auto" if steps == 1 else steps,
    }


def _numbered(tree: Any) -> dict[str, NDArray[Any]]:
    return {str(i): np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(tree))}


def _nested(arrays: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in arrays.items():
        *groups, name = names.get(path, path).split("/")
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[name] = np.asarray(value)
    return tree
