"""The table that ``model.summary()`` prints."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from rich import box
from rich.console import Console
from rich.table import Table

from callbax._core._types import PyTree
from callbax._modules._protocol import Part


def summary_table(
    name: str,
    rows: Sequence[tuple[Part, int]],
    *,
    trainable: int,
    other: int,
    optimizer: int,
    line_length: int | None,
    print_fn: Callable[[str], Any] | None,
) -> None:
    """Prints a model's layers with their output shapes and numbers of parameters.

    Args:
        name: The model's name.
        rows: The layers, and how many numbers the weights of each hold.
        trainable: Numbers that training changes.
        other: Numbers that it does not.
        optimizer: Numbers that the optimizer holds.
        line_length: Width in characters; by default the terminal's, at most 100.
        print_fn: Takes the whole text in place of ``print``.
    """
    table = Table(box=box.SQUARE, title=f'Model: "{name}"', title_justify="left", title_style="")
    table.add_column("Layer (type)")
    table.add_column("Output Shape")
    table.add_column("Param #", justify="right")
    for part, size in rows:
        title = f"{part.name} ({type(part.value).__name__})"
        table.add_row(title, _shown(part.output), f"{size:,}")
    console = Console(highlight=False)
    console.width = line_length or min(console.width, 100)
    with console.capture() as capture:
        console.print(table)
        for label, count in (
            ("Total params", trainable + other + optimizer),
            ("Trainable params", trainable),
            ("Non-trainable params", other),
            ("Optimizer params", optimizer),
        ):
            if count or label != "Optimizer params":
                console.print(f" {label}: {count:,} ({_bytes(4 * count)})", markup=False)
    if print_fn is not None:
        print_fn(capture.get())
    else:
        Console().out(capture.get(), end="", highlight=False)


def _shown(shapes: PyTree) -> str:
    if shapes is None:
        return "?"
    leaves = jax.tree.leaves(shapes)
    shown = [str((None, *leaf.shape[1:])) for leaf in leaves]
    return shown[0] if len(shown) == 1 else ", ".join(shown)


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GB"
