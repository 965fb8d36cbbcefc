"""What a run optimises and reports: losses and metrics, output by output."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from callbax._core._errors import closest, describe, explain
from callbax._core._types import Array, PyTree
from callbax._data._feed import Targets
from callbax._modules._protocol import Applied, Batch
from callbax.losses import Loss
from callbax.losses import resolve as resolve_loss
from callbax.losses._lookup import check as check_loss
from callbax.losses.sparse import check_labels
from callbax.metrics import Mean, Metric
from callbax.metrics import resolve as resolve_metric
from callbax.metrics._lookup import check as check_metric

OUTPUT = "output"
"""Name of a module's only output; never shown."""


@dataclass(frozen=True)
class Goals:
    """The losses and metrics of ``compile``, as the user wrote them, names checked.

    Attributes:
        loss: One loss for every output, or a list or dict of them by output; None for none.
        loss_weights: Weights of the outputs' losses in the total.
        metrics: Metrics that ignore sample weights: a list, or a list or dict of lists by output.
        weighted_metrics: Likewise, weighted by sample weights.
        compute_loss: The method by which the model's class computes the loss in place of these;
            None if it is the sum of these.
    """

    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None
    compute_loss: Any = None

    def functions(self) -> list[Any]:
        """Returns the losses, metrics and methods that were not given by name."""
        given = (*self.losses(), *self.all_metrics(), *_leaves(self.compute_loss))
        return [function for function in given if not isinstance(function, str)]

    def losses(self) -> list[Any]:
        """Returns the losses of all outputs."""
        return _leaves(self.loss)

    def all_metrics(self) -> list[Any]:
        """Returns the metrics of all outputs, weighted or not."""
        return [*_leaves(self.metrics), *_leaves(self.weighted_metrics)]

    def check(self) -> None:
        """Looks every name up, so that a misspelt one fails in ``compile``.

        Raises:
            ValueError: A name is unknown, or a weight no number.
            TypeError: A loss or metric is of a kind that is not taken.
        """
        for loss in self.losses():
            check_loss(loss)
        for metric in self.all_metrics():
            check_metric(metric)
        self.check_weights()

    def check_weights(self) -> None:
        """Looks at the weights of the losses.

        Raises:
            ValueError: One of them is something else than a number.
        """
        for weight in _leaves(self.loss_weights):
            if np.ndim(weight) or not np.issubdtype(np.asarray(weight).dtype, np.number):
                raise ValueError(
                    explain(
                        f"compile(loss_weights={self.loss_weights!r})",
                        expected="a number per output",
                        received=describe(weight),
                        action="Name what follows the loss: `compile(optimizer, loss, "
                        "metrics=[...])`.",
                    )
                )


@dataclass(frozen=True)
class _Output:
    name: str
    loss: Loss | None
    weight: float
    metrics: tuple[Metric, ...]
    weighted_metrics: tuple[Metric, ...]
    y_pred_shape: tuple[int, ...]


