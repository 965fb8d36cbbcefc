"""Runs one script against Keras or callbax from the same weights and records its trace."""

import importlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from tests.parity._models import INPUTS, TARGETS, WEIGHTS, Model, first_weights
from tests.parity._trace import INDEXED_HOOKS, Event, assert_same_trace, frozen, recorder

SUBJECT = os.environ.get("PARITY_SUBJECT", "callbax")
"""`PARITY_SUBJECT=keras` runs Keras against itself: that checks the harness, and must pass."""

ORPHAN = (
    "Keras calls on_*_batch_begin once more when a generator without `steps` ends, without a batch "
    "and an end, and warns that data ran out; callbax does neither."
)

BATCH_BEGIN_HOOKS = ("on_train_batch_begin", "on_test_batch_begin", "on_predict_batch_begin")

KERAS_NOISE = "__array__ implementation doesn't accept a copy keyword"
"""Keras 3.15 with NumPy 2 warns so whenever a variable is read; it says nothing about the run."""

Script = Callable[["Run"], Any]
Rows = Callable[[int, int], tuple[np.ndarray, ...]]
"""Takes how many rows and the first one's number."""


@dataclass(frozen=True)
class Case:
    """One row of a table.

    Attributes:
        name: What it is about.
        script: What to do.
        model: With which model.
        differs: How callbax differs here, where nobody has said yet whether it should.
    """

    name: str
    script: Script
    model: Model = field(default_factory=Model)
    differs: str | None = None


