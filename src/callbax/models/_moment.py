"""One batch of a run that is over, to look at and to continue from."""

import functools
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from callbax._core._hooks import Logs
from callbax._core._types import PyTree
from callbax._modules._own_training import Seen
from callbax._stores._memory_store import MemoryStore
from callbax._stores._protocol import RunState, RunStore
from callbax._training._engine import Engine
from callbax._training._examine import Culprit, examine, first_not_finite
from callbax._training._replay import Replayed, to_numpy
from callbax.callbacks._callback import Callback
from callbax.callbacks._model_view import ModelView, model_of

_LARGEST = 3
"""How many of the largest norms to tell."""


@dataclass(frozen=True)
class Explanation:
    """What is remarkable about a step.

    Attributes:
        operation: The first operation of the forward pass whose result is not finite.
        gradient: Name of the first parameter whose gradient is not finite.
        update: Name of the first parameter that is not finite after the step.
        samples: Numbers of the samples in the batch whose inputs or losses are not finite.
        norms: The largest norms of gradients: name of the parameter -> norm.
        rows: Numbers of the batch's samples in the data; None if they are not known.
    """

    operation: Culprit | None
    gradient: str | None
    update: str | None
    samples: tuple[int, ...]
    norms: Mapping[str, float]
    rows: NDArray[Any] | None

    def __str__(self) -> str:
        found = []
        if self.samples:
            rows = ""
            if self.rows is not None:
                rows = f", rows {self.rows[list(self.samples)].tolist()} of the data"
            found.append(
                f"samples {list(self.samples)} of the batch{rows}: inputs or losses not finite"
            )
        if self.operation is not None:
            name, scope, line = self.operation
            place = ", ".join(part for part in (scope, line) if part)
            found.append(f"outputs: first not finite after `{name}`" + f" ({place})" * bool(place))
        if self.gradient is not None:
            found.append(f"gradients: first not finite for {self.gradient}")
        if self.update is not None:
            found.append(f"weights after the step: first not finite is {self.update}")
        if self.norms:
            norms = ", ".join(f"{path} {norm:.3g}" for path, norm in self.norms.items())
            found.append(f"largest norms of gradients: {norms}")
        return "\n".join(found)


class Trained(ModelView, Protocol):
    """A model that can be trained."""

    def fit(self, *data: Any, **arguments: Any) -> Any:
        """Trains it."""


