"""The way back to runs that were recorded: by the fit that has ended, and by another process."""

import copy
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from callbax._core._at_end import AtEnd
from callbax._core._errors import explain
from callbax._core._types import DataLike
from callbax._data._adapter import make_feed
from callbax._data._feed import Feed
from callbax._stores._kept import Kept
from callbax._stores._record import Record
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._identity import differences
from callbax._training._replay import Source, belongs_to
from callbax.callbacks import CallbackList, History
from callbax.models._moment import Trained
from callbax.models._past import Past
from callbax.models._recorded import record_in


class Remembering(Trained, Protocol):
    """What is asked of the model: its History is told where the past is."""

    history: History | None


class Visits:
    """Makes what finds the batches of a recorded run.

    Args:
        model: The model, of which moments make copies.
        engine: What runs the module.
        averages: The moving averages of the weights.
        build: Makes the weights for a batch of inputs, given by shapes and dtypes.

    Attributes:
        kept: Opens the states that the fit which has just ended has left; None if it has left none.
    """

    def __init__(
        self,
        model: Remembering,
        engine: Engine,
        averages: Averages,
        build: Callable[[Any], None],
    ) -> None:
        self._model, self._engine, self._averages = model, engine, averages
        self._build = build
        self.kept: Callable[[], Kept] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"kept": None}  # a copy has not been fitted

    def to(self, record: Record, source: Source) -> Past:
        """Returns what finds the batches of a run.

        Args:
            record: What was kept of it.
            source: Its data.
        """
        model = self._model
        return Past(self._engine, self._averages, record, source, lambda: copy.deepcopy(model))

    def to_directory(
        self, directory: str, x: DataLike, y: DataLike | None, steps: int | None, **data: Any
    ) -> Past:
        """Returns what finds the batches of a run that another process recorded.

        Args:
            directory: Where it was recorded.
            x: The inputs of that run.
            y: Its targets.
            steps: Batches in an epoch; None goes through the data.
            **data: Other arguments of ``fit`` about the data.

        Raises:
            ValueError: The model or the data are not that run's.
            OSError: There is no record that can be read.
        """
        where = f"past({directory!r})"
        record, first = record_in(directory, where=where)
        engine = self._engine
        options = {
            "placement": engine.placement,
            "needs_targets": engine.recipe.needs_targets,
            "shuffle_seed": first.seed,
            **data,
        }

        def make() -> Feed:
            return make_feed(x, y, where="past", steps=steps, epochs=sys.maxsize, **options)

        feed = make()
        with AtEnd(lambda error: feed.close()):
            feed.open()
            self._build(feed.spec(engine.step)[0])
            now = belongs_to(engine, self._averages, feed)
            if changes := differences(first.identity, now):
                raise ValueError(
                    explain(
                        where,
                        expected="the model and the data of the recorded run",
                        received=f"others: {'; '.join(changes)}",
                        action="Compile the model as it was, and pass what `fit` was given.",
                    )
                )
        return self.to(record, Source(x, make, steps))

    def remember(self, hooks: CallbackList, source: Source) -> None:
        """Lets the History find the batches of the run that has ended, if it was recorded."""
        record: Record | None = next((recorder.tape for recorder in hooks.recorders), None)
        kept, self.kept = self.kept, None
        if record is None and kept is not None:
            with suppress(OSError):  # whoever asks later hears that nothing was recorded
                record = kept() or None
        if record is not None and self._model.history is not None:
            self._model.history.past = self.to(record, source)
