"""Batches of which every process reads its own share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from callbax._core._errors import explain
from callbax._data._placement import Placement
from callbax._data._stack import Stack
from callbax.distribution._agreement import Message, ProcessesDifferError


@dataclass(frozen=True)
class Share:
    """What the processes put together next.

    Attributes:
        count: How many batches.
        room: For how many there is room in the stack.
        sizes: Samples of each process in a batch.
        size: For how many there is room, in every process.
    """

    count: int
    room: int
    sizes: tuple[int, ...]
    size: int

    @property
    def uneven(self) -> tuple[int, ...]:
        """The sizes if some process has fewer samples than there is room for."""
        return () if set(self.sizes) == {self.size} else self.sizes


class Shares:
    """Agrees with the other processes on batches, so that all take as many, of one form.

    Args:
        placement: Where batches live; there are several processes.
        where: The public call, for errors.
    """

    def __init__(self, placement: Placement, where: str) -> None:
        if placement.agreement is None:
            raise ValueError("There is one process.")
        self._placement, self._where = placement, where
        self._agreement = placement.agreement.about(f"data of {where}, {placement.number()}")

    def first(self, size: int) -> int:
        """Returns the samples in the first batch of all processes.

        Args:
            size: Those of this one.
        """
        return sum(said["size"] for said in self._agreement.exchange({"size": size}))

    @contextmanager
    def agreeing(self) -> Iterator[Callable[[Stack | None], Share | None]]:
        """Gives what agrees on a stack; tells the others of an error that comes before it does."""
        agreed = False

        def agree(stack: Stack | None) -> Share | None:
            nonlocal agreed
            agreed = True
            return self._agree(stack)

        try:
            yield agree
        except BaseException as error:
            if not agreed:
                text = f"{type(error).__name__}: {error}"[:500]
                self._agreement.exchange({"error": text})
            raise

    def _agree(self, stack: Stack | None) -> Share | None:
        message: Message = {"count": 0}
        if stack is not None:
            room = 1 if len(stack) == 1 else stack.capacity
            message = {"count": len(stack), "room": room, "size": stack.size, "form": stack.form}
        heard = self._agreement.exchange(message)
        for number, said in enumerate(heard):
            if "error" in said:
                raise self._differ(
                    "data from every process", f"an error in process {number}: {said['error']}"
                )
        counts = [said["count"] for said in heard]
        if not any(counts):
            return None
        if not all(counts):
            ended = ", ".join(str(i) for i, count in enumerate(counts) if not count)
            raise self._differ(
                "as many batches from every process", f"data that ended in process {ended} alone"
            )
        if len({said["form"] for said in heard}) > 1:
            forms = "; ".join(f"{said['form']} in process {i}" for i, said in enumerate(heard))
            raise self._differ("batches of one form", forms)
        sizes = tuple(said["size"] for said in heard)
        count = min(counts)
        room = 1 if count == 1 else min(said["room"] for said in heard)
        return Share(count, room, sizes, self._placement.fitting(max(sizes)))

    def _differ(self, expected: str, received: str) -> ProcessesDifferError:
        return ProcessesDifferError(
            explain(
                f"{self._where}(x=...)",
                expected=expected,
                received=received,
                action="Give every process an equal share, as data loaders that shard do, or pass "
                "`steps_per_epoch`.",
            )
        )
