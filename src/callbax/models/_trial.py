"""A fit that leaves the model as it was."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from callbax._core._at_end import AtEnd
from callbax._core._errors import explain
from callbax._core._hooks import Logs
from callbax._core._types import DataLike
from callbax._data._adapter import make_feed
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._generators import read_generators, write_generators
from callbax._training._lines import already_training
from callbax._training._undone import undone
from callbax.callbacks import Callback
from callbax.callbacks._callback import Execution
from callbax.models._runs import Runs


def trial(
    runs: Runs,
    engine: Engine,
    averages: Averages,
    build: Callable[[Any], None],
    x: DataLike | None,
    y: DataLike | None,
    callback: Callback,
    *,
    where: str,
    epochs: int,
    batch_size: int | None,
    class_weight: Mapping[int, float] | None,
    sample_weight: DataLike | None,
) -> None:
    """Trains, and puts everything back as it was.

    Args:
        runs: What fits.
        engine: What runs the model.
        averages: Whether weights and averages have changed places.
        build: Makes the weights for a batch of inputs, given by shapes and dtypes.
        x: As for ``fit``.
        y: As for ``fit``.
        callback: What watches, and stops it.
        where: The public call, for errors.
        epochs: As for ``fit``.
        batch_size: As for ``fit``.
        class_weight: As for ``fit``.
        sample_weight: As for ``fit``.

    Raises:
        ValueError: Data or arguments are illegal; nothing has been trained.
    """
    runs.need_compiled(where, loss=True)
    if engine.is_training:
        raise already_training(where)
    if not engine.functional.built:
        _build(engine, build, where, x, y, sample_weight, batch_size)
    with undone(engine, averages) as take, runs.unchanged():
        runs.fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=0,
            callbacks=[_Begins(take), callback],
            resume=None,
            callback_failures=None,
            on_interrupt="raise",
            validation_split=0.0,
            validation_data=None,
            shuffle=True,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=0,
            steps_per_epoch=None,
            validation_steps=None,
            validation_batch_size=None,
            validation_freq=1,
        )


class _Begins(Callback):
    """Calls a function before the first step."""

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Calls it."""
        self._function()


def _build(
    engine: Engine, build: Callable[[Any], None], where: str, x: Any, y: Any, weight: Any, size: Any
) -> None:
    """Makes the weights as ``fit`` would, and leaves the data as they are."""
    if isinstance(x, Iterator):
        raise ValueError(
            explain(
                f"{where}(x=...)",
                expected="a model that is built, or data that can be gone through twice",
                received="one that is not, and an iterator",
                action="Call `model.build` with the shape of a batch of inputs before.",
            )
        )
    generators = read_generators()
    feed = make_feed(x, y, weight, where=where, placement=engine.placement, batch_size=size)
    with AtEnd(lambda error: feed.close()):
        feed.open()
        spec = feed.spec(engine.step)
    write_generators(generators)  # of which data may have drawn, and will again
    build(spec[0])
