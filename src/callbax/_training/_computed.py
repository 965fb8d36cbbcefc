"""A loss that the user computes of a model's outputs and the batch, and metrics beside it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._errors import describe, explain
from callbax._core._types import Array, PyTree
from callbax._data._feed import Targets
from callbax._modules._protocol import Applied, Batch
from callbax._training._objective import Objective
from callbax.metrics import Mean

ComputeLoss = Callable[[Any, Batch], Any]
"""(outputs, batch) -> the loss, or the loss and a dict of values for the logs; all scalars."""


class Computed:
    """The loss that a subclass of `Model` computes, in place of losses of each output.

    Args:
        function: Computes it; pure.
        metrics: The metrics that were compiled.
        y_pred: Shapes and dtypes of the outputs.
        batch: Those of the first batch.

    Raises:
        TypeError: It is not a scalar, or the other values are not a dict of scalars.
    """

    def __init__(
        self, function: ComputeLoss, metrics: Objective, y_pred: PyTree, batch: Batch
    ) -> None:
        self._function, self._metrics = function, metrics
        self._mean = Mean(name="loss")
        _, values = jax.eval_shape(self._call, y_pred, batch)
        self._names = ("loss", *values)

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of what is reported: the loss first."""
        return (*self._names, *self._metrics.keys)

    @property
    def directions(self) -> dict[str, str | None]:
        """Log key -> "up" if more is better, "down" if less is, None if unknown."""
        return {**dict.fromkeys(self._names), "loss": "down", **self._metrics.directions}

    def reset(self, metrics: PyTree) -> PyTree:
        """Returns running sums that start again."""
        return {name: self._mean.empty() for name in self._names}, self._metrics.empty

    def check(self, targets: Targets) -> None:
        """Does nothing: what targets have to be, the user's loss knows."""

    def losses(self, batch: Batch, applied: Applied) -> tuple[Array, Any]:
        """Returns the total, a float32 scalar, and the other values."""
        loss, values = self._call(applied.output, batch)
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
        return sums, self._metrics.update(metrics, (total, ()), batch, y_pred)

    def compute(self, state: PyTree) -> Array:
        """Returns the values over the batches seen, sorted by key: float32 of shape (keys,)."""
        sums, metrics = state
        values = {name: self._mean.compute(sums[name]) for name in self._names}
        values |= zip(sorted(self._metrics.keys), self._metrics.compute(metrics), strict=True)
        return jnp.stack([jnp.asarray(values[key], jnp.float32) for key in sorted(values)])

    def _call(self, y_pred: PyTree, batch: Batch) -> tuple[Array, dict[str, Array]]:
        result = self._function(y_pred, batch)
        loss, values = result if isinstance(result, tuple) else (result, {})
        for name, value in {"loss": loss, **values}.items():
            if jnp.ndim(value) != 0:
                raise TypeError(
                    explain(
                        "compute_loss(outputs, batch)",
                        expected="scalars: a loss, or a loss and a dict of values for the logs",
                        received=f"{name!r}, {describe(value)}",
                        action="Take the mean over the batch: `jnp.mean(...)`.",
                    )
                )
        return jnp.asarray(loss, jnp.float32), {k: jnp.asarray(values[k]) for k in sorted(values)}
