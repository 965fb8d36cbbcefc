"""Logging to DVCLive."""

import csv
from pathlib import Path
from typing import Any

from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution, Processes
from callbax.callbacks._failures import OnFailure
from callbax.callbacks._logging import every, hyperparameters, log_freq, package, row, validated
from callbax.callbacks._model_view import model_of
from callbax.callbacks._settings import Setting


class DVCLiveLogger(Callback):
    """Logs to DVCLive, without TensorFlow; needs the `dvclive` library.

    ``pip install "callbax[dvclive]"`` brings it. Metrics are ``train/<key>`` and, of validation,
    ``eval/<key>``, by epoch, or by batches if `log_freq` asks for those; the learning rate is one
    of them. The optimizer's settings are parameters, ``optimizer_<name>``.

    A fit that is resumed continues the files of the run, without a row twice: DVCLive's own
    ``resume=True`` need not be passed.

    Args:
        log_freq: ``"epoch"``, ``"batch"`` for every batch, or a number of batches. By batch, the
            steps are batches counted from 1, and those of an epoch's results too.
        live: A ``dvclive.Live``, which is left open; by default one is made, and ended with the
            fit.
        **options: What that one is made with: ``dir="dvclive"``, ``save_dvc_exp=False``.

    Raises:
        ImportError: `dvclive` is not installed.
        ValueError: `log_freq` is illegal.

    Differs from Keras: new.

    Example:
        >>> logger = DVCLiveLogger(dir="logs", save_dvc_exp=False)  # doctest: +SKIP
        >>> logger.log_freq  # doctest: +SKIP
        'epoch'

    Source: names and steps are those of ``dvclive.keras.DVCLiveCallback`` 3.49, which imports
    TensorFlow.
    """

    execution: Execution = "fused"
    processes: Processes = "first"
    adds_logs: tuple[str, ...] | None = ()
    on_failure: OnFailure = "warn"
    log_freq: Setting[int | str] = Setting(log_freq)

    def __init__(
        self, log_freq: int | str = "epoch", *, live: object = None, **options: object
    ) -> None:
        super().__init__()
        package("dvclive", owner=type(self).__name__)
        self.log_freq = log_freq
        self.live = live
        self.options = options
        self._batches = 0
        self._now: Any = None
        self._resumes = False
        self._logged: dict[str, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: it writes no file that this one has open."""
        return {**super().__getstate__(), "live": None, "_now": None}

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: that of batches if they are logged."""
        return hook != "on_train_batch_end" or every(self.log_freq) > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Leaves the files of an earlier fit."""
        self._now, self._resumes, self._logged = None, False, {}

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Logs the batch if it is time; not called at all if only epochs are logged."""
        self._batches += 1
        if self._batches % every(self.log_freq) == 0:
            self._log(self._batches, row(logs, model_of(self)))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Logs the epoch: by batch, what has come with validation."""
        if every(self.log_freq):
            self._log(self._batches, validated(logs))
        else:
            self._log(epoch, row(logs, model_of(self)))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Ends what the fit has begun."""
        self.teardown()

    def teardown(self) -> None:
        """Ends what the fit has begun, however it ended."""
        now, self._now = self._now, None
        if now is not None and now is not self.live:
            now.end()

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold: the batches so far."""
        return {"batches": self._batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Counts on from a recorded state; call it after ``on_train_begin``."""
        self._batches, self._resumes = state["batches"], True

    def _open(self) -> Any:
        """Returns the `Live`, made when there is something to log: whether to resume is known."""
        if self._now is None:
            options = {**self.options, "resume": True} if self._resumes else self.options
            dvclive = package("dvclive", owner=type(self).__name__)
            self._now = self.live or dvclive.Live(**options)
            if self._resumes:
                self._logged = _last_steps(Path(self._now.plots_dir, "metrics"))
            self._now.log_params(hyperparameters(model_of(self)))
        return self._now

    def _log(self, step: int, values: dict[str, float]) -> None:
        live = self._open()
        live.step = step
        for key, value in values.items():
            name = f"eval/{key[4:]}" if key.startswith("val_") else f"train/{key}"
            if step > self._logged.get(name, -1):
                live.log_metric(name, value)
        live.next_step()


def _last_steps(directory: Path) -> dict[str, int]:
    """Returns metric -> the last step that its file has."""
    found: dict[str, int] = {}
    for path in directory.glob("**/*.tsv"):
        with path.open(newline="", encoding="utf-8") as file:
            steps = [int(line["step"]) for line in csv.DictReader(file, delimiter="\t")]
        found[path.relative_to(directory).with_suffix("").as_posix()] = max(steps, default=-1)
    return found
