"""Checks of what users pass to fit, evaluate and predict."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._frequency import Frequency, parse


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


def validation_times(validation_freq: Any) -> tuple[Callable[[int], bool], Frequency]:
    """Returns when to validate: at which ends of epochs, counted from 0, and after which batches.

    One of the two is never.
    """
    at_no_batch = Frequency("epoch", owner="fit")
    number, unit = validation_freq, "epoch"
    if isinstance(validation_freq, str) and (found := parse(validation_freq)):
        number, unit = int(found[0]), found[1]
    if unit == "batch":
        return lambda epoch: False, Frequency(number, owner="fit")
    if unit == "epoch":
        if isinstance(number, int | np.integer) and not isinstance(number, bool) and number > 0:
            return lambda epoch: (epoch + 1) % number == 0, at_no_batch
        if isinstance(number, Iterable) and not isinstance(number, str):
            numbers = set(number)
            return lambda epoch: epoch + 1 in numbers, at_no_batch
    raise ValueError(
        explain(
            f"fit(validation_freq={validation_freq!r})",
            expected="a positive integer, the numbers of the epochs to validate, counted from 1, "
            'or a number of batches or epochs as in "500 batches"',
            received=describe(validation_freq),
            action="Pass 1 to validate every epoch. Times are not taken: no run could be repeated.",
        )
    )
