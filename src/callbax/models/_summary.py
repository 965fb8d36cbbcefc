"""The table that ``model.summary()`` prints."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import jax
from rich import box
from rich.console import Console
from rich.table import Table

from callbax._core._markup import fixed, table
from callbax._core._types import PyTree
from callbax._modules._protocol import Functional, Part
from callbax._training._state import TrainState
from callbax.callbacks._terminal._console import print_message


def sizes_of(state: TrainState | None) -> dict[str, int]:
    """Returns how many numbers there are of each kind; of what is not built yet, none."""
    kinds = {"trainable": "params", "other": "stats", "optimizer": "optimizer"}
    return {
        name: sum(leaf.size for leaf in jax.tree.leaves(getattr(state, field, ())))
        for name, field in kinds.items()
    }


def layers_told(count: int) -> str:
    """Returns how many layers there are, in words; nothing for none."""
    return f"{count} layer{'s' * (count != 1)}, " if count else ""


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

    In a notebook it is plain text, as rich's escapes would be shown as they are.

    Args:
        name: The model's name.
        rows: The layers, and how many numbers the weights of each hold.
        trainable: Numbers that training changes.
        other: Numbers that it does not.
        optimizer: Numbers that the optimizer holds.
        line_length: Width in characters; by default the terminal's, at most 100.
        print_fn: Takes the whole text in place of ``print``.
    """
    console = Console(highlight=False)
    width = line_length or min(console.width, 100)
    in_notebook = console.is_jupyter
    if in_notebook:
        console = Console(highlight=False, force_jupyter=False, color_system=None)
    console.width = width
    with console.capture() as capture:
        console.print(_table(name, rows))
        for line in _totals(trainable=trainable, other=other, optimizer=optimizer):
            console.print(f" {line}", markup=False)
    if print_fn is not None:
        print_fn(capture.get())
    elif in_notebook:
        print_message(capture.get().removesuffix("\n"))
    else:
        Console().out(capture.get(), end="", highlight=False)


def summary_html(
    name: str,
    rows: Sequence[tuple[Part, int]],
    compiled: str,
    *,
    trainable: int,
    other: int,
    optimizer: int,
) -> str:
    """Returns the table as HTML, and how the model was compiled; see `summary_table`."""
    cells = [(_title(part), _shown(part.output), f"{size:,}") for part, size in rows]
    heads = ("Layer (type)", "Output Shape", "Param #")
    totals = _totals(trainable=trainable, other=other, optimizer=optimizer)
    return table(heads, cells, title=f'Model: "{name}"') + fixed("\n".join((*totals, compiled)))


def _table(name: str, rows: Sequence[tuple[Part, int]]) -> Table:
    drawn = Table(box=box.SQUARE, title=f'Model: "{name}"', title_justify="left", title_style="")
    drawn.add_column("Layer (type)")
    drawn.add_column("Output Shape")
    drawn.add_column("Param #", justify="right")
    for part, size in rows:
        drawn.add_row(_title(part), _shown(part.output), f"{size:,}")
    return drawn


def _title(part: Part) -> str:
    return f"{part.name} ({type(part.value).__name__})"


def _totals(*, trainable: int, other: int, optimizer: int) -> Iterator[str]:
    for label, count in (
        ("Total params", trainable + other + optimizer),
        ("Trainable params", trainable),
        ("Non-trainable params", other),
        ("Optimizer params", optimizer),
    ):
        if count or label != "Optimizer params":
            yield f"{label}: {count:,} ({_bytes(4 * count)})"


def rows_of(functional: Functional, parts: Sequence[Part]) -> list[tuple[Part, int]]:
    """Returns the parts of a module with their outputs, and how many numbers they hold.

    A module without parts that is built is one itself.

    Args:
        functional: The module.
        parts: Its parts, as the user is to see them.
    """
    outputs, inner = functional.outputs(), functional.parts()
    if not inner and functional.built:
        module, shapes = functional.module, functional.shapes()
        size = sum(array.size for array in functional.read().weights.values())
        return [(Part("module", module, None if shapes is None else shapes[1]), size)]
    return [
        (replace(part, output=outputs.get(part.name, part.output)), functional.size_of(own))
        for part, own in zip(parts, inner, strict=True)
    ]


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
