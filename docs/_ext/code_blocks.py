"""Runs the Python blocks of every page, one after the other; a block that fails fails the build.

Notebooks are run by myst-nb. Each page has a process of its own, and so starts as a reader does.
"""

import hashlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 240


def source_of(page: Path) -> str:
    """Returns a page's Python blocks, each on the lines where the page has it."""
    source, lines = "", 0
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text[: found.start(1)].count("\n")
        source += "\n" * (line - lines) + found[1]
        lines = line + found[1].count("\n")
    return source


def run_pages(app: Sphinx, _env: object) -> None:
    """Runs what has not run as it stands now; what two languages share runs once."""
    first: dict[str, Path] = {}
    for docname in sorted(app.env.found_docs):
        page = Path(app.env.doc2path(docname))
        if page.suffix == ".md" and (source := source_of(page)) and not _mark(app, source).exists():
            first.setdefault("".join(source.split("\n")), page)
    with ThreadPoolExecutor(2) as pool:
        for page, done in zip(first.values(), pool.map(_run, first.values()), strict=True):
            if done.returncode:
                last = "\n".join(done.stderr.strip().splitlines()[-12:])
                LOGGER.warning("a code block failed:\n%s", last, location=page.stem)
            else:
                mark = _mark(app, source_of(page))
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.touch()


def _mark(app: Sphinx, source: str) -> Path:
    """Returns the file that is there if a source has run, wherever its blocks stand."""
    code = "".join(source.split("\n")) + app.config.code_digest
    return Path(app.doctreedir) / "blocks" / hashlib.sha256(code.encode()).hexdigest()


def _run(page: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import code_blocks;"
        "page = Path(sys.argv[2]);"
        "exec(compile(code_blocks.source_of(page), str(page), 'exec'), {'__name__': 'page'})"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(page)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        cwd=page.parent,
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Lets Sphinx call this, after the pages were read; all are read again if the code differs."""
    app.add_config_value("code_digest", "", "env")
    app.connect("env-updated", run_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
