"""Checks of what users pass to fit, evaluate and predict."""

from collections.abc import Callable, Iterable
from typing import Any

from callbax._core._arguments import count, is_whole, share
from callbax._core._errors import describe, explain
from callbax._core._frequency import Frequency, FrequencyLike, parse
from callbax._core._types import Verbose


def check_verbose(where: str, verbose: Verbose) -> Any:
    """Returns a legal ``verbose``: "auto", a bool, or an integer of at least 0."""
    if verbose == "auto" or isinstance(verbose, bool) or (is_whole(verbose) and verbose >= 0):
        return verbose
    raise ValueError(
        explain(
            f"{where}(verbose={verbose!r})",
            expected="0 (silent), 1 (progress bar), 2 (a line per epoch), 3 (the numbers of epochs "
            'alone) or "auto"',
            received=describe(verbose),
            action='Leave it at "auto".',
        )
    )


def check_epochs(epochs: int, initial_epoch: int) -> tuple[int, int]:
    """Returns legal ``initial_epoch`` and ``epochs``: integers, not negative."""
    action = (
        "`epochs` is the number of the last epoch, `initial_epoch` that of the first, counted "
        "from 0."
    )
    first = count("fit", "initial_epoch", initial_epoch, least=0, action=action)
    return first, count("fit", "epochs", epochs, least=0, action=action)


def check_split(validation_split: float) -> float:
    """Returns a legal ``validation_split``: a share from 0 up to, but not, 1."""
    action = "Pass for example 0.2, or `validation_data`."
    return share("fit", "validation_split", validation_split, whole=False, action=action)


def validation_times(
    validation_freq: FrequencyLike | Iterable[int],
) -> tuple[Callable[[int], bool], Frequency]:
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
        if is_whole(number) and number > 0:
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
