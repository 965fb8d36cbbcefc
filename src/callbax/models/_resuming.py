"""What a model gives to, and takes from, callbacks that back runs up and swap weights."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from callbax._core._errors import explain
from callbax.models._engine import Engine
from callbax.optimizers import ema_of, with_ema


class Resuming:
    """The state of a run beyond the weights: enough to end bit for bit where it would have."""

    ema_swapped: bool
    """Whether the weights are the optimizer's averages, and the trained ones stand in for them."""
    resume_point: tuple[int, int] | None
    _engine: Engine

    def training_state(self) -> dict[str, Any]:
        """Returns what a run's future depends on beside weights and data, as of this batch.

        Returns:
            Plain numbers and NumPy arrays in dicts and lists, for `restore_training_state`.
        """
        state, position = self._engine.settled(), self._engine.position()
        return {
            "random": {path: np.asarray(key) for path, key in state.random.items()},
            "optimizer": _arrays(state.optimizer),
            "metrics": _arrays(state.metrics),
            "step": int(state.step),
            "learning_rate": np.asarray(state.learning_rate),
            "shuffle_seed": self._engine.shuffle_seed,
            "ema_swapped": self.ema_swapped,
            **position,
        }

    def restore_training_state(self, state: dict[str, Any]) -> None:
        """Takes up a recorded state; call it in ``on_train_begin``, or before the first batch.

        Args:
            state: What `training_state` returned in a run of an equal model over equal data.

        Raises:
            ValueError: It is that of a model with other state.
        """
        engine, old = self._engine, self._engine.settled()
        engine.replace(
            random={path: jnp.asarray(key) for path, key in state["random"].items()},
            optimizer=_restored(old.optimizer, state["optimizer"], "the optimizer's state"),
            metrics=_restored(old.metrics, state["metrics"], "the metrics"),
            step=jnp.asarray(state["step"], jnp.int32),
            learning_rate=jnp.asarray(state["learning_rate"]),
        )
        engine.restore_position(state)
        self.ema_swapped = bool(state["ema_swapped"])

    def resume_from(self, epoch: int, batch: int) -> None:
        """Has the run that begins start in the middle; call it in ``on_train_begin``.

        Args:
            epoch: The epoch to start in, counted from 0; it wins over ``initial_epoch``.
            batch: Batches of it that are done; their running metrics are kept.
        """
        self.resume_point = epoch, batch

    @property
    def _initial_epoch(self) -> int | None:
        """The epoch to start in, if not the first; Keras's own `BackupAndRestore` sets it."""
        return None if self.resume_point is None else self.resume_point[0]

    @_initial_epoch.setter
    def _initial_epoch(self, epoch: int) -> None:
        self.resume_from(epoch, 0)

    def swap_ema_weights(self) -> None:
        """Exchanges the weights and the averages that an optimizer with ``use_ema`` keeps.

        Raises:
            ValueError: The optimizer keeps none.
        """
        engine = self._engine
        state = engine.settled()
        averages = ema_of(state.optimizer)
        if averages is None:
            raise ValueError(
                explain(
                    "model.swap_ema_weights()",
                    expected="an optimizer that keeps averages of the weights",
                    received=f"{type(engine.optimizer).__name__} without `use_ema=True`",
                    action="Compile with an optimizer made with `use_ema=True`.",
                )
            )
        engine.replace(params=averages, optimizer=with_ema(state.optimizer, state.params))
        self.ema_swapped = not self.ema_swapped

    def get_state_tree(self) -> dict[str, Any]:
        """Returns all state as nested dicts of NumPy arrays, as of this batch.

        Layers' variables go by Keras's paths, ``sequential/dense/kernel``.
        """
        names = self._variable_names(self._engine.weight_paths())
        state = self._engine.settled()
        optimizer = {str(i): array for i, array in enumerate(_arrays(state.optimizer))}
        return {
            "trainable_variables": _nested(state.params, names),
            "non_trainable_variables": _nested(state.stats, names),
            "optimizer_variables": {
                "iterations": np.asarray(state.step),
                "learning_rate": np.asarray(state.learning_rate),
                **optimizer,
            },
            "metrics_variables": {str(i): array for i, array in enumerate(_arrays(state.metrics))},
        }

    def _variable_names(self, paths: list[str]) -> dict[str, str]:
        """Returns path of a variable -> its name; a plain module's go by their paths."""
        return dict(zip(paths, paths, strict=True))

    def _finish_training(self) -> None:
        """Ends training with the averages where they are kept, as Keras does."""
        optimizer = self._engine.optimizer
        if optimizer is None or not optimizer.use_ema:
            return
        if not self.ema_swapped:
            self.swap_ema_weights()
        state = self._engine.settled()
        self._engine.replace(
            optimizer=with_ema(state.optimizer, jax.tree.map(jnp.copy, state.params))
        )
        self.ema_swapped = False


def _arrays(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def _restored(old: Any, arrays: list[Any], what: str) -> Any:
    """Returns recorded arrays in the structure of those that they replace."""
    leaves: list[Any]
    structure: Any
    leaves, structure = jax.tree.flatten(old)
    shapes = [leaf.shape for leaf in leaves]
    recorded = [np.shape(array) for array in arrays]
    if shapes != recorded:
        raise ValueError(
            explain(
                "model.restore_training_state(state)",
                expected=f"{what} in arrays of shapes {shapes}",
                received=f"shapes {recorded}",
                action="Compile the model as it was when the state was recorded.",
            )
        )
    return structure.unflatten(
        [jnp.asarray(new, old.dtype) for old, new in zip(leaves, arrays, strict=True)]
    )


def _nested(arrays: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in arrays.items():
        *groups, name = names.get(path, path).split("/")
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[name] = np.asarray(value)
    return tree
