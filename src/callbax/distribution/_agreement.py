"""What the processes of a cluster agree on, in small messages on the host."""

import itertools
import json
import time
from typing import Any

import jax

from callbax._core._errors import explain
from callbax.distribution._coordination import Coordination, JaxCoordination

Message = dict[str, Any]
"""What one process says: plain values by name."""
PATIENCE_SECONDS = 600.0
"""How long a process waits for the others; a hook of one of them may take its time."""


class ProcessesDifferError(RuntimeError):
    """The processes of one run do not do the same; raised in every one of them."""


class Agreement:
    """Exchanges messages, one of each process at a time.

    Every process leaves its message for the first one, which puts all together for the others: as
    many writes and reads as there are processes, and all hear the same of who is missing.

    Invariant: the n-th exchange of every process is the n-th of all others. Once the first process
    has all messages of one exchange, all have read what it put together in the one before.

    Args:
        coordination: Where messages are left.
        topic: What they are about; agreements of different topics do not meet.
        patience: Seconds to wait for the others.

    Attributes:
        patience: What was given.
        seconds: How long the quickest exchange took so far; None before the first.
    """

    def __init__(
        self, coordination: Coordination, topic: str, *, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._coordination, self._topic, self.patience = coordination, topic, patience
        self._count = 0
        self.seconds: float | None = None

    @property
    def process(self) -> int:
        """The number of this process."""
        return self._coordination.process

    @property
    def processes(self) -> int:
        """How many there are."""
        return self._coordination.processes

    def about(self, topic: str) -> "Agreement":
        """Returns another one, whose messages do not meet these."""
        topic = f"{self._topic}/{topic}"
        return Agreement(self._coordination, topic, patience=self.patience)

    def exchange(self, message: Message) -> list[Message]:
        """Says something, and returns what all have said, by process.

        Args:
            message: Plain values.

        Raises:
            ProcessesDifferError: Some said nothing in time.
        """
        began = time.perf_counter()
        number, self._count = self._count, self._count + 1
        if self.process == 0:
            heard = self._gathered(number, message)
        else:
            self._coordination.put(self._key(number, self.process), json.dumps(message))
            heard = self._awaited(number)
        if missing := [process for process, said in enumerate(heard) if said is None]:
            raise ProcessesDifferError(
                explain(
                    f"{self._topic}: process {self.process} of {self.processes}",
                    expected=f"a word from every process within {self.patience:g} s",
                    received=f"none from {', '.join(f'process {p}' for p in missing)}",
                    action="See what they do: a hook that hangs, an error of its own, a script "
                    "that does something else there. `DataParallel(patience=...)` waits longer.",
                )
            )
        seconds = time.perf_counter() - began
        self.seconds = seconds if self.seconds is None else min(seconds, self.seconds)
        return [said for said in heard if said is not None]

    def need_same(self, what: str, facts: dict[str, str]) -> None:
        """Compares facts of all processes.

        Args:
            what: What they are about, for the error.
            facts: Name -> value.

        Raises:
            ProcessesDifferError: They differ; it is raised in all processes.
        """
        heard = self.exchange({"kind": what, "facts": facts})
        kinds = [message["kind"] for message in heard]
        if len(set(kinds)) > 1:
            raise differing(self, heard)
        names = sorted({name for message in heard for name in message["facts"]})
        different = []
        for name in names:
            values = [message["facts"].get(name, "nothing") for message in heard]
            if len(set(values)) > 1:
                pairs = (f"{value} in process {i}" for i, value in enumerate(values))
                different.append(f"{name}: {', '.join(pairs)}")
        if different:
            raise ProcessesDifferError(
                explain(
                    what,
                    expected="the same in all processes",
                    received="; ".join(different),
                    action="Run the same script everywhere, with the same arrays and seeds "
                    "(`utils.set_random_seed`); an iterable may give each process its own share.",
                )
            )

    def _gathered(self, number: int, message: Message) -> list[Message | None]:
        """Waits for what all say, as the first process, and gives all of it to the others."""
        heard: list[Message | None] = [message]
        until = time.monotonic() + self.patience
        for process in range(1, self.processes):
            key = self._key(number, process)
            try:
                heard.append(json.loads(self._coordination.get(key, until - time.monotonic())))
                self._coordination.remove(key)
            except TimeoutError:
                heard.append(None)
        self._coordination.put(self._key(number, 0), json.dumps(heard))
        if number:
            self._coordination.remove(self._key(number - 1, 0))
        return heard

    def _awaited(self, number: int) -> list[Message | None]:
        """Waits for what the first process has put together."""
        patience = 1.5 * self.patience + 1  # it may have waited for another one
        try:
            text = self._coordination.get(self._key(number, 0), patience)
        except TimeoutError:
            return [None, *[{}] * (self.processes - 1)]
        heard: list[Message | None] = json.loads(text)
        return heard

    def _key(self, number: int, process: int) -> str:
        return f"callbax/{self._topic}/{number}/{process}"


_MODELS = itertools.count()
"""Numbers of models: equal scripts make them in the same order in every process."""


def agreement_of(patience: float = PATIENCE_SECONDS) -> Agreement | None:
    """Returns what the processes agree on one model by; None if there is only one process."""
    if not jax.distributed.is_initialized() or jax.process_count() == 1:
        return None
    return Agreement(JaxCoordination(), f"model {next(_MODELS)}", patience=patience)


def differing(agreement: Agreement, heard: list[Message]) -> ProcessesDifferError:
    """Returns the error for processes that are at different places."""
    places = (
        f"process {i}: {message['kind']} at batch {message.get('at', '-')}"
        for i, message in enumerate(heard)
    )
    return ProcessesDifferError(
        explain(
            "fit with several processes",
            expected="all of them at the same place",
            received="; ".join(places),
            action="Read and set the model's state in every process, at the same batch; print "
            "and write files in one (`model.is_lead`).",
        )
    )
