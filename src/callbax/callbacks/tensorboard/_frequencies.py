"""How often TensorBoard is written to: checks of the settings that say so."""

from functools import partial
from typing import Any

from callbax._core._arguments import count, is_whole
from callbax._core._errors import describe, explain

histograms = partial(
    count,
    least=0,
    expected="a number of epochs, or 0 for no histograms",
    action="Pass 1 for histograms in every epoch.",
)
"""Checks ``histogram_freq``."""


def updates(owner: str, argument: str, value: Any) -> int | str:
    """Returns "epoch", "batch" or a number of batches.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(value, str) and value in ("epoch", "batch"):
        return value
    if is_whole(value) and value > 0:
        return int(value)
    raise ValueError(
        explain(
            f"{owner}({argument}={value!r})",
            expected='"epoch", "batch" or a positive number of batches',
            received=describe(value),
            action='Pass "epoch" for no logs of batches.',
        )
    )


def embeddings(owner: str, argument: str, value: Any) -> int:
    """Returns 0, as there are no embeddings.

    Raises:
        ValueError: It asks for embeddings.
    """
    if not value:
        return 0
    raise ValueError(
        explain(
            f"{owner}({argument}={value!r})",
            expected="0, as callbax writes no embeddings for TensorBoard's projector",
            received=describe(value),
            action="Leave it out, and write them in `on_epoch_end` of a callback of your own with "
            "`tensorboardX.SummaryWriter.add_embedding`.",
        )
    )
