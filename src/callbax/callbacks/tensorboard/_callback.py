"""Writing what happens in a run to files that TensorBoard shows."""

import os
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from callbax._core._arguments import path
from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution, Processes
from callbax.callbacks._failures import OnFailure
from callbax.callbacks._logging import every, log_freq
from callbax.callbacks._model_view import model_of
from callbax.callbacks._number import as_number
from callbax.callbacks._settings import Setting
from callbax.callbacks.tensorboard._events import EventFile, Scalars, file_name
from callbax.callbacks.tensorboard._frequencies import embeddings, histograms
from callbax.callbacks.tensorboard._graph import Layers, graph_values
from callbax.callbacks.tensorboard._hparams import (
    Plain,
    hyperparameters,
    session_end,
    session_start,
)
from callbax.callbacks.tensorboard._library import library
from callbax.callbacks.tensorboard._profile import Profile
from callbax.callbacks.tensorboard._summaries import weight_values
from callbax.saving._paths import saving

_WHOLE = ""
"""The run of the directory itself; those that TensorBoard counts as parts of it lie below."""
_RUNS = ("train", "validation", _WHOLE)
_INTERVAL = 0.25


class TensorBoard(Callback):
    """Writes the logs, and more if asked to, for TensorBoard; needs the `tensorboard` library.

    ``pip install callbax[tensorboard]`` brings it. Look at the files with
    ``tensorboard --logdir logs``, also while training continues. The runs are ``train`` and
    ``validation``:

    - ``epoch_<key>``: logs and learning rate at the end of every epoch, by epoch;
    - ``batch_<key>``: logs of every batch that `update_freq` asks for, by batches of this fit;
    - ``evaluation_<key>_vs_iterations``: results of every evaluation, by training steps taken;
    - ``<path>/histogram`` and ``<path>/image``: weights, by epoch, with paths as in
      ``model.get_state_tree()``; the numbers of ``dense_3`` and its like are counted within the
      model, so that runs lie over each other whatever was made before;
    - the layers, to be found under "Graphs", and the summary under "Text";
    - `hparams`, in a run of the directory itself, under "HParams": give every run a directory of
      its own, ``logs/1``, and look at ``logs``.

    Scalars of batches are collected and written a few times a second, and when an epoch or the
    run ends, however it ends.

    Args:
        log_dir: Directory for the runs.
        histogram_freq: Write a histogram of every weight every n epochs; 0 for never.
        write_graph: Whether to write the layers: the graph of a `Sequential` or a Keras model whose
            configuration can be read, and for any model the table that ``model.summary()`` prints.
        write_images: Whether to draw every weight when its histogram is written.
        write_steps_per_second: Whether to write the speed, in training steps per second.
        update_freq: ``"epoch"`` for no logs of batches, ``"batch"`` for those of every batch, or
            a number of batches.
        profile_batch: Batch of the fit, counted from 1, to trace with JAX's profiler; a pair for
            the first and last of several; 0 for none. Every dispatch of steps is a step there.
            TensorBoard shows the trace under "Profile" if its plugin is installed: ``pip install
            xprof``.
        embeddings_freq: Only 0.
        embeddings_metadata: Not used.
        hparams: Name -> value of what this run was made with, as in ``{"units": 16}``: numbers,
            booleans, texts, lists.

    Raises:
        ImportError: `tensorboard` is not installed.
        ValueError: An argument is illegal.
        OSError: Before the first step: `log_dir` cannot be written to. Later: writing failed.

    Differs from Keras: TensorFlow is not needed; a number in `update_freq` thins out only
    ``batch_`` values, where Keras leaves out epochs too; ``batch_steps_per_second`` is the mean
    over some tenths of a second; the graph is that of the layers, and the summary is written as
    text; evaluation alone writes no graph; a vector is drawn as a band, not as a column; names are
    numbered within the model; embeddings are not there; `hparams` is new, in the place of the
    callback of ``tensorboard.plugins.hparams.api``, which needs TensorFlow.

    Example:
        >>> callback = TensorBoard("logs", update_freq=100, hparams={"units": 16})
        >>> callback.update_freq, callback.hparams
        (100, {'units': 16})

    Source: tags, steps and values are those of ``keras.callbacks.TensorBoard`` 3.15.1 with
    TensorFlow 2.21, read with TensorBoard's own reader.
    """

    execution: Execution = "fused"
    processes: Processes = "first"
    adds_logs: tuple[str, ...] | None = ()
    on_failure: OnFailure = "warn"
    log_dir: Setting[str] = Setting(path)
    histogram_freq: Setting[int] = Setting(histograms)
    update_freq: Setting[int | str] = Setting(log_freq)
    embeddings_freq: Setting[int] = Setting(embeddings)
    hparams: Setting[dict[str, Plain]] = Setting(hyperparameters)

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: int | str | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: object = None,
        *,
        hparams: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__()
        library()
        self.log_dir = log_dir
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self.hparams = hparams
        self._profile = Profile(profile_batch, owner="TensorBoard")
        self._step = 0
        self._batches = Scalars()
        self._written = 0.0
        self._since = (0.0, 0)
        self._epoch_began = (0.0, 0)
        self._files: dict[str, EventFile] = {}
        self._names: dict[str, str] = {}
        self._earlier: dict[str, dict[str, int]] = {}
        self._token = ""

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: those of batches for logs and traces."""
        if hook == "on_train_batch_begin":
            return bool(self._profile)
        return hook != "on_train_batch_end" or bool(self._profile) or self._every > 0

    @property
    def _every(self) -> int:
        """After how many batches their logs are written; 0 for never."""
        return every(self.update_freq)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts new files, and writes the graph and the hyperparameters."""
        self._step = 0
        self._token = secrets.token_hex(4)
        self._names = {run: file_name(self._token) for run in _RUNS}
        self._earlier = {run: {} for run in _RUNS}
        self._file("train")
        if self.write_graph:
            self._write_graph()
        if self.hparams:
            self._write_values(0, [session_start(self.hparams)], _WHOLE)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Notes the time."""
        now = time.time()
        self._since = (now, self._step)
        self._epoch_began = (now, self._iterations())

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Starts the profiler if it is time; not called at all without `profile_batch`."""
        self._profile.batch_begins(self._step + 1, model_of(self), self._directory("train"))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Collects the logs if it is time; not called at all if nothing is by batch."""
        self._step += 1
        if self._every and self._step % self._every == 0:
            now = time.time()
            self._batches.add(now, self._step, logs or {})
            # Not a plain comparison: the clock may be set back.
            if not 0 <= now - self._written < _INTERVAL:
                self._write_batches()
        if self._profile:
            self._profile.batch_ended(self._step)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Writes what was collected, as validation may take a while."""
        self._write_batches()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Writes the results of an evaluation."""
        results = {f"{key}_vs_iterations": value for key, value in (logs or {}).items()}
        self._write_results("validation", self._iterations(), "evaluation_", results)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the epoch's logs, and the weights if it is time."""
        self._write_batches()
        self._log_epoch_metrics(epoch, logs)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._log_weights(epoch)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Says that the run has ended well, and closes the files."""
        if self.hparams:
            self._write_values(0, [session_end()], _WHOLE)
        self.teardown()

    def teardown(self) -> None:
        """Writes what was collected, ends a trace and closes the files."""
        try:
            self._profile.stop()
        finally:
            try:
                self._write_batches()
            finally:
                files, self._files, self._names = self._files, {}, {}
                for file in files.values():
                    file.close()

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold: the batches so far, and how far the files go."""
        self._write_batches()
        files = {run: dict(sizes) for run, sizes in self._earlier.items()}
        for run, name in self._names.items():
            written = self._files[run].size if run in self._files else 0
            files.setdefault(run, {})[name] = written
        return {"step": self._step, "token": self._token, "files": files}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Counts on from a recorded state; call it after ``on_train_begin``.

        What was written to the files in `log_dir` after the record is dropped, by whichever
        process: the resumed run writes it again, to files of its own.
        """
        self._step = state["step"]
        # The begin of an epoch that had begun is not announced again.
        now = time.time()
        self._since, self._epoch_began = (now, self._step), (now, self._iterations())
        self._earlier = {run: dict(sizes) for run, sizes in state["files"].items()}
        for run, sizes in self._earlier.items():
            directory = self._directory(run)
            names = os.listdir(directory) if os.path.isdir(directory) else ()
            for name in names:
                path, size = os.path.join(directory, name), sizes.get(name, 0)
                ours = name in sizes or name.endswith(f".{state['token']}")
                if ours and os.path.getsize(path) > size:
                    with saving(path, owner=type(self).__name__):
                        os.truncate(path, size) if size else os.remove(path)
        self._take_token(state.get("token", self._token))

    def _take_token(self, token: str) -> None:
        """Lets the files of this process be known as those of the recorded run."""
        self._token = token
        for run, name in self._names.items():
            new = self._names[run] = file_name(token)
            if run in self._files:  # open, which a renamed file remains
                directory = self._directory(run)
                os.replace(os.path.join(directory, name), os.path.join(directory, new))

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: it writes no file that this one has open."""
        return {**super().__getstate__(), "_files": {}, "_names": {}}

    # For subclasses, under the names that Keras has for them

    @property
    def _train_dir(self) -> str:
        return self._directory("train")

    @property
    def _val_dir(self) -> str:
        return self._directory("validation")

    def _log_epoch_metrics(self, epoch: int, logs: Logs | None) -> None:
        """Writes an epoch's logs."""
        if not logs:
            return
        train = {key: value for key, value in logs.items() if not key.startswith("val_")}
        train = self._collect_learning_rate(train)
        if self.write_steps_per_second:
            train["steps_per_second"] = self._compute_steps_per_second()
        validated = {key[4:]: value for key, value in logs.items() if key.startswith("val_")}
        self._write_results("train", epoch, "epoch_", train)
        if validated:
            self._write_results("validation", epoch, "epoch_", validated)

    def _collect_learning_rate(self, logs: Logs) -> Logs:
        """Adds the learning rate to an epoch's logs, if there is one."""
        rate = as_number(getattr(model_of(self).optimizer, "learning_rate", None))
        return logs if rate is None else {**logs, "learning_rate": rate}

    def _compute_steps_per_second(self) -> float | None:
        """Returns the speed of the epoch so far."""
        began, first = self._epoch_began
        return _rate(self._iterations() - first, time.time() - began)

    def _log_weights(self, epoch: int) -> None:
        """Writes the weights' histograms, and draws them if asked to."""
        model = model_of(self)
        names = Layers(model).names()
        values = weight_values(library(), model, names=names, draw=self.write_images)
        self._write_values(epoch, values)

    # Inside

    def _iterations(self) -> int:
        return int(getattr(model_of(self).optimizer, "iterations", self._step))

    def _directory(self, run: str) -> str:
        return os.path.join(self.log_dir, run)

    def _file(self, run: str) -> EventFile:
        """Returns the file of a run, opened when first needed."""
        if run not in self._files:
            with saving(self._directory(run), owner=type(self).__name__):
                name = self._names.setdefault(run, file_name(self._token))
                self._files[run] = EventFile(library(), self._directory(run), name)
        return self._files[run]

    def _write_batches(self) -> None:
        batches, self._batches = self._batches, Scalars()
        if not batches:
            return
        now = time.time()
        self._written = now
        if self.write_steps_per_second:
            # Hooks come in bursts, so the time between two of them says nothing.
            began, first = self._since
            speed = batches.constant("steps_per_second", _rate(self._step - first, now - began))
            self._write_scalars("train", "batch_", speed)
            if now - began >= _INTERVAL:
                self._since = (now, self._step)
        self._write_scalars("train", "batch_", batches)

    def _write_results(self, run: str, step: int, prefix: str, logs: Logs) -> None:
        scalars = Scalars()
        scalars.add(time.time(), step, logs)
        self._write_scalars(run, prefix, scalars)

    def _write_scalars(self, run: str, prefix: str, scalars: Scalars) -> None:
        file = self._file(run)
        with saving(self._directory(run), owner=type(self).__name__):
            file.add_scalars(prefix, scalars)

    def _write_values(self, step: int, values: Iterable[Any], run: str = "train") -> None:
        file = self._file(run)
        for value in values:
            with saving(self._directory(run), owner=type(self).__name__):
                file.add_value(step, value)

    def _write_graph(self) -> None:
        layers = Layers(model_of(self))
        if layers.graph is not None:
            # The page opens with the run's own graph, and fails if only a conceptual one is there.
            with saving(self._directory("train"), owner=type(self).__name__):
                self._file("train").add_graph(layers.graph)
        self._write_values(0, graph_values(library(), model_of(self), layers))


def _rate(steps: int, seconds: float) -> float | None:
    return steps / seconds if seconds > 0 else None
