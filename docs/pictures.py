"""Draws docs/history.png: the run of docs/pictures.md."""

import re
from pathlib import Path

import matplotlib

DOCS = Path(__file__).parent


def main() -> None:
    matplotlib.use("Agg")
    text = (DOCS / "pictures.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names = {}
    exec(found[1] if found else "", names)
    names["figure"].savefig(DOCS / "history.png", dpi=80)


if __name__ == "__main__":
    main()
