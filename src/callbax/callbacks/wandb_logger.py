"""Logging to Weights & Biases."""

from typing import Any

from callbax._core._errors import explain
from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution, Processes
from callbax.callbacks._failures import OnFailure
from callbax.callbacks._logging import every, hyperparameters, log_freq, package, row
from callbax.callbacks._model_view import model_of
from callbax.callbacks._settings import Setting

_AXES = {"epoch": "epoch/epoch", "batch": "batch/batch_step"}


class WandbLogger(Callback):
    """Logs to a run of Weights & Biases, without TensorFlow; needs the `wandb` library.

    ``pip install "callbax[wandb]"`` brings it. Call ``wandb.init(...)`` before the fit. Epochs are
    ``epoch/<key>`` over ``epoch/epoch``, batches ``batch/<key>`` over ``batch/batch_step``, both
    counted from 0 and with the learning rate; the optimizer's settings are in the run's config as
    ``optimizer_<name>``.

    A fit that is resumed logs on. If it continues the run, as after
    ``wandb.init(id="exp1", resume="allow")``, what that run has already is not logged again; W&B
    tells what it has when it is online, or in the same process.

    Args:
        log_freq: ``"epoch"`` for epochs alone, ``"batch"`` for every batch too, or a number of
            batches.
        run: The run; by default the one that ``wandb.init`` has made, ``wandb.run``.

    Raises:
        ImportError: `wandb` is not installed.
        ValueError: `log_freq` is illegal.
        RuntimeError: When training begins: there is no run.

    Differs from Keras: new.

    Example:
        >>> logger = WandbLogger(log_freq="batch")  # doctest: +SKIP
        >>> logger.log_freq  # doctest: +SKIP
        'batch'

    Source: names and axes are those of ``wandb.integration.keras.WandbMetricsLogger`` 0.31, which
    imports TensorFlow.
    """

    execution: Execution = "fused"
    processes: Processes = "first"
    adds_logs: tuple[str, ...] | None = ()
    on_failure: OnFailure = "warn"
    log_freq: Setting[int | str] = Setting(log_freq)

    def __init__(self, log_freq: int | str = "epoch", *, run: object = None) -> None:
        super().__init__()
        package("wandb", owner=type(self).__name__)
        self.log_freq = log_freq
        self.run = run
        self._batches = 0
        self._now: Any = None
        self._logged: dict[str, float] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: a run stays with the process that has it."""
        return {**super().__getstate__(), "run": None, "_now": None}

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: that of batches if they are logged."""
        return hook != "on_train_batch_end" or every(self.log_freq) > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Finds the run, says what its axes are and what trains."""
        self._now, self._logged = self._find(), {}
        for name, axis in _AXES.items():
            self._now.define_metric(axis)
            self._now.define_metric(f"{name}/*", step_metric=axis)
        self._now.config.update(hyperparameters(model_of(self)), allow_val_change=True)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Logs the batch if it is time; not called at all if only epochs are logged."""
        self._batches += 1
        if self._batches % every(self.log_freq) == 0:
            self._log("batch", self._batches - 1, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Logs the epoch."""
        self._log("epoch", epoch, logs)

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold: the batches so far, and of which run."""
        return {"batches": self._batches, "run": "" if self._now is None else self._now.id}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Counts on from a recorded state; call it after ``on_train_begin``."""
        self._batches = state["batches"]
        # In other processes than the first, no hook has looked for the run.
        if self._now is not None and self._now.id == state["run"]:
            self._logged = {name: self._now.summary.get(axis, -1) for name, axis in _AXES.items()}

    def _find(self) -> Any:
        run = self.run or package("wandb", owner=type(self).__name__).run
        if run is None:
            raise RuntimeError(
                explain(
                    f"{type(self).__name__}()",
                    expected="a run of W&B",
                    received="none",
                    action='Call `wandb.init(project="...")` before the fit, or pass `run`.',
                )
            )
        return run

    def _log(self, name: str, position: int, logs: Logs | None) -> None:
        if position > self._logged.get(name, -1):
            values = {f"{name}/{key}": value for key, value in row(logs, model_of(self)).items()}
            self._now.log({_AXES[name]: position, **values})
