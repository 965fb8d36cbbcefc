"""Checks of what users pass to fit, evaluate and predict."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from callbax._core._errors import describe, explain


def check_verbose(where: str, verbose: Any) -> Any:
    """Returns a legal ``verbose``: 0, 1, 2, True, False or "auto"."""
    if verbose in (0, 1, 2, "auto"):
        return verbose
    raise ValueError(
        explain(
            f"{where}(verbose={verbose!r})",
            expected='0 (silent), 1 (progress bar), 2 (a line per epoch) or "auto"',
            received=describe(verbose),
            action='Leave it at "auto".',
        )
    )


def check_epochs(epochs: Any, initial_epoch: Any) -> tuple[int, int]:
    """Returns legal ``initial_epoch`` and ``epochs``: integers, not negative."""
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
            raise ValueError(
                explain(
                    f"fit({name}={value!r})",
                    expected="an integer, 0 or more",
                    received=describe(value),
                    action="`epochs` is the number of the last epoch, `initial_epoch` that of the "
                    "first, counted from 0.",
                )
            )
    return int(initial_epoch), int(epochs)


def check_split(validation_split: Any) -> float:
    """Returns a legal ``validation_split``: a share from 0 up to, but not, 1."""
    legal = isinstance(validation_split, int | float) and 0 <= validation_split < 1
    if not legal or isinstance(validation_split, bool):
        raise ValueError(
            explain(
                f"fit(validation_split={validation_split!r})",
                expected="a share of the samples in [0, 1)",
                received=describe(validation_split),
                action="Pass for example 0.2, or `validation_data`.",
            )
        )
    return float(validation_split)


def due_epochs(validation_freq: Any) -> Any:
    """Returns a function that says whether an epoch, counted from 0, is validated."""
    if isinstance(validation_freq, int | np.integer) and not isinstance(validation_freq, bool):
        if validation_freq > 0:
            return lambda epoch: (epoch + 1) % validation_freq == 0
    elif isinstance(validation_freq, Iterable) and not isinstance(validation_freq, str):
        numbers = set(validation_freq)
        return lambda epoch: epoch + 1 in numbers
    raise ValueError(
        explain(
            f"fit(validation_freq={validation_freq!r})",
            expected="a positive integer, or the numbers of the epochs to validate, counted from 1",
            received=describe(validation_freq),
            action="Pass 1 to validate every epoch.",
        )
    )


def unpack_validation(validation_data: Any) -> tuple[Any, Any, Any]:
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