class Run:
    """A model of one library, and the trace of everything asked of it.

    Every call records the hooks it caused, its warnings, and what it returned or raised.

    Attributes:
        callbacks: The built-in callbacks to use; the library's own unless somebody says otherwise.
    """

    def __init__(self, lib: Any, spec: Model, model: Any) -> None:
        self.lib = lib
        self.spec = spec
        self.model = model
        self.callbacks = lib.callbacks
        self.trace: list[Event] = []
        self.errors: list[BaseException] = []
        self.recorder = recorder(lib, self.trace)

    def xy(self, count: int = 10, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the data that suits the model."""
        inputs = INPUTS["square" if self.spec.net == "flatten" else "flat"]
        rows = slice(start, start + count)
        return inputs[rows], TARGETS[self.spec.target][rows]

    def xyw(self, count: int = 10, start: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same with a weight per row."""
        return *self.xy(count, start), WEIGHTS[start : start + count]

    def batches(
        self, count: int = 10, size: int = 4, rows: Rows | None = None
    ) -> Iterator[tuple[np.ndarray, ...]]:
        """A generator over the rows, once."""
        for start in range(0, count, size):
            yield (rows or self.xy)(min(size, count - start), start)

    def endless(self, count: int = 10, size: int = 4) -> Iterator[tuple[np.ndarray, ...]]:
        """A generator over the rows, for ever."""
        while True:
            yield from self.batches(count, size)

    def reiterable(self, count: int = 10, size: int = 4, rows: Rows | None = None) -> Any:
        """A source that can be gone through again: a PyDataset for Keras, a plain class else."""
        batches = list(self.batches(count, size, rows))
        base = keras.utils.PyDataset if self.lib is keras else object
        body = {
            "__len__": lambda source: len(batches),
            "__getitem__": lambda source, index: batches[index],
        }
        if self.lib is not keras:
            body["__iter__"] = lambda source: iter(batches)
        return type("Batches", (base,), body)()

    def when(
        self, hook: str, do: Callable[[Any, dict[str, Any]], Any], at: int | None = None
    ) -> Any:
        """A callback that does something in one hook.

        Args:
            hook: Its name.
            do: Takes the callback and the logs.
            at: The batch or epoch to do it at; None for every call.
        """

        def indexed(callback: Any, index: int, logs: Any = None) -> None:
            if at in (None, index):
                do(callback, logs)

        def plain(callback: Any, logs: Any = None) -> None:
            do(callback, logs)

        method = indexed if hook in INDEXED_HOOKS else plain
        return type("When", (self.lib.callbacks.Callback,), {hook: method})()

    def note_weights_in(self, *hooks: str) -> list[Any]:
        """Callbacks that note which weights the model has in some hooks."""

        def noting(hook: str) -> Any:
            return self.when(
                hook, lambda callback, logs: self.note(hook, callback.model.get_weights())
            )

        return [noting(hook) for hook in hooks]

    def note(self, name: str, value: Any) -> None:
        """Adds something of the script's own to the trace."""
        self.trace.append(Event(name, (frozen(value),)))

    def fit(self, *args: Any, callbacks: Any = (), **kwargs: Any) -> None:
        kwargs = {"verbose": 0, "shuffle": False} | kwargs
        history = self.call("fit", *args, callbacks=[*callbacks, self.recorder], **kwargs)
        if history is not None:
            self.note("fit returned model.history", history is self.model.history)
            self.note_history()

    def evaluate(self, *args: Any, callbacks: Any = (), **kwargs: Any) -> None:
        kwargs = {"verbose": 0} | kwargs
        result = self.call("evaluate", *args, callbacks=[*callbacks, self.recorder], **kwargs)
        self.note("evaluate returned", result)

    def predict(self, *args: Any, callbacks: Any = (), **kwargs: Any) -> None:
        kwargs = {"verbose": 0} | kwargs
        result = self.call("predict", *args, callbacks=[*callbacks, self.recorder], **kwargs)
        self.note("predict returned", result)

    def on_batch(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Calls `train_on_batch`, `test_on_batch` or `predict_on_batch`."""
        self.note(f"{method} returned", self.call(method, *args, **kwargs))

    def note_history(self) -> None:
        history = self.model.history
        # Keras's History has no `epoch` before its own on_train_begin: a hook before it may raise.
        epochs = list(getattr(history, "epoch", []))
        self.note("history", {"history": history.history, "epoch": epochs})
        self.note("history.params", history.params)

    def finish(self) -> None:
        """Records what the model is left with."""
        self.note("weights", self.model.get_weights())
        self.note("learning_rate", float(np.asarray(self.model.optimizer.learning_rate)))

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a method of the model with nothing added, and records how it went."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", ResourceWarning)
            try:
                return getattr(self.model, method)(*args, **kwargs)
            except (Exception, KeyboardInterrupt) as error:
                self.errors.append(error)
                self.note(f"{method} raised", type(error).__name__)
                return None
            finally:
                for warning in caught:
                    if KERAS_NOISE not in str(warning.message):
                        self.note(f"{method} warned", topic(str(warning.message)))


def topic(message: str) -> str:
    """Names what a warning is about: each library words it its own way."""
    return "ran out of data" if "ran out of data" in message else message


def without_batch_and_size(trace: list[Event]) -> list[Event]:
    """Intended: logs of `on_*_batch_begin` hold `batch` and `size`, as in TF 2.0; `{}` in Keras.

    Only exactly these two are taken away, and only if `batch` is the number the hook was given.
    """

    def plain(event: Event) -> Event:
        logs = event.kwargs.get("logs")
        if event.name not in BATCH_BEGIN_HOOKS or not logs:
            return event
        if set(logs) == {"batch", "size"} and event.args == (logs["batch"],) and logs["size"] > 0:
            return Event(event.name, event.args, {"logs": {}})
        return event

    return [plain(event) for event in trace]


@cache
def _keras_model(spec: Model) -> tuple[Any, list[Any]]:
    model = spec.build(keras)
    model.optimizer.build(model.trainable_variables)
    return model, [np.array(variable) for variable in model.optimizer.variables]


def keras_run(spec: Model) -> Run:
    """A run of real Keras. Compiling costs a second, so equal specs share one model."""
    model, fresh = _keras_model(spec)
    model.set_weights(first_weights(model))
    for variable, value in zip(model.optimizer.variables, fresh, strict=True):
        variable.assign(value)
    model.history = None
    model._initial_epoch = None  # Keras's BackupAndRestore leaves its own: defect d.
    return Run(keras, spec, model)


def subject_run(spec: Model, **compile_arguments: Any) -> Run:
    """A run of callbax, on a model of its own."""
    lib = importlib.import_module(SUBJECT)
    return Run(lib, spec, spec.build(lib, **compile_arguments))


@cache
def keras_trace(case: Case) -> tuple[Event, ...]:
    """What Keras does; run once however often it is asked for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=KERAS_NOISE)
        run = keras_run(case.model)
        case.script(run)
        run.finish()
    return tuple(run.trace)


def rows(cases: Sequence[Case]) -> list[Any]:
    """Turns a table into parameters of a test.

    Undecided rows must fail, by their comparison: one whose difference is gone says so.
    """

    def row(case: Case) -> Any:
        marks = []
        if case.differs and SUBJECT != "keras":
            marks = [pytest.mark.xfail(reason=case.differs, strict=True, raises=AssertionError)]
        return pytest.param(case, id=case.name, marks=marks)

    return [row(case) for case in cases]


def check(case: Case, steps_per_execution: Any = "auto", callbacks: Any = None) -> None:
    """Requires callbax to leave Keras's trace.

    Args:
        case: What to do.
        steps_per_execution: For callbax only: hooks come once per batch, whatever it is.
        callbacks: For callbax only: the built-in callbacks to use in place of its own.
    """
    expected = keras_trace(case)
    more = {} if SUBJECT == "keras" else {"steps_per_execution": steps_per_execution}
    with warnings.catch_warnings():
        if SUBJECT == "keras":
            warnings.filterwarnings("ignore", message=KERAS_NOISE)
        run = subject_run(case.model, **more)
        run.callbacks = callbacks or run.callbacks
        case.script(run)
        run.finish()
    try:
        assert_same_trace(expected, without_batch_and_size(run.trace))
    except AssertionError as failure:
        # An unexpected error of callbax is the better half of the story.
        raise failure from (run.errors[-1] if run.errors else None)
