"""Logging to MLflow."""

import time
from typing import Any

from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution, Processes
from callbax.callbacks._failures import OnFailure
from callbax.callbacks._logging import every, hyperparameters, log_freq, package, row, validated
from callbax.callbacks._model_view import model_of
from callbax.callbacks._settings import Setting

_AT_ONCE = 1000
"""Metrics that MLflow takes in one request."""
_SECONDS = 1.0


class MLflowLogger(Callback):
    """Logs to a run of MLflow, without TensorFlow or Keras; needs the `mlflow` library.

    ``pip install "callbax[mlflow]"`` brings it. The run is the active one, of
    ``mlflow.start_run()``; if there is none, the fit starts one and ends it. Metrics have the names
    of the logs, by epoch, or by batches if `log_freq` asks for those; the learning rate is one of
    them. The optimizer's settings are parameters, ``optimizer_<name>``, and the summary of the
    model is the artifact ``model_summary.txt``.

    A fit that is resumed continues its run, also one of its own; what that run has already is not
    logged again.

    Args:
        log_freq: ``"epoch"``, ``"batch"`` for every batch, or a number of batches. By batch, the
            steps are batches counted from 1, and those of an epoch's results too.
        run_id: The run; by default the active one.

    Raises:
        ImportError: `mlflow` is not installed.
        ValueError: `log_freq` is illegal.

    Differs from Keras: new.

    Example:
        >>> logger = MLflowLogger(log_freq=100)  # doctest: +SKIP
        >>> logger.log_freq  # doctest: +SKIP
        100

    Source: names and steps are those of ``mlflow.keras.MlflowCallback`` 3.17, which imports Keras;
    validation within epochs is left to the epoch's results.
    """

    execution: Execution = "fused"
    processes: Processes = "first"
    adds_logs: tuple[str, ...] | None = ()
    on_failure: OnFailure = "warn"
    log_freq: Setting[int | str] = Setting(log_freq)

    def __init__(self, log_freq: int | str = "epoch", *, run_id: str | None = None) -> None:
        super().__init__()
        package("mlflow", owner=type(self).__name__)
        self.log_freq = log_freq
        self.run_id = run_id
        self._batches = 0
        self._now = self._recorded = ""
        self._is_ours = False
        self._logged: dict[str, int] | None = None
        self._waiting: list[Any] = []
        self._sent = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: a run that this one has started is its own to end."""
        own = {"_now": "", "_recorded": "", "_is_ours": False, "_waiting": []}
        return {**super().__getstate__(), **own}

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: that of batches if they are logged."""
        return hook != "on_train_batch_end" or every(self.log_freq) > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Leaves the run of an earlier fit."""
        self._now, self._recorded, self._logged = "", "", {}

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Collects the logs if it is time; not called at all if only epochs are logged."""
        self._batches += 1
        if self._batches % every(self.log_freq) == 0:
            self._collect(self._batches, row(logs, model_of(self)))
            late = not 0 <= time.time() - self._sent < _SECONDS  # the clock may be set back
            if late or len(self._waiting) >= _AT_ONCE:
                self._send()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Logs the epoch: by batch, what has come with validation."""
        if every(self.log_freq):
            self._collect(self._batches, validated(logs))
        else:
            self._collect(epoch, row(logs, model_of(self)))
        self._send()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Ends the run if the fit has started it."""
        self._end("FINISHED")

    def teardown(self) -> None:
        """Sends what was collected, and ends a run that the fit has started, as failed."""
        self._end("FAILED")

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold: the batches so far, and the run."""
        self._send()
        return {"batches": self._batches, "run": self._now}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Counts on from a recorded state; call it after ``on_train_begin``."""
        self._batches, self._recorded, self._logged = state["batches"], state["run"], None

    @property
    def _mlflow(self) -> Any:
        return package("mlflow", owner=type(self).__name__)

    def _open(self) -> str:
        """Returns the run, found or started when there is something to log."""
        if self._now:
            return self._now
        mlflow = self._mlflow
        active = mlflow.active_run()
        if self.run_id is not None:
            self._now = self.run_id
        elif active is not None:
            self._now = active.info.run_id
        else:
            self._now = mlflow.start_run(run_id=self._recorded or None).info.run_id
            self._is_ours = True
        self._describe()
        return self._now

    def _describe(self) -> None:
        """Logs what trains; parameters that the run has cannot be logged again."""
        mlflow, model = self._mlflow, model_of(self)
        known = mlflow.MlflowClient().get_run(self._now).data.params
        params = hyperparameters(model)
        new = {key: value for key, value in params.items() if key not in known}
        mlflow.log_params(new, run_id=self._now)
        summary = getattr(model, "summary", None)
        if summary is not None:
            texts: list[str] = []
            summary(line_length=100, print_fn=texts.append)
            mlflow.log_text("\n".join(texts), "model_summary.txt", run_id=self._now)

    def _last_step(self, key: str) -> int:
        """Returns the last step that the run has of a metric, if this fit continues it."""
        run = self._open()
        if self._logged is None:
            self._logged = {}
            if run == self._recorded:
                client = self._mlflow.MlflowClient()
                for name in client.get_run(run).data.metrics:
                    steps = [metric.step for metric in client.get_metric_history(run, name)]
                    self._logged[name] = max(steps)
        return self._logged.get(key, -1)

    def _collect(self, step: int, values: dict[str, float]) -> None:
        metric, now = self._mlflow.entities.Metric, int(1000 * time.time())
        for key, value in values.items():
            if step > self._last_step(key):
                self._waiting.append(metric(key, value, now, step))

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._sent = time.time()
        for first in range(0, len(waiting), _AT_ONCE):
            part = waiting[first : first + _AT_ONCE]
            self._mlflow.MlflowClient().log_batch(self._open(), metrics=part)

    def _end(self, status: str) -> None:
        self._send()
        if self._is_ours:
            self._is_ours = False
            self._mlflow.end_run(status)