class Objective:
    """Losses and metrics bound to the outputs of a module: pure functions for a step.

    Args:
        goals: What the user compiled.
        y_true: Targets, or their shapes and dtypes.
        y_pred: The module's output, or its shapes and dtypes.

    Raises:
        ValueError: Losses, metrics or targets do not fit the outputs.
    """

    def __init__(self, goals: Goals, y_true: PyTree, y_pred: PyTree) -> None:
        self.names = tuple(output_names(y_pred))
        preds = self._by_output(y_pred, "y_pred")
        trues = self._by_output(y_true, "y")
        losses = self._per_output(goals.loss, "loss", shared=True)
        weights = self._per_output(goals.loss_weights, "loss_weights", shared=False)
        plain = self._per_output(goals.metrics, "metrics", shared=False)
        weighted = self._per_output(goals.weighted_metrics, "weighted_metrics", shared=False)
        outputs = []
        for name in self.names:
            shapes = {
                "y_true_shape": getattr(trues[name], "shape", preds[name].shape),
                "y_pred_shape": preds[name].shape,
            }
            loss = resolve_loss(losses[name], **shapes)
            outputs.append(
                _Output(
                    name,
                    loss,
                    1.0 if weights[name] is None else float(weights[name]),
                    tuple(resolve_metric(m, loss=loss, **shapes) for m in _as_list(plain[name])),
                    tuple(resolve_metric(m, loss=loss, **shapes) for m in _as_list(weighted[name])),
                    tuple(preds[name].shape),
                )
            )
        self._outputs = tuple(outputs)
        self._mean = Mean()
        self._losses = tuple(output for output in outputs if output.loss is not None)
        self._trackers = self._name_trackers()

    @property
    def has_loss(self) -> bool:
        """Whether there is anything to minimise."""
        return bool(self._losses)

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of what is reported, the loss first, then in compile order."""
        return tuple(self._trackers)

    @property
    def directions(self) -> dict[str, str | None]:
        """Log key -> "up" if more is better, "down" if less is, None if unknown."""
        return {key: metric.direction for key, metric in self._trackers.items()}

    @functools.cached_property
    def empty(self) -> PyTree:
        """The running sums before any batch."""
        return tuple(metric.empty() for metric in self._trackers.values())

    def reset(self, metrics: PyTree) -> PyTree:
        """Returns running sums that start again."""
        return self.empty

    def check(self, targets: Targets) -> None:
        """Looks at targets before the first step.

        Raises:
            ValueError: A label is outside the classes.
        """
        trues = self._by_output(targets.y, "y")
        weights = self._sample_weights(targets.sample_weight)
        for output in self._losses:
            if output.loss is not None:
                y, weight = trues[output.name], weights[output.name]
                check_labels(targets.where, output.loss, y, output.y_pred_shape, weight)

    def losses(self, batch: Batch, applied: Applied, *, training: bool) -> tuple[Array, Any]:
        """Returns the weighted total, a float32 scalar, and the loss of each output.

        The total holds what the module adds by itself; what its mask leaves out does not count.
        """
        _, y_true, sample_weight = batch
        trues, preds = self._by_output(y_true, "y"), self._by_output(applied.output, "y_pred")
        weights = self._sample_weights(sample_weight)
        masks = self._by_output(applied.mask, "mask")
        each = tuple(
            output.loss(
                trues[output.name],
                preds[output.name],
                _masked(masks[output.name], weights[output.name], output.loss.reduction),
            )
            for output in self._losses
            if output.loss is not None
        )
        total = sum(
            (value * output.weight for value, output in zip(each, self._losses, strict=True)),
            start=jnp.zeros((), jnp.float32) if applied.loss is None else applied.loss,
        )
        return total, each

    def update(
        self,
        state: PyTree,
        losses: tuple[Array, Any],
        batch: Batch,
        y_pred: PyTree,
    ) -> PyTree:
        """Returns the running sums after one more batch.

        Args:
            state: The running sums before it.
            losses: What `losses` returned for the batch.
            batch: Inputs, targets, and weights per sample or None.
            y_pred: Outputs.
        """
        _, y_true, sample_weight = batch
        trues, preds = self._by_output(y_true, "y"), self._by_output(y_pred, "y_pred")
        weights = self._sample_weights(sample_weight)
        total, each = losses
        size = jnp.float32(jax.tree.leaves(y_pred)[0].shape[0])
        values = [total] if self._losses else []
        values += each if len(self._losses) > 1 else ()
        sums = [
            self._mean.update(s, value, size)
            for s, value in zip(state[: len(values)], values, strict=True)
        ]
        rest = iter(state[len(values) :])
        for output in self._outputs:
            pair = trues[output.name], preds[output.name]
            sums += [metric.update(next(rest), *pair) for metric in output.metrics]
        for output in self._outputs:
            triple = trues[output.name], preds[output.name], weights[output.name]
            sums += [metric.update(next(rest), *triple) for metric in output.weighted_metrics]
        return tuple(sums)

    def compute(self, state: PyTree) -> Array:
        """Returns the values over the batches seen, sorted by key: float32 of shape (keys,)."""
        values = [
            jnp.reshape(jnp.asarray(metric.compute(part), jnp.float32), ())
            for (_, metric), part in sorted(
                zip(self._trackers.items(), state, strict=True), key=lambda entry: entry[0][0]
            )
        ]
        return jnp.stack(values) if values else jnp.zeros((0,), jnp.float32)

    def _name_trackers(self) -> dict[str, Metric]:
        trackers: dict[str, Metric] = {}
        loss = Mean(name="loss")
        loss.direction = "down"
        if self._losses:
            trackers["loss"] = loss
        if len(self._losses) > 1:
            trackers |= {f"{output.name}_loss": loss for output in self._losses}

        def add(output: _Output, metric: Metric, spare: str) -> None:
            prefix = f"{output.name}_" if len(self._outputs) > 1 else ""
            name = f"{prefix}{metric.name}"
            name = f"{prefix}{spare}{metric.name}" if name in trackers else name
            taken = sum(key == name or key.startswith(f"{name}_") for key in trackers)
            trackers[f"{name}_{taken}" if name in trackers else name] = metric

        for output in self._outputs:
            for metric in output.metrics:
                add(output, metric, "")
        for output in self._outputs:
            for metric in output.weighted_metrics:
                add(output, metric, "weighted_")
        return trackers

    def _by_output(self, value: PyTree, what: str) -> dict[str, Any]:
        """Returns output name -> array; targets may be missing if nothing asks for them."""
        if value is None:
            return dict.fromkeys(self.names)
        if isinstance(value, Mapping):
            found = dict(value)
        elif isinstance(value, tuple | list):
            found = (
                dict(zip(self.names, value, strict=False)) if len(value) == len(self.names) else {}
            )
        else:
            found = {self.names[0]: value}
        if set(found) != set(self.names):
            raise ValueError(
                explain(
                    f"fit({what}=...)",
                    expected=f"the structure of the module's output, {self._shown()}",
                    received=describe(value),
                    action="Give one array of targets for each output.",
                )
            )
        return found

    def _per_output(self, value: Any, argument: str, *, shared: bool) -> dict[str, Any]:
        """Spreads what the user gave for all outputs, or by output, over the outputs."""
        names, single = self.names, len(self.names) == 1
        if value is None:
            return dict.fromkeys(names)
        if isinstance(value, Mapping):
            unknown = [key for key in value if key not in names]
            if unknown and not (single and len(value) == 1):
                raise ValueError(
                    explain(
                        f"compile({argument}=...)",
                        expected=f"keys among the module's outputs, {self._shown()}",
                        received=f'"{unknown[0]}"',
                        action=closest(unknown[0], names),
                    )
                )
            return (
                {names[0]: next(iter(value.values()))}
                if unknown
                else {name: value.get(name) for name in names}
            )
        listed = isinstance(value, list | tuple)
        if single:
            whole = shared or argument == "loss_weights"
            return {names[0]: value[0] if listed and whole and len(value) == 1 else value}
        if listed and len(value) == len(names):
            return dict(zip(names, value, strict=True))
        if shared and not listed:
            return dict.fromkeys(names, value)
        raise ValueError(
            explain(
                f"compile({argument}=...)",
                expected=f"a dict or list with an entry per output, {self._shown()}",
                received=describe(value),
                action=f"Pass {{{', '.join(f'{name!r}: ...' for name in names)}}}.",
            )
        )

    def _sample_weights(self, sample_weight: PyTree) -> dict[str, Any]:
        if isinstance(sample_weight, Mapping | tuple | list):
            return self._by_output(sample_weight, "sample_weight")
        return dict.fromkeys(self.names, sample_weight)

    def _shown(self) -> str:
        return ", ".join(self.names) if len(self.names) > 1 else "a single array"


def output_names(y_pred: PyTree) -> list[str]:
    """Returns the names of a module's outputs: its dict's sorted keys, output_0..., or one.

    Raises:
        ValueError: The output is nested deeper than one level.
    """
    if isinstance(y_pred, Mapping):
        names = sorted(map(str, y_pred))
    elif isinstance(y_pred, tuple | list):
        names = [f"{OUTPUT}_{i}" for i in range(len(y_pred))]
    else:
        return [OUTPUT]
    parts = y_pred.values() if isinstance(y_pred, Mapping) else y_pred
    if any(isinstance(part, Mapping | tuple | list) for part in parts):
        raise ValueError(
            explain(
                "Model(module)",
                expected="a module whose output is an array, or a dict or tuple of arrays",
                received="a deeper structure",
                action="Flatten the output of the module.",
            )
        )
    return names


def _masked(mask: Any, weight: Any, reduction: str | None) -> Any:
    """Returns weights under which a loss counts the elements that a mask leaves in.

    Source: ``apply_mask`` in Keras.
    """
    if mask is None:
        return weight
    counts = jnp.asarray(mask, jnp.float32)
    if reduction in ("mean", "sum_over_batch_size"):  # the mean over all, made one over these
        counts *= counts.size / jnp.maximum(counts.sum(), 1)
    if weight is None:
        return counts
    weight = jnp.asarray(weight, jnp.float32)
    return counts * weight.reshape(weight.shape + (1,) * (counts.ndim - weight.ndim))


def _as_list(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _leaves(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [leaf for part in value.values() for leaf in _leaves(part)]
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in _leaves(part)]
    return [value]
