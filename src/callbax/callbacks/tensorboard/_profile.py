"""Which batches of a fit are traced by the profiler."""

from typing import Any

from callbax._core._arguments import is_whole
from callbax._core._errors import describe, explain
from callbax._core._warnings import warn
from callbax.callbacks._model_view import ModelView


class Profile:
    """Starts the model's profiler at a batch and stops it at that or a later one.

    Args:
        batches: Number of a batch, counted from 1; first and last of several, as a pair or as
            text: ``"10,20"``; 0 for none.
        owner: Class name of the callback, for messages.

    Raises:
        ValueError: `batches` is not one of these.

    Example:
        >>> bool(Profile("10,20", owner="TensorBoard")), bool(Profile(0, owner="TensorBoard"))
        (True, False)
    """

    def __init__(self, batches: object, *, owner: str) -> None:
        self._first, self._last = _parse(batches, owner)
        self._owner = owner
        self._model: Any = None

    def __bool__(self) -> bool:
        return self._first > 0

    def batch_begins(self, number: int, model: ModelView, directory: str) -> None:
        """Starts the profiler if it is time.

        Args:
            number: That of the batch, counted from 1.
            model: Has ``start_profile(directory)`` and ``stop_profile()``.
            directory: Where the trace goes.
        """
        if number != self._first:
            return
        try:
            model.start_profile(directory)
        except RuntimeError as error:  # Someone else is using it, say.
            warn(
                f"`{self._owner}(profile_batch=...)`: the profiler did not start ({error}). "
                "Training continues without it.",
                RuntimeWarning,
            )
        else:
            self._model = model

    def batch_ended(self, number: int) -> None:
        """Stops the profiler if it is time."""
        if number >= self._last:
            self.stop()

    def stop(self) -> None:
        """Stops the profiler if this started it."""
        model, self._model = self._model, None
        if model is not None:
            model.stop_profile()


def _parse(batches: object, owner: str) -> tuple[int, int]:
    """Returns the first and the last batch; zeros for none."""
    found = batches
    if isinstance(found, str) and all(part.strip().isdigit() for part in found.split(",")):
        found = [int(part) for part in found.split(",")]
        found = found[0] if len(found) == 1 else found
    pair = found if isinstance(found, tuple | list) else (found, found)
    legal = len(pair) == 2 and all(is_whole(n) for n in pair)
    if not legal or not (0 < pair[0] <= pair[1] or pair[0] == pair[1] == 0):
        raise ValueError(
            explain(
                f"{owner}(profile_batch={batches!r})",
                expected="the number of a batch, or of the first and the last batch",
                received=describe(batches),
                action="Batches are counted from 1; 0 is for no trace.",
            )
        )
    return int(pair[0]), int(pair[1])
