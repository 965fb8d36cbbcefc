"""Which callback is called at which hook, in the order of a run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from callbax._core._markup import fixed

_Line = tuple[int, str]
_LOOP: tuple[_Line, ...] = (
    (0, "on_train_begin"),
    (1, "for each epoch"),
    (1, "on_epoch_begin"),
    (2, "for each batch"),
    (2, "on_train_batch_begin"),
    (2, "on_train_batch_end"),
    (2, "if fit validates"),
    (2, "on_test_begin"),
    (3, "for each batch of validation"),
    (3, "on_test_batch_begin"),
    (3, "on_test_batch_end"),
    (2, "on_test_end"),
    (2, "on_validation_end"),
    (1, "on_epoch_end"),
    (0, "on_train_end"),
)
"""How deep -> a hook, or what is done again and again."""


@dataclass(frozen=True)
class TrainingLoop:
    """The hooks of ``fit`` that some callbacks override; printed, it is the loop.

    Attributes:
        hooks: Hook -> classes of the callbacks that are called, in order.
        alone: Those for whose sake every step is dispatched on its own.
    """

    hooks: dict[str, tuple[str, ...]]
    alone: tuple[str, ...]

    @classmethod
    def of(cls, names: Callable[[str], list[str]], alone: list[str]) -> "TrainingLoop":
        """Returns the loop.

        Args:
            names: Hook -> classes of the callbacks that are called.
            alone: Those for whose sake every step is dispatched on its own.
        """
        hooks = {text: tuple(names(text)) for _, text in _LOOP if text.startswith("on_")}
        return cls({hook: called for hook, called in hooks.items() if called}, tuple(alone))

    def __repr__(self) -> str:
        """Returns the loop as text: each hook that somebody overrides, and who is called."""
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        return fixed(repr(self))

    def _lines(self) -> Iterator[str]:
        shown = [(depth, text) for depth, text in _LOOP if self._is_shown(text)]
        width = max((2 * depth + len(text) for depth, text in shown), default=0)
        yield "fit"
        for depth, text in shown:
            margin = "  " * depth
            if called := self.hooks.get(text):
                yield f"{margin}- {text.ljust(width - 2 * depth)}  {', '.join(called)}"
            else:
                yield f"{margin}{text}"
        if self.alone:
            yield f"every step is dispatched on its own, for {', '.join(self.alone)}"

    def _is_shown(self, text: str) -> bool:
        """Returns whether a hook is called, or something is that a loop is around."""
        if text == "if fit validates":
            return any("test" in hook or "validation" in hook for hook in self.hooks)
        if text == "for each batch of validation":
            return any("test_batch" in hook for hook in self.hooks)
        return text in self.hooks or text.startswith("for")
