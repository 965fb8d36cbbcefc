"""The model: what users compile, fit, evaluate and ask for predictions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from callbax import optimizers
from callbax._core._errors import describe, explain
from callbax._core._naming import auto_name
from callbax._core._rng import SeedSource
from callbax._core._types import PyTree
from callbax._training._objective import Goals
from callbax._training._pace import check_steps_per_execution
from callbax.callbacks import History
from callbax.layers._layer import keras_order
from callbax.models._engine import Engine
from callbax.models._files import Files
from callbax.models._generators import GeneratorMethods
from callbax.models._parts import find_part, named_parts
from callbax.models._runs import Runs
from callbax.models._summary import summary_table


class Model(Runs, GeneratorMethods, Files):
    """Trains, evaluates and runs an NNX module, with Keras's methods, arguments and callbacks.

    Give it any ``flax.nnx.Module`` and compile it with Keras names, with callbax objects, or with
    an ``optax`` transformation and functions of (y_true, y_pred).

    Args:
        module: The module; its call takes a batch and returns an array, or a dict or tuple of
            arrays. Several inputs reach it as several arguments if it takes several.
        seed: Fixes the order in which data are shuffled; without it the order follows from
            ``utils.set_random_seed``. A module draws dropout from its own ``nnx.Rngs``, anew at
            every training step.
        name: Its name.

    Attributes:
        stop_training: Set it in a hook to end ``fit`` after the current epoch's validation.
        stop_evaluating: Set it in a hook to cut the current evaluation.
        stop_predicting: Set it in a hook to cut the current prediction.
        history: The `History` of the last fit.

    Example:
        >>> import numpy as np
        >>> from flax import nnx
        >>> model = Model(nnx.Linear(2, 1, rngs=nnx.Rngs(0)), seed=0)
        >>> model.compile("sgd", "mse")
        >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], "float32")
        >>> history = model.fit(x, x.sum(1, keepdims=True), epochs=50, verbose=0)
        >>> history.history["loss"][-1] < history.history["loss"][0]
        True
    """

    def __init__(
        self, module: nnx.Module, *, seed: int | None = None, name: str | None = None
    ) -> None:
        if not isinstance(module, nnx.Module):
            raise TypeError(
                explain(
                    "Model(module)",
                    expected="an instance of `flax.nnx.Module`",
                    received=describe(module),
                    action="Make the module first: Model(MyModule(rngs=nnx.Rngs(0))).",
                )
            )
        self.name = name or auto_name(type(self).__name__)
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history: History | None = None
        self._seeds = SeedSource(seed)
        self._engine = Engine(module, self._seeds)
        self._validates = self.ema_swapped = False
        self.resume_point = None
        self.train_function = None  # Keras's own `TensorBoard` draws it if it is TensorFlow's.

    # What it is made of

    @property
    def module(self) -> Any:
        """The live NNX module; in a hook it is as of the current batch, and changes to it count."""
        return self._engine.module

    @property
    def layers(self) -> list[Any]:
        """The module's parts, in the order in which they were made."""
        return [part for _, part in named_parts(self.module)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """Returns a layer by its name or position.

        Raises:
            ValueError: There is none, or neither or both were given.
        """
        return find_part(named_parts(self.module), name, index)

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights.

        Args:
            input_shape: Shape of a batch of inputs, None for the number of samples. A plain NNX
                module has its weights already and needs none.
        """
        self._make_weights(input_shape)

    def get_weights(self) -> list[np.ndarray]:
        """Returns copies of all weights: layer by layer, trainable ones first, as in Keras.

        Raises:
            ValueError: The model is not built.

        Differs from Keras: a model that is not built is an error, not an empty list.
        """
        self._need_built("get_weights")
        return self._engine.weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all weights.

        Args:
            weights: Arrays of the shapes that `get_weights` returns, in that order.

        Raises:
            ValueError: Their number or shapes differ, or the model is not built; nothing was
                changed.
        """
        self._need_built("set_weights")
        self._engine.set_weights(list(weights))

    def count_params(self) -> int:
        """Returns how many numbers all weights hold."""
        return sum(weight.size for weight in self.get_weights())

    def summary(
        self, line_length: int | None = None, print_fn: Callable[[str], Any] | None = None
    ) -> None:
        """Prints a table of the layers, their output shapes and parameters.

        Args:
            line_length: Width in characters; by default the terminal's, at most 100.
            print_fn: Takes the text in place of ``print``.
        """
        shapes = self._output_specs()
        rows = [
            (
                name,
                type(part).__name__,
                shapes.get(name),
                sum(variable.get_value().size for _, variable in keras_order(part)),
            )
            for name, part in named_parts(self.module)
        ]
        state = self._engine.source.state if self.built else None
        sizes = [
            0 if state is None else sum(leaf.size for leaf in jax.tree.leaves(part))
            for part in (state and state.params, state and state.stats, state and state.optimizer)
        ]
        summary_table(
            self.name,
            rows,
            trainable=sizes[0],
            other=sizes[1],
            optimizer=sizes[2],
            line_length=line_length,
            print_fn=print_fn,
        )

    def start_profile(self, log_dir: str) -> None:
        """Starts JAX's profiler; its trace goes below a directory."""
        # What ran ahead has run already; dropped, it runs again, in the trace.
        self._engine.replace()
        jax.profiler.start_trace(log_dir)

    def stop_profile(self) -> None:
        """Ends what `start_profile` started and writes the trace."""
        jax.block_until_ready(self._engine.source.state)
        jax.profiler.stop_trace()

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Returns the module's output for a batch, as of the current weights."""
        x = jax.tree.map(jnp.asarray, x)
        self._build_for(x)
        return self._engine.forward(x, training=training)

    # Compiling

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        steps_per_execution: Any = "auto",
    ) -> None:
        """Says how to train and what to report; the optimizer starts afresh.

        Args:
            optimizer: A name, an `Optimizer`, or any ``optax.GradientTransformation``.
            loss: A name, a `Loss` or a function of (y_true, y_pred); for several outputs a list
                or dict of them.
            loss_weights: Weights of the outputs' losses in the total.
            metrics: Names, `Metric` objects or functions; for several outputs a list or dict of
                lists. They ignore sample weights.
            weighted_metrics: Likewise, weighted by sample weights.
            steps_per_execution: Steps in one dispatch. "auto" chooses by measured times; in any
                case every hook is called for every batch, with that batch's logs.

        Raises:
            ValueError: A name is unknown or a value illegal; nothing was changed.
            TypeError: Something of a kind that is not taken; nothing was changed.

        Differs from Keras: ``steps_per_execution`` changes the speed and never the hooks.
        """
        goals = Goals(loss, loss_weights, metrics, weighted_metrics)
        goals.check()
        steps = check_steps_per_execution(steps_per_execution)
        found = optimizers.get(optimizer)
        if found is None:
            raise ValueError(
                explain(
                    "compile(optimizer=None)",
                    expected="an optimizer",
                    received="None",
                    action='Pass a name such as "adam", or leave the argument out for "rmsprop".',
                )
            )
        self._engine.compile(found, goals, steps)

    @property
    def optimizer(self) -> Any:
        """The optimizer; its ``learning_rate`` is that at the current batch and may be set."""
        return self._engine.optimizer

    @property
    def metrics_names(self) -> list[str]:
        """Names of what ``evaluate`` returns, as far as known: all of them after the first run."""
        return list(self._engine.log_keys()) or ([] if self._engine.optimizer is None else ["loss"])

    @property
    def log_keys(self) -> tuple[str, ...] | None:
        """Keys of the logs at the end of an epoch, sorted; None where no run has begun."""
        keys = self._engine.log_keys()
        validated = tuple(f"val_{key}" for key in keys) if self._validates else ()
        return tuple(sorted(keys + validated)) or None

    @property
    def batch_loss(self) -> float:
        """The last batch's own loss, where logs hold the mean over the epoch so far."""
        return self._engine.batch_loss

    @property
    def metric_directions(self) -> Mapping[str, str | None]:
        """Log key -> "up" where more is better, "down" where less is, None where nobody knows."""
        return self._engine.directions()

    # Inside

    def _need_built(self, where: str) -> None:
        if not self.built:
            raise ValueError(
                explain(
                    f"model.{where}",
                    expected="a model that is built",
                    received="one whose input shape is not known yet",
                    action="Give the first layer an `input_shape`, call `build`, or fit first.",
                )
            )

    def _make_weights(self, input_shape: Any) -> None:
        """Makes weights that do not exist yet; a plain module has its own."""

    def _build_for(self, x: PyTree) -> None:
        """Makes the weights for an input, arrays or their shapes and dtypes."""
        if not self.built:
            self._make_weights(jax.tree.map(lambda leaf: (None, *leaf.shape[1:]), x))

    def _output_specs(self) -> dict[str, PyTree]:
        """Returns part name -> shapes and dtypes of its output, as far as known."""
        return {}
