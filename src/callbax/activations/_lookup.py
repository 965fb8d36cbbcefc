"""Names of activation functions, and the way back from a function to its name."""

from collections.abc import Callable
from typing import Any

from callbax._core._errors import closest, describe, explain
from callbax._core._registry import Registry
from callbax._core._types import Array

Activation = Callable[..., Array]

ACTIVATIONS = Registry("activation", alternatives="a function of (x,), or None")


def get(identifier: str | Activation | None, *, where: str | None = None) -> Activation:
    """Turns what a user passed as ``activation`` into a function.

    Layers call it on their ``activation`` argument.

    Args:
        identifier: A name, a function of one array, or ``None``.
        where: The public call to name in an error, without backticks.

    Returns:
        The function; ``linear`` for ``None``.

    Raises:
        ValueError: No activation has that name.
        TypeError: The identifier is not one of these.

    Example:
        >>> get("swish").__name__, get(None).__name__
        ('silu', 'linear')

    Source: ``keras.activations.get``.
    """
    if identifier is None:
        return ACTIVATIONS.lookup("linear")
    found, _ = ACTIVATIONS.resolve(identifier, where=where)
    return found


def serialize(activation: Activation) -> str:
    """Returns the name under which a file may mention an activation.

    Layers call it to write their config; `get` turns the name back into the function.

    Args:
        activation: A function, as `get` returns it.

    Returns:
        Its name. A user's own function gives its ``__name__``: `get` knows it after
        ``ACTIVATIONS.register()`` only.

    Raises:
        ValueError: The function has no name, or a name that means a different function.

    Example:
        >>> serialize(get("swish"))
        'silu'

    Differs from Keras: a lambda is refused; Keras writes its bytecode into the file.

    Source: ``keras.activations.serialize``.
    """
    name: Any = getattr(activation, "__name__", None)
    where = "activations.serialize(activation)"
    if not isinstance(name, str) or name == "<lambda>":
        raise ValueError(
            explain(
                where,
                expected="a function with a name",
                received="a lambda" if name else describe(activation),
                action="Write the activation as a `def` at module level.",
            )
        )
    if name in ACTIVATIONS and ACTIVATIONS.lookup(name) is not activation:
        raise ValueError(
            explain(
                where,
                expected="a function whose name is its own",
                received=f'another function called "{name}"',
                action=f"Rename yours. {closest(name, ACTIVATIONS)}",
            )
        )
    return name
