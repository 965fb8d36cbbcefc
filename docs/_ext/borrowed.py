"""Takes pages of the repository outside `docs/` into the site: they are written for both."""

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
PAGES = {"benchmarks.md": "benchmarks/README.md", "changelog.md": "CHANGELOG.md"}
"""Page of the site -> page of the repository."""
RELATIVE = re.compile(r"(?<=\]\()(?!\w+://|#)(?=[^)\s]+\))")


def write_pages(app: Sphinx) -> None:
    """Copies the pages, with links that lead to where they led before."""
    for name, source in PAGES.items():
        folder = "../" + source.rpartition("/")[0]
        start = folder if folder == "../" else f"{folder}/"
        text = RELATIVE.sub(start, (ROOT / source).read_text(encoding="utf-8"))
        page = Path(app.srcdir) / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Lets Sphinx call this before it looks for pages."""
    app.connect("builder-inited", write_pages, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
