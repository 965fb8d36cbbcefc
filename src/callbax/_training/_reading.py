"""The data's side of the timeline: which batch comes next, and what was drawn ahead of it."""

from collections import deque
from dataclasses import dataclass

from callbax._core._errors import explain
from callbax._data._feed import Feed
from callbax._data._select import Chunk


@dataclass(frozen=True)
class Place:
    """A place in the data, as a run records it.

    Attributes:
        seed: Seed of the order in which arrays are read; None if nothing is shuffled.
        pass_step: Training steps taken when the current pass began; None before the first.
        pass_done: Batches of that pass that are done.
        passes: Passes that were over before it.
        digests: Checksums of what the source gave: in the pass before, and in this one so far; 0
            for nothing, or if it is not known.
    """

    seed: int | None
    pass_step: int | None
    pass_done: int
    passes: int = 0
    digests: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Pass:
    """A reading of the data.

    Attributes:
        step: Training steps taken when it began.
        begins: The batch of the run at which it began.
        number: Which one it is, counted from 0.
    """

    step: int
    begins: int
    number: int = 0


class Reading:
    """Reads a feed chunk by chunk; no batch is drawn twice, and none that was drawn is lost.

    Args:
        feed: Where the batches come from.

    Attributes:
        pass_: The pass that is under way, if any.
        offset: Batches of the front chunk that are used.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._chunks: deque[Chunk] = deque()
        self._error: Exception | None = None
        self._passes = 0
        # Checksums of the pass before, and of this one up to the front chunk.
        self._digests = (0, 0)
        self.pass_: Pass | None = None
        self.offset = 0

    @property
    def front(self) -> Chunk:
        """The chunk that holds the next batch, once `find` has found it."""
        return self._chunks[0]

    @property
    def digests(self) -> tuple[int, int]:
        """Checksums of what the source gave in the pass before, and in this one so far."""
        before, now = self._digests
        if self._chunks and self.offset and self._chunks[0].digests:
            now = self._chunks[0].digests[self.offset - 1]
        return before, now

    def start_epoch(self, batches: int | None) -> None:
        """Says that an epoch begins, and how many batches it takes; None if the data say."""
        unread = sum(chunk.count for chunk in self._chunks) - self.offset
        self._feed.start_epoch(None if batches is None else max(0, batches - unread))

    def end_epoch(self) -> None:
        """Says that it has ended."""
        self._feed.end_epoch()

    def start_pass(self, step: int, cursor: int) -> None:
        """Starts reading from the beginning, at a step and a batch of the run."""
        self._digests = self.digests[1] or self._digests[0], 0
        self._feed.start_pass(step)
        self.pass_ = Pass(step, cursor, self._passes)
        self._passes += 1

    def prepare_next_pass(self) -> None:
        """Lets the feed do what the pass after this one needs, while there is time."""
        if self.pass_ is not None and self._feed.batches_per_pass is not None:
            self._feed.prepare_pass(self.pass_.step + self._feed.batches_per_pass)

    def find(self) -> bool:
        """Brings the chunk with the next batch to the front; False at the end of the pass."""
        while self._chunks and self.offset == self._chunks[0].count:
            self._digests = self.digests
            self._chunks.popleft()
            self.offset = 0
        if not self._chunks:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            chunk = self._feed.next_chunk()
            if chunk is None:
                return False
            self._chunks.append(chunk)
        return True

    def after_front(self) -> Chunk | None:
        """Returns the chunk after the front one, unless there is none or it must be waited for."""
        return self.after(self.front)

    def after(self, chunk: Chunk) -> Chunk | None:
        """Returns the chunk after another one, likewise; the first after one that is used up."""
        place = next((i + 1 for i, other in enumerate(self._chunks) if other is chunk), 0)
        if len(self._chunks) == place and self._error is None and self._feed.ready():
            try:
                found = self._feed.next_chunk()
            except Exception as error:  # due once the hooks of all batches before it were called
                self._error, found = error, None
            if found is not None:
                self._chunks.append(found)
        return self._chunks[place] if len(self._chunks) > place else None

    def move_to(self, here: Pass, cursor: int, seed: int | None) -> None:
        """Goes to the place of a recorded run: ``cursor - here.begins`` batches into a pass.

        Args:
            here: The pass, by the batch at which it would have begun in this run.
            cursor: The batch at which this run stands.
            seed: Seed of the order of arrays in the recorded run; None if nothing was shuffled.
        """
        if seed is not None:
            self._feed.reseed(seed)
        if self.pass_ == here:
            return
        self._chunks.clear()
        self.offset = 0
        self.skip_passes(here.number)
        self.start_pass(here.step, here.begins)
        done = cursor - here.begins
        while done and self.find():
            skipped = min(done, self.front.count - self.offset)
            self.offset += skipped
            done -= skipped

    def place(self, cursor: int, seed: int | None) -> Place:
        """Returns the place in the data, for a record of the run.

        Args:
            cursor: The batch at which the run stands.
            seed: Seed of the order in which arrays are read.
        """
        if self.pass_ is None:
            return Place(seed, None, 0)
        here = self.pass_
        return Place(seed, here.step, cursor - here.begins, here.number, self.digests)

    def return_to(self, place: Place, cursor: int) -> None:
        """Goes to a recorded place.

        Args:
            place: What `place` returned in a run over equal data.
            cursor: The batch at which this run stands.

        Raises:
            ValueError: The source does not give what it gave in that run.
        """
        if place.pass_step is not None:
            here = Pass(place.pass_step, cursor - place.pass_done, place.passes)
            self.move_to(here, cursor, place.seed)
        else:
            self.skip_passes(place.passes)
        for recorded, given in zip(place.digests, self.digests, strict=True):
            if recorded and given and recorded != given:
                raise ValueError(
                    explain(
                        "fit(x=...)",
                        expected="a source that gives again what it gave in the recorded run",
                        received=f"other batches, read {place.passes + 1} times up to batch "
                        f"{place.pass_done}",
                        action="Let it shuffle by a generator that is seeded when it is made, or "
                        "start in another directory. Nothing was changed.",
                    )
                )

    def skip_passes(self, passes: int) -> None:
        """Lets the next pass be the one that follows a number of them."""
        self._digests = self._feed.skip_passes(passes - self._passes), 0
        self._passes = passes

    def close(self, error: BaseException | None = None) -> None:
        """Gives back what was drawn and not used.

        Args:
            error: What ended the reading, if it did not end normally.
        """
        self._feed.release(list(self._chunks), self.offset, error=error)
        self._chunks.clear()
        self.offset = 0
