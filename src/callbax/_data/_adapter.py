"""Chooses the feed for what a user passed as data."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax

from callbax._core._arguments import optional_count
from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._data._array_feeds import OrderedFeed, Samples, ShuffledFeed
from callbax._data._arrays import PARTS, argument, count_rows, is_structure, to_arrays
from callbax._data._class_weights import check_class_weight, weigh
from callbax._data._feed import Feed, Targets
from callbax._data._host_batches import HostBatches
from callbax._data._lengths import count_batches, is_endless
from callbax._data._placement import Placement, canonical
from callbax._data._rows import Rows
from callbax._data._stream import StreamFeed

RESIDENT_SHARE = 0.25
"""Share of the device's memory that a data set may take; a larger one is fed from the host."""
DEFAULT_BATCH_SIZE = 32
_INSTEAD_OF_TARGETS = (
    "`predict(x)` takes inputs alone; `evaluate(x, y)` compares the outputs with targets."
)


def make_feed(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    where: str,
    placement: Placement,
    batch_size: int | None = None,
    steps: int | None = None,
    epochs: int = 1,
    class_weight: Any = None,
    shuffle_seed: int | None = None,
    needs_targets: bool = False,
    watched: bool = False,
) -> Feed:
    """Returns the feed for a data set.

    Args:
        x: Arrays, dicts and tuples of arrays, or an iterable of batches.
        y: Targets, if ``x`` is arrays.
        sample_weight: Weights per sample, if ``x`` is arrays.
        where: The public call, for errors: ``"fit"``.
        placement: Where batches live; nothing is placed before the first pass.
        batch_size: Samples in a batch; None takes 32, or what ``steps`` batches of arrays need.
        steps: Batches per epoch, if the user says.
        epochs: Epochs that will be run.
        class_weight: Class number -> weight, if samples have no weights of their own.
        shuffle_seed: Seed of the order of arrays; None reads them as they lie.
        needs_targets: Whether there have to be targets.
        watched: Whether there are hooks, which might change arrays while they are read.

    Raises:
        ValueError: The data cannot be read as one data set; nothing has been drawn from it yet.
        TypeError: ``x`` is neither arrays nor iterable.
    """
    if getattr(batch_size, "shape", ()):
        raise ValueError(
            explain(
                f"{where}(batch_size=...)",
                expected="a positive integer or None",
                received=describe(batch_size),
                action=_INSTEAD_OF_TARGETS if where == "predict" else "Name arguments after `y`.",
            )
        )
    batch_size = optional_count(where, "batch_size", batch_size)
    if x is None:
        raise ValueError(
            explain(
                argument(where, "x"),
                expected="arrays, dicts or tuples of arrays, or an iterable of batches",
                received="None",
                action="Pass the inputs first.",
            )
        )
    if is_structure(x):
        parts = as_parts(x, y, sample_weight, class_weight, where)
        if needs_targets and y is None:
            raise ValueError(
                explain(
                    argument(where, "y"),
                    expected="the targets, one row per sample",
                    received="None",
                    action=_where_targets_go(x, where),
                )
            )
        rows = count_rows(where, **dict(zip(PARTS, parts, strict=True)))
        size = batch_size or (math.ceil(rows / steps) if steps else DEFAULT_BATCH_SIZE)
        return _array_feed(
            parts, rows, size, where, shuffle_seed, placement, passes=epochs, watched=watched
        )
    if not isinstance(x, Iterable) or isinstance(x, str | bytes | Mapping):
        raise TypeError(
            explain(
                f"{where}(x=...)",
                expected="arrays, dicts or tuples of arrays, or an iterable of batches",
                received=describe(x),
                action="Unrecognized data type: convert it to NumPy arrays or yield batches of it.",
            )
        )
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                explain(
                    f"{where}({name}=...)",
                    expected=f"no `{name}` when `x` is an iterable of batches",
                    received=describe(value),
                    action=f"When providing `x` as a {type(x).__name__}, let it yield "
                    "(x, y) or (x, y, sample_weight).",
                )
            )
    return _stream_feed(
        x,
        where,
        placement,
        steps=steps,
        epochs=epochs,
        class_weight=class_weight,
        needs_targets=needs_targets,
    )


def _where_targets_go(x: Any, where: str) -> str:
    """Returns what to do about targets that are missing."""
    if "(" in where:
        name = where.partition("(")[2].partition("=")[0]
        return f"Pass both: {name}=(x, y); the loss needs the targets."
    if isinstance(x, tuple | list) and len(x) == 2:
        return f"Pass inputs and targets apart: `{where}(x, y)`. A pair is two inputs."
    return f"Pass them after `x`: `{where}(x, y)`. The loss needs them."


def as_parts(
    x: Any, y: Any, sample_weight: Any, class_weight: Any, where: str
) -> tuple[PyTree, PyTree, PyTree]:
    """Converts arrays and turns class weights into sample weights.

    Raises:
        ValueError: Both kinds of weights are given, or the arrays do not go together.
    """
    weights = check_class_weight(where, class_weight)
    given = zip(PARTS, (x, y, sample_weight), strict=True)
    x, y, sample_weight = (to_arrays(part, argument(where, name)) for name, part in given)
    return x, y, weigh(where, y, sample_weight, weights)


def _array_feed(
    parts: PyTree,
    rows: int,
    batch_size: int,
    where: str,
    seed: int | None,
    placement: Placement,
    *,
    passes: int,
    watched: bool,
) -> Feed:
    _, y, sample_weight = parts
    targets = None
    if not _has_rows((y, sample_weight)):
        targets = Targets(argument(where, "y"), y, sample_weight)
    size = sum(leaf.size * canonical(leaf.dtype).itemsize for leaf in jax.tree.leaves(parts))
    if _has_rows(parts) or size > RESIDENT_SHARE * placement.memory:
        source = HostBatches(parts, rows, batch_size, seed, watched=watched)
        batches = math.ceil(rows / batch_size)
        return StreamFeed(
            source, where, placement=placement, batches_per_pass=batches, targets=targets
        )
    samples = Samples(parts, rows, batch_size, passes, placement, watched, targets)
    return OrderedFeed(samples) if seed is None else ShuffledFeed(samples, seed)


def _stream_feed(
    x: Iterable[Any],
    where: str,
    placement: Placement,
    *,
    steps: int | None,
    epochs: int,
    class_weight: Any,
    needs_targets: bool,
) -> Feed:
    length = count_batches(x)
    if length == 0:
        raise ValueError(
            explain(
                f"{where}(x=...)",
                expected="at least one batch",
                received=f"an empty {type(x).__name__}",
                action="Check how the data was loaded or split.",
            )
        )
    if steps is None and is_endless(x):
        raise ValueError(
            explain(
                argument(where, "x"),
                expected="data that end, or how many batches to take of them",
                received=f"a {type(x).__name__} that never ends",
                action="Pass `steps_per_epoch` to `fit`, `validation_steps` if it is data to "
                "validate on, and `steps` to other methods.",
            )
        )
    return StreamFeed(
        x,
        where,
        placement=placement,
        budget=steps * epochs if steps else None,
        batches_per_pass=length,
        class_weight=check_class_weight(where, class_weight),
        needs_targets=needs_targets,
    )


def _has_rows(parts: PyTree) -> bool:
    return any(isinstance(leaf, Rows) for leaf in jax.tree.leaves(parts))
