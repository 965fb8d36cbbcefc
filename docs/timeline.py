"""Draws the pictures of timeline.md: what runs on the device, and what on the host, over time.

``python docs/timeline.py`` writes them beside the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
STEPS = 8
LEFT, TOP, ROW, HEIGHT = 90, 40, 56, 34
"""Where the first row begins, how far rows are apart, how high a box is; in pixels."""
SCALE = 8.0
"""Pixels for one unit of time."""
STEP, HOOK, START = 2.0, 5.0, 8.0
"""How long a step takes, a hook, and the start of a program on the device."""
DEVICE, HOST, AGAIN, LOST = "#4477aa", "#228833", "#ccbb44", "#bbbbbb"


@dataclass(frozen=True)
class Box:
    """A stretch of time: `row` 0 is the device, 1 the host."""

    row: int
    begin: float
    length: float
    colour: str
    text: str = ""


def dispatch(begin: float, first: int, count: int, colour: str = DEVICE) -> list[Box]:
    """Returns a start, and the steps that it runs."""
    steps = [
        Box(0, begin + START + number * STEP, STEP, colour, str(first + number))
        for number in range(count)
    ]
    return [Box(0, begin, START, "#dddddd", "start"), *steps]


def hooks(begin: float, batches: Iterable[int], colour: str = HOST) -> list[Box]:
    """Returns the hooks of batches, one after the other."""
    return [Box(1, begin + i * HOOK, HOOK, colour, str(b)) for i, b in enumerate(batches)]


def single_steps() -> list[Box]:
    """A program for each step: the usual loop."""
    both = START + STEP + HOOK
    return [
        box
        for n in range(STEPS)
        for box in (*dispatch(n * both, n, 1), *hooks(n * both + START + STEP, [n]))
    ]


def coarse() -> list[Box]:
    """One program for all steps, and one call of the hook for all of them."""
    return [*dispatch(0, 0, STEPS), Box(1, START + STEPS * STEP, HOOK, HOST, "7")]


def fused() -> list[Box]:
    """One program for eight steps, and all their hooks while the next one runs."""
    end = START + STEPS * STEP
    return [*dispatch(0, 0, STEPS), *hooks(end, range(STEPS)), *dispatch(end, STEPS, STEPS)]


def reading() -> list[Box]:
    """A hook reads the weights in the middle of an execution."""
    end = START + STEPS * STEP
    read = end + 3 * HOOK
    again = dispatch(read, 0, 4, AGAIN)
    late = read + START + 4 * STEP
    return [
        *dispatch(0, 0, STEPS),
        *hooks(end, range(3)),
        *again,
        Box(1, read, START + 4 * STEP + HOOK, "#66ccee", "3: reads the weights"),
        *hooks(late + HOOK, range(4, STEPS)),
    ]


def writing() -> list[Box]:
    """A hook changes the state in the middle of an execution."""
    end = START + STEPS * STEP
    wrote = end + 4 * HOOK
    kept = [
        Box(box.row, box.begin, box.length, LOST, box.text) if box.text in "4567" else box
        for box in dispatch(0, 0, STEPS)
    ]
    return [
        *kept,
        *hooks(end, range(3)),
        Box(1, end + 3 * HOOK, HOOK, "#ee6677", "3"),
        *dispatch(wrote, 4, STEPS),
        *hooks(wrote + START + STEPS * STEP, range(4, 7)),
    ]


PICTURES = {
    "timeline_fused": {
        "A loop of single steps: every start is paid for": single_steps(),
        "steps_per_execution=8 in Keras: the hook is called once": coarse(),
        "callbax: one start, all hooks, and the device is not kept waiting": fused(),
    },
    "timeline_read": {"Batch 3's hook reads the weights: four steps are taken again": reading()},
    "timeline_write": {"Batch 3's hook sets the rate: four steps are thrown away": writing()},
}


def svg(rows: dict[str, list[Box]]) -> str:
    """Returns a picture: a title, the device and the host for each entry."""
    ends = [box.begin + box.length for boxes in rows.values() for box in boxes]
    width = int(LEFT + max(ends) * SCALE + 20)
    block = TOP + 2 * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {block * len(rows) + 10}" '
        f'width="{width}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, (title, boxes) in enumerate(rows.items()):
        top = number * block
        parts.append(f'<text x="10" y="{top + 26}" font-weight="bold">{title}</text>')
        for row, name in enumerate(("device", "host")):
            y = top + TOP + row * ROW + HEIGHT / 2 + 5
            parts.append(f'<text x="10" y="{y:g}">{name}</text>')
        parts += [drawn(box, top + TOP) for box in boxes]
    return "\n".join([*parts, "</svg>", ""])


def drawn(box: Box, top: float) -> str:
    """Returns a box and what stands in it."""
    x, y = LEFT + box.begin * SCALE, top + box.row * ROW
    width = box.length * SCALE
    dark = box.colour in (DEVICE, HOST, "#ee6677")
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{HEIGHT}" fill="{box.colour}" '
        'stroke="#ffffff"/>'
        f'<text x="{x + width / 2:g}" y="{y + HEIGHT / 2 + 4:g}" text-anchor="middle" '
        f'font-size="11" fill="{"#ffffff" if dark else "#222222"}">{box.text}</text>'
    )


def write(folder: Path) -> None:
    """Writes every picture into a folder."""
    for name, rows in PICTURES.items():
        (folder / f"{name}.svg").write_text(svg(rows), encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