class _Start(Callback):
    """Lets a fit begin at a recorded state."""

    execution = "fused"
    adds_logs = ()

    def __init__(self, run: RunState, learning_rate: float | None) -> None:
        self._run, self._rate = run, learning_rate

    def run_store(self) -> RunStore:
        """Returns where ``fit`` finds the state."""
        return MemoryStore(self._run, where="moment.branch(...).fit")

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Sets the rate, once the state is in place."""
        rate, self._rate = self._rate, None
        if rate is not None:
            model_of(self).optimizer.learning_rate = rate


class Branch:
    """A run that continues from a moment of another.

    Attributes:
        model: A copy of that run's model; as it was before the moment once `fit` has begun.
    """

    def __init__(self, model: Trained, run: RunState, learning_rate: float | None) -> None:
        self.model = model
        self._run, self._rate = run, learning_rate

    def fit(self, *data: Any, callbacks: Any = (), **arguments: Any) -> Any:
        """Trains the copy from the moment on.

        Args:
            *data: The data of the run.
            callbacks: Callbacks; they start afresh.
            **arguments: Those of ``Model.fit``, as in the run that the moment belongs to.

        Returns:
            The History, of the epochs from that of the moment on.
        """
        given = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
        start = _Start(self._run, self._rate)
        return self.model.fit(*data, callbacks=[start, *given], **arguments)


class Moment:
    """A training step of a recorded run: what went in, and what came out.

    Made by ``history.at(epoch, batch)`` and `Model.past`.

    Attributes:
        epoch: The epoch, counted from 0.
        batch: The batch, counted from 0.
        logs: The running values that hooks got after it.
        loss: The batch's own loss.
        before: The state that the step started from, with all that hooks wrote before it.
        after: The state that the step made of it, before any hook saw it.
        inputs: ``(x, y, sample_weight)``, NumPy arrays; leaves of shape (samples, ...).
        rows: Numbers of these samples in the arrays given to ``fit``; None for other sources.
    """

    def __init__(self, engine: Engine, step: Replayed, copy: Callable[[], Trained]) -> None:
        self._engine, self._copy, self._run = engine, copy, step.run
        self.epoch, self.batch = step.row.epoch, step.row.batch
        self.logs: dict[str, float] = dict(step.row.logs)
        self.loss: float = step.row.loss
        self.before, self.after = step.before, step.after
        self.inputs: PyTree = step.batch
        self.rows: NDArray[Any] | None = step.rows

    def __repr__(self) -> str:
        return f"Moment(epoch={self.epoch}, batch={self.batch}, loss={self.loss:.6g})"

    @functools.cached_property
    def _examined(self) -> Seen:
        return examine(self._engine, self.before, self.inputs)

    @property
    def outputs(self) -> PyTree:
        """The model's outputs in that step, NumPy arrays; statistics and dropout as in training."""
        return to_numpy(self._examined.outputs)

    @property
    def losses(self) -> NDArray[Any] | None:
        """The loss of each sample, shape (samples,); None if a loss looks at the whole batch."""
        losses = self._examined.losses
        return None if losses is None else np.asarray(losses)

    def gradients(self) -> dict[str, NDArray[Any]]:
        """Returns path of a parameter -> the gradient of the loss.

        Raises:
            TypeError: The model trains by a step of the user's own, which does not tell.
        """
        return {path: np.asarray(value) for path, value in self._examined.gradients.items()}

    def explain(self) -> Explanation:
        """Returns what is remarkable: where numbers stop to be finite, and the largest norms."""
        try:
            gradients = self.gradients()
        except TypeError:  # a training step of the model's own does not tell
            gradients = {}
        names = {weight.path: weight.name for weight in self._engine.functional.weights()}
        norms = {path: float(np.linalg.norm(value)) for path, value in gradients.items()}
        largest = sorted(norms, key=lambda path: -np.nan_to_num(norms[path], nan=np.inf))
        parameters = to_numpy(self.after.params)
        return Explanation(
            first_not_finite(self._engine, self.before, self.inputs[0]),
            _first_bad(gradients, names),
            _first_bad(parameters, names),
            self._bad_samples(),
            {names[path]: norms[path] for path in largest[:_LARGEST]},
            self.rows,
        )

    def branch(self, *, learning_rate: float | None = None) -> Branch:
        """Returns what continues from before this batch with a copy of the model.

        The model and the record of its run stay untouched.

        Args:
            learning_rate: The rate to continue with; None keeps that of the run.
        """
        return Branch(self._copy(), self._run, learning_rate)

    def _bad_samples(self) -> tuple[int, ...]:
        """Returns the samples whose inputs are not finite; if none are, those whose losses are not.

        What normalizes over the batch spreads one bad sample over all losses.
        """
        inputs = [leaf for leaf in _arrays(self.inputs) if leaf.dtype.kind in "fc"]
        with suppress(TypeError):  # as above
            return _not_finite(inputs) or _not_finite(_arrays(self.losses))
        return _not_finite(inputs)


def _not_finite(leaves: list[NDArray[Any]]) -> tuple[int, ...]:
    """Returns the samples for which a leaf, of shape (samples, ...), holds what is not finite."""
    bad = [~np.isfinite(leaf).reshape(leaf.shape[0], -1).all(axis=1) for leaf in leaves]
    return tuple(np.flatnonzero(np.any(bad, axis=0)).tolist()) if bad else ()


def _arrays(tree: PyTree) -> list[NDArray[Any]]:
    if isinstance(tree, Mapping):
        return [leaf for part in tree.values() for leaf in _arrays(part)]
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in _arrays(part)]
    return [] if tree is None else [np.asarray(tree)]


def _first_bad(arrays: Mapping[str, NDArray[Any]], names: Mapping[str, str]) -> str | None:
    return next((names[path] for path, a in arrays.items() if not np.isfinite(a).all()), None)
