"""Korean pages say that they are, and search finds their words without endings: 콜백 finds 콜백을.

Sphinx's index knows whole words, and its page looks for parts only of words of three letters and
more. Korean words end in particles, so the beginnings of each are put into the index as well.
"""

import re

from sphinx.application import Sphinx
from sphinx.search import languages
from sphinx.search.en import SearchEnglish

HANGUL = re.compile("[\uac00-\ud7a3]{2,}")
LONGEST = 8


class EnglishAndKorean(SearchEnglish):
    """English as Sphinx has it; of a Korean word, its beginnings of two syllables and more."""

    def split(self, input: str) -> list[str]:
        """Returns the words of a text."""
        words = super().split(input)
        for found in HANGUL.findall(input):
            words += [found[:end] for end in range(2, min(len(found), LONGEST) + 1)]
        return words


def tell_language(
    app: Sphinx, pagename: str, template: str, context: dict[str, object], doctree: object
) -> None:
    """Lets browsers and their readers know the language of a page."""
    if pagename.endswith(".ko"):
        context["language"] = "ko"


def setup(app: Sphinx) -> dict[str, bool]:
    """Takes the place of English."""
    languages["en"] = EnglishAndKorean
    app.connect("html-page-context", tell_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
