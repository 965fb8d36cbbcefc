"""A run that was recorded, to be visited batch by batch."""

from collections.abc import Callable, Mapping

from callbax._stores._record import Record
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._replay import Source, replay
from callbax.models._moment import Moment, Trained


class Past:
    """Finds moments of a recorded run.

    Args:
        engine: What runs the model.
        averages: Whether weights and averages have changed places.
        record: What was kept of it.
        source: The data of the run.
        copy: Makes a copy of the model.
    """

    def __init__(
        self,
        engine: Engine,
        averages: Averages,
        record: Record,
        source: Source,
        copy: Callable[[], Trained],
    ) -> None:
        self._engine, self._averages, self._record = engine, averages, record
        self._source, self._copy = source, copy

    def at(self, epoch: int, batch: int) -> Moment:
        """Returns a batch of the run, its steps taken again from the nearest state before it.

        Args:
            epoch: The epoch, counted from 0.
            batch: The batch, counted from 0.

        Raises:
            ValueError: The run never came to it, what was kept of it does not lead there, or the
                data are not the run's.
            RuntimeError: The step came out otherwise than it was recorded.
        """
        return self._visit(epoch, batch)

    def first(self, condition: Callable[[Mapping[str, float]], bool]) -> Moment | None:
        """Returns the first batch whose logs fulfil a condition; None if none does.

        Args:
            condition: Called with the logs of a batch, and ``batch_loss``, its own loss.

        Raises:
            ValueError: The logs of the run's batches were not kept.
        """
        rows = self._record.rows("history.first")
        wanted = (r for r in rows if condition({**r.logs, "batch_loss": r.loss}))
        row = next(wanted, None)
        return None if row is None else self._visit(row.epoch, row.batch)

    def _visit(self, epoch: int, batch: int) -> Moment:
        at = epoch, batch
        step = replay(self._engine, self._averages, self._record, self._source, at)
        return Moment(self._engine, step, self._copy)
