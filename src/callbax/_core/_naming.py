"""Default names of objects."""

import re
from collections import Counter

_uses: Counter[str] = Counter()


def snake_case(name: str) -> str:
    """Turns a class name into Keras's spelling of it.

    Example:
        >>> snake_case("MeanSquaredError"), snake_case("Dense"), snake_case("Conv2D")
        ('mean_squared_error', 'dense', 'conv2d')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """Returns a name that no object of this process was given yet: dense, dense_1, dense_2...

    Args:
        prefix: A class name, in any spelling.
    """
    name = snake_case(prefix)
    used = _uses[name]
    _uses[name] += 1
    return f"{name}_{used}" if used else name


def clear_names() -> None:
    """Lets automatic names start again from their first (``utils.clear_session``)."""
    _uses.clear()
