"""What a model writes to files and takes from them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from callbax import saving
from callbax._core._errors import explain
from callbax._core._registry import Registry
from callbax.models._engine import Engine
from callbax.models._variables import OptimizerVariables
from callbax.saving._atomic import PathLike
from callbax.saving._contents import Contents

MODELS = Registry("model", alternatives="a `Sequential`")


class Files:
    """What a model writes to files and takes from them."""

    name: str
    compile: Callable[..., None]
    _engine: Engine

    def save_weights(self, filepath: PathLike, overwrite: bool = True) -> None:
        """Writes the weights as of the current batch.

        Args:
            filepath: Ends in ``.weights.h5`` for Keras's format, which holds the optimizer's
                state too, or in ``.safetensors`` for weights alone.
            overwrite: Whether a file that exists may be replaced.

        Raises:
            ValueError: The name ends otherwise, or the model is not built.
            OSError: The file cannot be written, or exists and may not be replaced; an old file
                is as it was.

        Differs from Keras: see `callbax.saving.save_weights`.
        """
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: PathLike, skip_mismatch: bool = False) -> None:
        """Reads weights, and the optimizer's state where the file holds it; in a hook they count.

        Args:
            filepath: A ``.weights.h5``, ``.safetensors`` or ``.keras`` file.
            skip_mismatch: Whether arrays that the file lacks or has in another shape keep their
                values, with a warning.

        Raises:
            ValueError: The file is that of another model; nothing was changed.
            OSError: The file is missing, damaged or of another kind; nothing was changed.

        Differs from Keras: see `callbax.saving.load_weights`.
        """
        saving.load_weights(self, filepath, skip_mismatch)

    def save(self, filepath: PathLike, overwrite: bool = True) -> None:
        """Writes the whole model, compilation and optimizer's state included.

        Args:
            filepath: Ends in ``.keras``.
            overwrite: Whether a file that exists may be replaced.

        Raises:
            TypeError: Plain values cannot describe the model, as with a plain NNX module.
            ValueError: The name ends otherwise.
            OSError: The file cannot be written, or exists and may not be replaced; an old file
                is as it was.

        Differs from Keras: see `callbax.saving.save_model`.
        """
        saving.save_model(self, filepath, overwrite)

    def get_config(self) -> dict[str, Any]:
        """Returns what the model is made of, as plain values; a plain NNX module cannot be told.

        Raises:
            TypeError: Always; `Sequential` overrides it.
        """
        raise TypeError(
            explain(
                "model.get_config()",
                expected="a `Sequential` of layers, which plain values describe",
                received=f"a `Model` of the NNX module {type(self._engine.module).__name__}",
                action="Use `save_weights`, make the module in code and `load_weights` into it.",
            )
        )

    def to_json(self, **kwargs: Any) -> str:
        """Returns what the model is made of as JSON text, for ``keras.models.model_from_json``.

        Args:
            **kwargs: Passed to ``json.dumps``.

        Raises:
            TypeError: Plain values cannot describe the model, as with a plain NNX module.

        Differs from Keras: what the model was compiled with is left out.
        """
        return json.dumps(saving.serialize_keras_object(self), **kwargs)

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns for what inputs the model was built; None where nobody needs to know."""
        return None

    def get_compile_config(self) -> dict[str, Any] | None:
        """Returns the arguments of `compile` as plain values; None before it was called.

        Raises:
            TypeError: One of them is a lambda or an optax transformation.
        """
        engine = self._engine
        if engine.optimizer is None:
            return None
        steps = engine.steps_per_execution
        config: dict[str, Any] = saving.serialize_keras_object(
            {
                "optimizer": engine.optimizer,
                "loss": engine.goals.loss,
                "loss_weights": engine.goals.loss_weights,
                "metrics": engine.goals.metrics,
                "weighted_metrics": engine.goals.weighted_metrics,
                # Keras takes integers only.
                "steps_per_execution": 1 if steps == "auto" else steps,
            }
        )
        return config

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles the model as `get_compile_config`, here or in Keras, says.

        Args:
            config: Arguments of `compile`, as plain values or as objects.
        """
        arguments = saving.deserialize_keras_object(config)
        names = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
        steps = arguments.get("steps_per_execution", 1)
        self.compile(
            **{name: arguments[name] for name in names if name in arguments},
            # 1 is Keras's way to say nothing; hooks are called for every batch in any case.
            steps_per_execution="auto" if steps == 1 else steps,
        )

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        return True

    # For callbax.saving

    def file_contents(self) -> Contents:
        """Returns the arrays as of the current batch under the keys that files use."""
        if not self.built:
            return Contents({}, {"": self.name})
        engine, (keys, names) = self._engine, self._file_keys()
        state = engine.settled()
        arrays = state.params | state.stats
        weights = {key: arrays[path] for path, key in keys.items()}
        if engine.optimizer is None:
            return Contents(weights, names)
        variables = OptimizerVariables(engine.optimizer, engine.weight_paths())
        names = {**names, "optimizer": engine.optimizer.name}
        return Contents(weights, names, variables.read(state), variables.fresh)

    def take_file_contents(
        self, weights: Mapping[str, np.ndarray], optimizer: Sequence[np.ndarray] | None
    ) -> None:
        """Replaces arrays as of the current batch, all at once.

        Args:
            weights: Key -> array of the shape that `file_contents` has there; others stay.
            optimizer: The optimizer's variables; None leaves them as they are.
        """
        engine, (keys, _) = self._engine, self._file_keys()
        old = engine.settled()
        new = {path: weights[key] for path, key in keys.items() if key in weights}

        def renewed(arrays: Mapping[str, Any]) -> dict[str, Any]:
            return {
                path: jnp.array(new[path], value.dtype) if path in new else value
                for path, value in arrays.items()
            }

        state = old.replace(params=renewed(old.params), stats=renewed(old.stats))
        if optimizer is not None and engine.optimizer is not None:
            variables = OptimizerVariables(engine.optimizer, engine.weight_paths())
            state = variables.write(state, optimizer)
        changed = ("params", "stats", "optimizer", "step", "learning_rate")
        engine.replace(
            **{
                name: getattr(state, name)
                for name in changed
                if getattr(state, name) is not getattr(old, name)
            }
        )

    # Inside

    def _file_keys(self) -> tuple[dict[str, str], dict[str, str]]:
        """Returns path of a variable -> key, and group -> name; for a plain module its paths."""
        return {path: f"module/{path}" for path in self._engine.weight_paths()}, {}
