"""Names for classes and functions, so that users may write ``"adam"`` and files may say it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from callbax._core._errors import closest, describe, explain
from callbax._core._misfits import explain_arguments
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

    def register(self, *names: str, as_snake_case: bool = True) -> Callable[[_Entry], _Entry]:
        """Returns a decorator that registers a class or function under its own name and these.

        Args:
            *names: Further names.
            as_snake_case: Whether a class has its name in snake_case too; not if a function has it.
        """

        def add(entry: _Entry) -> _Entry:
            if isinstance(entry, type):
                explain_arguments(entry)
            own = entry.__name__
            spellings = (own, snake_case(own)) if as_snake_case else (own,)
            for name in (*spellings, *names):
                held = self._entries.setdefault(name.lower(), entry)
                if held is not entry:
                    raise ValueError(
                        explain(
                            f"{self.kind} registry",
                            expected="one entry for each name",
                            received=f'a second one for "{name}"',
                            action="Give it another name.",
                        )
                    )
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

    def resolve(
        self, identifier: object, *, where: str | None = None
    ) -> tuple[Callable[..., Any], dict[str, Any]]:
        """Finds what a user meant, and makes nothing.

        Args:
            identifier: A name; a dict of ``class_name`` and ``config``; or a class, an instance or
                a function, which is what it is.
            where: The public call to name in an error, without backticks.

        Returns:
            What was found, and the config that came with it.

        Raises:
            ValueError: Nothing has that name.
            TypeError: The identifier is not one of these.
        """
        found, config = identifier, {}
        if isinstance(found, Mapping):
            config = dict(found.get("config") or {})
            found = found.get("class_name")
        if isinstance(found, str):
            found = self.lookup(found, where=where)
        if not callable(found):
            raise self.reject(identifier, where=where)
        return found, config

    def reject(self, value: object, *, where: str | None = None) -> TypeError:
        """Builds the error for a value that is neither a name nor anything else that is taken."""
        return TypeError(
            explain(
                where or self.kind,
                expected=f"the name of {_article(self.kind)} {self.kind}, {self._alternatives}",
                received=describe(value),
                action=f"Registered names: {', '.join(sorted(self._entries))}.",
            )
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._entries


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"
