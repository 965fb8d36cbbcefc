"""The moving averages of the weights, which an optimizer with ``use_ema`` keeps."""

import jax
import jax.numpy as jnp

from callbax._core._errors import explain
from callbax._training._engine import Engine


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
        recipe = self._engine.recipe
        averages = recipe.averages(state)
        if averages is None:
            raise ValueError(
                explain(
                    "model.swap_ema_weights()",
                    expected="an optimizer that keeps averages of the weights",
                    received=f"{type(recipe.optimizer).__name__} without `use_ema=True`",
                    action="Compile with an optimizer made with `use_ema=True`.",
                )
            )
        exchanged = recipe.with_averages(state, state.params)
        self._engine.write(exchanged.replace(params=averages))
        self.swapped = not self.swapped

    def finish_training(self) -> None:
        """Ends training with the averages if they are kept, as Keras does."""
        recipe = self._engine.recipe
        if not recipe.use_ema:
            return
        if not self.swapped:
            self.swap()
        state = self._engine.read()
        averages = jax.tree.map(jnp.copy, state.params)
        self._engine.write(recipe.with_averages(state, averages))
        self.swapped = False
