"""The moving averages of the weights, which an optimizer with ``use_ema`` keeps."""

import jax
import jax.numpy as jnp

from callbax._core._errors import explain
from callbax._training._engine import Engine
from callbax.optimizers import ema_of, with_ema


class Averages:
    """Exchanges the weights and their moving averages.

    Args:
        engine: What runs the model.

    Attributes:
        swapped: Whether the weights are the averages, and the trained ones stand in for these.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.swapped = False

    def swap(self) -> None:
        """Exchanges them at the current batch.

        Raises:
            ValueError: The optimizer keeps no averages.
        """
        state = self._engine.read()
        averages = ema_of(state.optimizer)
        if averages is None:
            raise ValueError(
                explain(
                    "model.swap_ema_weights()",
                    expected="an optimizer that keeps averages of the weights",
                    received=f"{type(self._engine.optimizer).__name__} without `use_ema=True`",
                    action="Compile with an optimizer made with `use_ema=True`.",
                )
            )
        optimizer = with_ema(state.optimizer, state.params)
        self._engine.write(state.replace(params=averages, optimizer=optimizer))
        self.swapped = not self.swapped

    def finish_training(self) -> None:
        """Ends training with the averages if they are kept, as Keras does."""
        optimizer = self._engine.optimizer
        if optimizer is None or not optimizer.use_ema:
            return
        if not self.swapped:
            self.swap()
        state = self._engine.read()
        averages = with_ema(state.optimizer, jax.tree.map(jnp.copy, state.params))
        self._engine.write(state.replace(optimizer=averages))
        self.swapped = False
