"""Evaluating with the moving averages of the weights."""

from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._model_view import model_of


class SwapEMAWeights(Callback):
    """Puts the moving averages of the weights into the model wherever it is evaluated.

    The optimizer must have been made with ``use_ema=True``. Trained weights and averages change
    places for each validation, ``evaluate`` and ``predict``, and change back after it.

    Args:
        swap_on_epoch: Whether the averages are in the model also from the end of an epoch to the
            begin of the next, for callbacks that come later in the list, such as
            `ModelCheckpoint`.

    Raises:
        ValueError: Before the first step: the optimizer keeps no averages.

    Differs from Keras: ``predict`` leaves the trained weights in the model; the model ends with
    the averages also when training stops early; an evaluation inside a hook leaves the weights as
    it found them, and so does an exception.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.

    Example:
        >>> from types import SimpleNamespace
        >>> model = SimpleNamespace(optimizer=SimpleNamespace(use_ema=True), ema_swapped=False)
        >>> model.swap_ema_weights = lambda: print("swap")
        >>> callback = SwapEMAWeights()
        >>> callback.set_model(model)
        >>> callback.on_test_begin()
        swap
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._borrowed = self._kept = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Sees that there are averages."""
        self._need_averages()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Puts the trained weights back, to train on."""
        self._kept = False
        self._put(averages=False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Puts the averages in, with `swap_on_epoch`."""
        if self.swap_on_epoch:
            self._kept = True
            self._put(averages=True)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Puts the averages in."""
        self._borrow()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Puts the trained weights back, if they were in before."""
        self._give_back()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Puts the averages in."""
        self._borrow()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Puts the trained weights back, if they were in before."""
        self._give_back()

    def teardown(self) -> None:
        """Puts the trained weights back if an exception ended the run halfway."""
        if self._borrowed or self._kept:
            self._borrowed = self._kept = False
            self._put(averages=False)

    def _borrow(self) -> None:
        self._need_averages()
        self._borrowed = not model_of(self).ema_swapped
        self._put(averages=True)

    def _give_back(self) -> None:
        if self._borrowed:
            self._borrowed = False
            self._put(averages=False)

    def _put(self, *, averages: bool) -> None:
        if model_of(self).ema_swapped != averages:
            self._swap_variables()

    def _swap_variables(self) -> None:
        """Exchanges weights and averages; Keras's name, for subclasses."""
        model_of(self).swap_ema_weights()

    def _need_averages(self) -> None:
        optimizer: Any = model_of(self).optimizer
        keeping = getattr(optimizer, "inner_optimizer", optimizer)  # Keras's may scale losses
        if not getattr(keeping, "use_ema", False):
            raise ValueError(
                explain(
                    "SwapEMAWeights",
                    expected="an optimizer that keeps moving averages of the weights",
                    received=f"{describe(optimizer)} without",
                    action="SwapEMAWeights must be used when `use_ema=True` is set on the "
                    "optimizer.",
                )
            )
