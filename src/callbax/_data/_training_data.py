"""The data of a fit: what to train on and what to validate on."""

import sys
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._data._adapter import as_parts, make_feed
from callbax._data._arrays import is_structure, split_rows
from callbax._data._feed import Feed
from callbax._data._placement import Placement


def training_feeds(
    x: Any,
    y: Any,
    sample_weight: Any,
    *,
    placement: Placement,
    batch_size: int | None,
    epochs: int,
    steps: int | None,
    class_weight: Any,
    shuffle_seed: int | None,
    validation_data: Any,
    validation_split: float,
    validation_batch_size: int | None,
    validation_steps: int | None,
    validates_by_batch: bool,
    needs_targets: bool,
    watched: bool,
) -> tuple[Feed, Feed | None]:
    """Returns the feed to train on, and the one to validate on if there is any.

    Nothing is placed and nothing drawn before the first pass.

    Args:
        x: As for ``fit``.
        y: As for ``fit``.
        sample_weight: As for ``fit``.
        placement: Where batches live.
        batch_size: As for ``fit``.
        epochs: How many will be run.
        steps: Batches in an epoch; None goes through the data.
        class_weight: As for ``fit``.
        shuffle_seed: Seed of the order of arrays; None reads them as they lie.
        validation_data: As for ``fit``; if given, nothing is split off.
        validation_split: Share of the samples, the last ones, to validate on.
        validation_batch_size: Samples in a batch of validation; ``batch_size`` by default.
        validation_steps: Batches of validation; None takes all.
        validates_by_batch: Whether there may be any number of validations in an epoch.
        needs_targets: Whether a batch without targets is of no use.
        watched: Whether there are hooks, which might change arrays while they are read.

    Raises:
        ValueError: The data cannot be read as one data set.
        TypeError: ``x`` is neither arrays nor iterable.
    """
    if validation_split and validation_data is None:
        _need_arrays(x, validation_split)
        parts = as_parts(x, y, sample_weight, None, "fit")
        (x, y, sample_weight), validation_data = split_rows("fit", parts, validation_split)
    feed = make_feed(
        x,
        y,
        sample_weight,
        where="fit",
        placement=placement,
        batch_size=batch_size,
        steps=steps,
        epochs=epochs,
        class_weight=class_weight,
        shuffle_seed=shuffle_seed,
        needs_targets=needs_targets,
        watched=watched,
    )
    if validation_data is None:
        return feed, None
    validation = make_feed(
        *_unpack(validation_data),
        where="fit(validation_data=...)",
        placement=placement,
        batch_size=validation_batch_size or batch_size,
        steps=validation_steps,
        epochs=sys.maxsize if validates_by_batch else epochs,
        needs_targets=needs_targets,
        watched=watched,
    )
    return feed, validation


def _need_arrays(x: Any, split: float) -> None:
    if not is_structure(x):
        raise ValueError(
            explain(
                f"fit(validation_split={split})",
                expected="arrays, whose last rows can be split off",
                received=describe(x),
                action="Pass `validation_data`.",
            )
        )


def _unpack(validation_data: Any) -> tuple[PyTree, PyTree, PyTree]:
    """Returns ``validation_data`` as (x, y, sample_weight)."""
    if not isinstance(validation_data, tuple | list):
        return validation_data, None, None
    if 1 <= len(validation_data) <= 3:
        x, y, sample_weight = (*validation_data, None, None)[:3]
        return x, y, sample_weight
    raise ValueError(
        explain(
            "fit(validation_data=...)",
            expected="(x, y), (x, y, sample_weight) or an iterable of batches",
            received=describe(validation_data),
            action="Pass a tuple of two or three parts.",
        )
    )
