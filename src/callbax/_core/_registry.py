"""Names for classes and functions, so that users may write ``"adam"`` and files may say it."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from callbax._core._errors import closest, describe
from callbax._core._naming import snake_case

REGISTRIES: dict[str, "Registry"] = {}
"""Kind -> its registry, for what reads names from files."""

_Entry = TypeVar("_Entry", bound=Callable[..., Any])


class Registry:
    """The vocabulary of one room: name -> class or function.

    Lookup ignores case. A class registers under its snake_case name and its own, plus any short
    names given.

    Args:
        kind: What is registered, as messages say it: ``"loss"``.
        alternatives: What else a user may pass instead of a name, as messages say it.

    Example:
        >>> shapes = Registry("shape", alternatives="a function of (x,)")
        >>> @shapes.register("sq")
        ... class LittleSquare: ...
        >>> shapes.lookup("little_square") is shapes.lookup("SQ") is LittleSquare
        True
    """

    def __init__(self, kind: str, *, alternatives: str) -> None:
        self.kind = kind
        self._alternatives = alternatives
        self._entries: dict[str, Callable[..., Any]] = {}
        REGISTRIES[kind] = self

    def register(self, *names: str) -> Callable[[_Entry], _Entry]:
        """Returns a decorator that registers a class or function under its own name and these."""

        def add(entry: _Entry) -> _Entry:
            for name in (entry.__name__, snake_case(entry.__name__), *names):
                self._entries[name.lower()] = entry
            return entry

        return add

    def lookup(self, name: str, *, where: str | None = None) -> Callable[..., Any]:
        """Returns what is registered under a name.

        Args:
            name: In any case.
            where: The public call to name in an error, without backticks.

        Raises:
            ValueError: Nothing has that name; the message lists the closest ones.
        """
        found = self._entries.get(name.lower())
        if found is None:
            raise ValueError(
                f"`{where or f'{self.kind}={name!r}'}`: no {self.kind} is registered under the "
                f'name "{name}".\n{closest(name, self._entries)} Pass a name, {self._alternatives}.'
            )
        return found

    def reject(self, value: object, *, where: str | None = None) -> TypeError:
        """Builds the error for a value that is neither a name nor anything else that is taken."""
        return TypeError(
            f"`{where or self.kind}`: expected the name of a {self.kind}, {self._alternatives}, "
            f"received {describe(value)}.\nRegistered names: {', '.join(sorted(self._entries))}."
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._entries
