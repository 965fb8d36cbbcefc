"""What the data sets of texts share: word numbers that are shifted, cut and left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._arguments import count, optional_count
from callbax._core._errors import explain

Texts = list[list[int]]


@dataclass(frozen=True)
class WordChoice:
    """Which word numbers a text keeps.

    Attributes:
        where: The public call, without its arguments.
        num_words: Numbers from here on are left out; None for the largest that there is.
        skip_top: Numbers below this are left out.
        maxlen: Texts of this length and more are left out; None for none.
        start_char: Put before each text; None for nothing.
        oov_char: Put in place of what is left out; None for nothing.
        index_from: Added to every number.
    """

    where: str
    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int

    def __post_init__(self) -> None:
        optional_count(self.where, "num_words", self.num_words, least=0)
        count(self.where, "skip_top", self.skip_top, least=0)
        optional_count(self.where, "maxlen", self.maxlen, least=0)

    def marked(self, texts: Iterable[Sequence[int]]) -> Texts:
        """Returns texts with their numbers shifted and the start put before them."""
        start = [] if self.start_char is None else [self.start_char]
        return [start + [int(word) + self.index_from for word in text] for text in texts]

    def short(self, texts: Texts, labels: NDArray[Any]) -> tuple[Texts, NDArray[Any]]:
        """Returns the texts that are short enough, and their labels.

        Raises:
            ValueError: None is.
        """
        if not self.maxlen:
            return texts, labels
        kept = [i for i, text in enumerate(texts) if len(text) < self.maxlen]
        if not kept:
            raise ValueError(
                explain(
                    f"{self.where}(maxlen={self.maxlen})",
                    expected="a length that some texts do not reach",
                    received=f"texts of {min(map(len, texts), default=0)} words and more",
                    action="Increase `maxlen`.",
                )
            )
        return [texts[i] for i in kept], labels[kept]

    def known(self, texts: Texts) -> NDArray[np.object_]:
        """Returns texts, as lists in an array, without the words that are not to be known."""
        most = self.num_words or max(max(text, default=0) for text in texts)
        chosen = np.empty(len(texts), object)
        for i, text in enumerate(texts):
            if self.oov_char is None:
                chosen[i] = [word for word in text if self.skip_top <= word < most]
            else:
                chosen[i] = [w if self.skip_top <= w < most else self.oov_char for w in text]
        return chosen
