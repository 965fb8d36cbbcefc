"""What the callbacks of a run cost: the time of every hook, and steps run for nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HookCost:
    """What one hook of one callback cost.

    Attributes:
        calls: How often it was called.
        seconds: The time that it took, waiting for the device included.
        worst: The longest call, in seconds.
    """

    calls: int
    seconds: float
    worst: float


@dataclass(frozen=True)
class CallbackCost:
    """What one callback cost.

    Attributes:
        hooks: Name of a hook -> its cost, for hooks that were called.
        replayed: Training steps that were run again because it read the state within an execution.
        discarded: Steps that had run ahead and were thrown away because it changed the state.
        single_steps: Whether it had every step dispatched on its own; see `Callback.execution`.
    """

    hooks: Mapping[str, HookCost]
    replayed: int
    discarded: int
    single_steps: bool

    @property
    def seconds(self) -> float:
        """The time of all its hooks."""
        return sum(cost.seconds for cost in self.hooks.values())

    def remarks(self) -> str:
        """Returns what it made the run do, in words; "" if nothing."""
        return ", ".join(_remarks(self))


@dataclass(slots=True)
class Clock:
    """Measures one hook of one callback."""

    calls: int = 0
    seconds: float = 0.0
    worst: float = 0.0

    def note(self, seconds: float) -> None:
        """Counts one call."""
        self.calls += 1
        self.seconds += seconds
        if seconds > self.worst:
            self.worst = seconds


@dataclass(slots=True)
class Account:
    """Counts what one callback costs, while it does."""

    clocks: dict[str, Clock] = field(default_factory=dict)
    replayed: int = 0
    discarded: int = 0
    single_steps: bool = False

    def clock(self, hook: str) -> Clock:
        """Returns what measures a hook."""
        return self.clocks.setdefault(hook, Clock())

    @property
    def seconds(self) -> float:
        """The time of all hooks so far."""
        return sum(clock.seconds for clock in self.clocks.values())


class CallbackCosts(Mapping[str, CallbackCost]):
    """A table of what each callback cost, by its name; printed, it is a table too.

    Of several callbacks of one class the second is ``"EarlyStopping_1"``. It keeps up with the run.

    Args:
        accounts: Name of a callback -> its account.
    """

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts

    def __getitem__(self, name: str) -> CallbackCost:
        account = self._accounts[name]
        hooks = {
            hook: HookCost(clock.calls, clock.seconds, clock.worst)
            for hook, clock in account.clocks.items()
            if clock.calls
        }
        return CallbackCost(hooks, account.replayed, account.discarded, account.single_steps)

    def __iter__(self) -> Iterator[str]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    def __repr__(self) -> str:
        rows = [("callback", "hook", "calls", "seconds", "worst", "")]
        for name, cost in self.items():
            remarks = cost.remarks()
            for hook, spent in cost.hooks.items() or (("", HookCost(0, 0.0, 0.0)),):
                times = f"{spent.seconds:.4f}", f"{spent.worst:.4f}"
                rows.append((name, hook, str(spent.calls), *times, remarks))
                name = remarks = ""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(_line(row, widths) for row in rows)


def _remarks(cost: CallbackCost) -> Iterator[str]:
    if cost.single_steps:
        yield "forces single steps"
    if cost.replayed:
        yield f"{cost.replayed} steps replayed"
    if cost.discarded:
        yield f"{cost.discarded} steps discarded"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    """Returns a row of the table: words to the left, numbers to the right."""
    cells = [
        cell.rjust(width) if 2 <= place <= 4 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
