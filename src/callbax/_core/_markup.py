"""Tables and text for notebooks, as HTML."""

import html
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> str:
    """Returns a table: words to the left, all else to the right.

    Example:
        >>> table(("epoch", "loss"), [("1", "0.5")]).count("<td")
        2
    """
    caption = f"<div>{html.escape(title)}</div>" if title else ""
    heads = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return f"{caption}<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def fixed(text: str) -> str:
    """Returns text whose columns stay below each other."""
    return f'<pre style="white-space:pre">{html.escape(text)}</pre>'


def _cells(row: Sequence[str]) -> str:
    return "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
