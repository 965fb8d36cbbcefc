"""A loss that the model's class computes itself, in place of or on top of the compiled ones."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from callbax._core._errors import describe, explain
from callbax._core._types import Array, PyTree
from callbax._data._feed import Targets
from callbax._modules._protocol import Applied, Batch
from callbax._training._objective import Goals, Objective
from callbax.metrics import Mean

_APPLIED: ContextVar[Applied | None] = ContextVar("applied", default=None)
"""The call of the module whose loss is being computed: Keras's signature has no room for a mask."""


class ComputeLoss(Protocol):
    """A model's own `compute_loss`, as Keras calls it."""

    def __call__(
        self, *, x: PyTree, y: PyTree, y_pred: PyTree, sample_weight: PyTree, training: bool
    ) -> Any:
        """Returns the loss, or the loss and a dict of values for the logs; all scalars."""


class Computed:
    """What a model's `compute_loss` returns, and the compiled metrics beside it.

    Losses that the module adds by itself are added to it.

    Args:
        function: Computes it; pure.
        goals: What the user compiled; of it the metrics count here.
        y_pred: Shapes and dtypes of the module's output, of any structure if there are no metrics.
        batch: Those of a batch.

    Raises:
        ValueError: The function returns something else than scalars, one of which has the name of
            a metric, or metrics do not fit.
    """

    def __init__(self, function: ComputeLoss, goals: Goals, y_pred: PyTree, batch: Batch) -> None:
        self._function = function
        self._mean = Mean(name="loss")
        _, values = jax.eval_shape(lambda y, b: self._call(y, b, training=False), y_pred, batch)
        self._names = ("loss", *values)
        metrics = Goals(metrics=goals.metrics, weighted_metrics=goals.weighted_metrics)
        self._metrics = Objective(metrics, batch[1], y_pred) if goals.all_metrics() else None
        if twice := [name for name in self._metric_keys if name in values]:
            raise _refused(
                expected="values for the logs whose names no metric has",
                received=f"{twice[0]!r}, which `compile` was given as a metric",
                action="Give the value another name.",
            )

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of what is reported, the loss first."""
        return (*self._names, *self._metric_keys)

    @property
    def directions(self) -> dict[str, str | None]:
        """Log key -> "up" if more is better, "down" if less is, None if unknown."""
        metrics = {} if self._metrics is None else self._metrics.directions
        return {**dict.fromkeys(self._names), "loss": "down", **metrics}

    def reset(self, metrics: PyTree) -> PyTree:
        """Returns running sums that start again."""
        empty = () if self._metrics is None else self._metrics.empty
        return {name: self._mean.empty() for name in self._names}, empty

    def check(self, targets: Targets) -> None:
        """Does nothing: what targets have to be, the user's loss knows."""

    def losses(self, batch: Batch, applied: Applied, *, training: bool) -> tuple[Array, Any]:
        """Returns the total, a float32 scalar, and the other values."""
        token = _APPLIED.set(applied)
        try:
            loss, values = self._call(applied.output, batch, training=training)
        finally:
            _APPLIED.reset(token)
        if {"loss", *values} != {*self._names}:
            raise _refused(
                expected=f"values for the logs named {sorted(self._names[1:])}, as elsewhere",
                received=f"values named {sorted(values)}, with training={training}",
                action="Return the same names in training and in evaluation.",
            )
        return loss if applied.loss is None else loss + applied.loss, values

    def update(
        self, state: PyTree, losses: tuple[Array, Any], batch: Batch, y_pred: PyTree
    ) -> PyTree:
        """Returns the running sums after one more batch."""
        sums, metrics = state
        total, values = losses
        size = jnp.float32(jax.tree.leaves(batch)[0].shape[0])
        found = {"loss": total, **values}
        sums = {name: self._mean.update(sums[name], found[name], size) for name in self._names}
        if self._metrics is not None:
            metrics = self._metrics.update(metrics, (total, ()), batch, y_pred)
        return sums, metrics

    def compute(self, state: PyTree) -> Array:
        """Returns the values over the batches seen, sorted by key: float32 of shape (keys,)."""
        sums, metrics = state
        values = {name: self._mean.compute(sums[name]) for name in self._names}
        if self._metrics is not None:
            computed = self._metrics.compute(metrics)
            values |= zip(sorted(self._metrics.keys), computed, strict=True)
        return jnp.stack([jnp.asarray(values[key], jnp.float32) for key in sorted(values)])

    @property
    def _metric_keys(self) -> tuple[str, ...]:
        return () if self._metrics is None else self._metrics.keys

    def _call(
        self, y_pred: PyTree, batch: Batch, *, training: bool
    ) -> tuple[Array, dict[str, Array]]:
        x, y, sample_weight = batch
        found = self._function(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
        )
        pair = isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Mapping)
        loss, values = found if pair else (found, {})
        for name, value in {"loss": loss, **values}.items():
            if not hasattr(value, "dtype") or jnp.shape(value) or "loss" in values:
                raise _refused(
                    expected="a scalar loss, or a tuple of it and a dict of other scalars for the "
                    'logs, none of them named "loss"',
                    received=f"{describe(value)} for {name}",
                    action="Reduce it over the batch, such as by `jnp.mean`.",
                )
        number = jnp.asarray(loss, jnp.float32)
        return number, {name: jnp.asarray(values[name], jnp.float32) for name in sorted(values)}


def compiled_loss(goals: Goals, batch: Batch, y_pred: PyTree) -> Array:
    """Returns the total of the losses that were compiled.

    Args:
        goals: What the user compiled.
        batch: Inputs, targets, and weights per sample or None.
        y_pred: Outputs.

    Raises:
        ValueError: None was, or they do not fit.
    """
    if goals.loss is None:
        raise _refused(
            expected="a compiled loss, which the model's own method calls",
            received="loss=None",
            action="Pass `loss` to `compile`, or do not call `super().compute_loss`.",
        )
    applied = _APPLIED.get()
    mask = applied.mask if applied is not None and applied.output is y_pred else None
    objective = Objective(replace(goals, metrics=None, weighted_metrics=None), batch[1], y_pred)
    return objective.losses(batch, Applied(y_pred, {}, mask=mask), training=True)[0]


def _refused(*, expected: str, received: str, action: str) -> ValueError:
    text = explain("model.compute_loss(...)", expected=expected, received=received, action=action)
    return ValueError(text)
