"""The data's side of the timeline: which batch comes next, and what was drawn ahead of it."""

from collections import deque
from dataclasses import dataclass

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
    """

    seed: int | None
    pass_step: int | None
    pass_done: int
    passes: int = 0


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
        self.pass_: Pass | None = None
        self.offset = 0

    @property
    def front(self) -> Chunk:
        """The chunk that holds the next batch, once `find` has found it."""
        return self._chunks[0]

    def start_epoch(self, batches: int | None) -> None:
        """Says that an epoch begins, and how many batches it takes; None if the data say."""
        unread = sum(chunk.count for chunk in self._chunks) - self.offset
        self._feed.start_epoch(None if batches is None else max(0, batches - unread))

    def end_epoch(self) -> None:
        """Says that it has ended."""
        self._feed.end_epoch()

    def start_pass(self, step: int, cursor: int) -> None:
        """Starts reading from the beginning, at a step and a batch of the run."""
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
        if len(self._chunks) == 1 and self._error is None and self._feed.ready():
            try:
                chunk = self._feed.next_chunk()
            except Exception as error:  # due once the hooks of all batches before it were called
                self._error, chunk = error, None
            if chunk is not None:
                self._chunks.append(chunk)
        return self._chunks[1] if len(self._chunks) > 1 else None

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

    def skip_passes(self, passes: int) -> None:
        """Lets the next pass be the one that follows a number of them."""
        self._feed.skip_passes(passes - self._passes)
        self._passes = passes

    def close(self) -> None:
        """Gives back what was drawn and not used."""
        self._feed.release(list(self._chunks), self.offset)
        self._chunks.clear()
        self.offset = 0
