"""How often TensorBoard is written to: checks of the settings that say so."""

from functools import partial
from typing import Any

from callbax._core._arguments import count
from callbax._core._errors import describe, explain

histograms = partial(
    count,
    least=0,
    expected="a number of epochs, or 0 for no histograms",
    action="Pass 1 for histograms in every epoch.",
)
"""Checks ``histogram_freq``."""


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
            "`torch.utils.tensorboard.SummaryWriter.add_embedding`.",
        )
    )
