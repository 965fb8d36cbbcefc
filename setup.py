"""Gives the package's page on an index README.md, with links that lead somewhere from there."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
LINK = re.compile(r"(?<=\]\()(?!\w+://|#)(?=[^)\s]+\))")
"""The place before a link that is relative to the repository."""


def described() -> str:
    """Returns README.md with absolute links."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    start = f"{project['urls']['Repository']}/blob/main/"
    return LINK.sub(start, (ROOT / "README.md").read_text(encoding="utf-8"))


if __name__ == "__main__":  # not if a test imports it
    setup(long_description=described(), long_description_content_type="text/markdown")
