"""Validation inside ``fit``."""

from typing import Any

from callbax._core._hooks import Logs
from callbax._data._feed import Feed
from callbax._training import _loop
from callbax.callbacks import CallbackList
from callbax.models._engine import Engine


class Validation:
    """Evaluates the validation data with the callbacks of the fit around it.

    Args:
        engine: What runs the module.
        feed: The validation data, read from their beginning each time.
        steps: Batches of it; None takes all.
    """

    def __init__(self, engine: Engine, feed: Feed, steps: int | None) -> None:
        self._engine, self._feed, self._steps = engine, feed, steps

    def run(self, hooks: CallbackList, flags: Any) -> Logs:
        """Returns the metrics of the validation data."""
        with self._engine.running("test", self._feed, hooks) as line:
            return _loop.evaluate(line, hooks, flags, self._steps)

    def close(self) -> None:
        """Ends the reading of the data."""
        self._feed.close()
