"""Methods of Keras's trainer, exchanged for callbax's and given back."""

import functools
import inspect
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from callbax._core._errors import explain
from callbax._core._keras import import_keras
from callbax._core._misfits import misfit, names_of
from callbax._core._warnings import warn
from callbax._modules._keras_inside import loaded, trainer_class
from callbax._modules._own_training import StepError
from callbax.callbacks import History
from callbax.keras_training._history import of_keras_too
from callbax.keras_training._reasons import reason_to_leave
from callbax.models._former import FORMER_OF_FIT, FORMER_OF_RUNS
from callbax.models._keras_model import KerasModel

_CALLS = (
    "fit",
    "evaluate",
    "predict",
    "train_on_batch",
    "test_on_batch",
    "predict_on_batch",
)
_NEEDS_COMPILATION = frozenset(_CALLS) - {"predict", "predict_on_batch"}
_FACE = "_callbax_model"
_INNER = "_use_cached_eval_dataset"
"""An argument by which Keras's own ``fit`` calls ``evaluate``."""


@dataclass
class Served:
    """What was served by callbax, and what was left to Keras.

    Attributes:
        calls: Method -> how often callbax served it.
        left: Method and reason -> how often it was left to Keras.
    """

    calls: Counter[str] = field(default_factory=Counter)
    left: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __str__(self) -> str:
        def listed(counts: Counter[Any]) -> str:
            named = ((" (".join(key) + ")" if isinstance(key, tuple) else key) for key in counts)
            return ", ".join(
                f"{count} {name}" for name, count in zip(named, counts.values(), strict=True)
            )

        calls = Counter({call: self.calls[call] for call in _CALLS if self.calls[call]})
        text = f"served by callbax: {listed(calls) or 'nothing'}"
        return f"{text}; left to Keras: {listed(self.left)}" if self.left else text


class _Takeover:
    """The exchange of methods; there is one, as there is one Keras."""

    def __init__(self) -> None:
        self.served = Served()
        self._originals: dict[str, Callable[..., Any]] = {}
        self._told: set[str] = set()

    def begin(self) -> None:
        import_keras("callbax.keras_training")
        if self._originals:
            return
        trainer = trainer_class()
        for call in _CALLS:
            self._originals[call] = getattr(trainer, call)
            setattr(trainer, call, self._serving(call))

    def end(self) -> None:
        trainer = trainer_class()
        for call, original in self._originals.items():
            setattr(trainer, call, original)
        self._originals = {}

    def _serving(self, call: str) -> Callable[..., Any]:
        original = self._originals[call]
        signature = inspect.signature(original)
        beside = own_arguments(call) - signature.parameters.keys()

        @functools.wraps(original)
        def method(model: Any, *args: Any, **kwargs: Any) -> Any:
            uncompiled = call in _NEEDS_COMPILATION and not model.compiled
            if _INNER in kwargs or uncompiled:  # Keras's own call, or its own error
                return original(model, *args, **kwargs)
            ours = beside & kwargs.keys()
            theirs = {name: value for name, value in kwargs.items() if name not in ours}
            try:
                arguments = signature.bind_partial(model, *args, **theirs).arguments
            except TypeError:
                former = FORMER_OF_FIT if call == "fit" else FORMER_OF_RUNS
                given = (model, *args)
                names = [*names_of(signature), *sorted(beside)]
                raise misfit(call, original, names, given, theirs, former) from None
            reason = reason_to_leave(model, call, arguments)
            if reason is not None:
                self._leave(call, reason, ours)
                return original(model, *args, **kwargs)
            try:
                result = getattr(face_of(model), call)(*args, **kwargs)
            except StepError as error:
                if isinstance(arguments.get("x"), Iterator):
                    raise  # its first batch is drawn
                self._leave(call, str(error).splitlines()[0], ours)
                return original(model, *args, **kwargs)
            self.served.calls[call] += 1
            return of_keras_too(result) if isinstance(result, History) else result

        return method

    def _leave(self, call: str, reason: str, ours: Collection[str]) -> None:
        """Notes that Keras does what is asked for, and why.

        Raises:
            ValueError: It cannot, as there are arguments that callbax alone takes.
        """
        if ours:
            raise ValueError(
                explain(
                    f"{call}({', '.join(f'{name}=...' for name in sorted(ours))})",
                    expected="a run that callbax serves",
                    received=f"one that has to be left to Keras: {reason}",
                    action="Change that, or leave the argument out: Keras does not know it.",
                )
            )
        self.served.left[call, reason] += 1
        if reason not in self._told:
            self._told.add(reason)
            warn(f"callbax leaves `{call}` to Keras: {reason}.")


def own_arguments(call: str) -> frozenset[str]:
    """Returns the arguments of a method that callbax has beside Keras's: `resume` of `fit`."""
    parameters = inspect.signature(getattr(KerasModel, call)).parameters.values()
    return frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)


def face_of(model: object) -> KerasModel:
    """Returns a Keras model under callbax, the same object at every call."""
    held = vars(model)
    if _FACE not in held:
        held[_FACE] = KerasModel(model, replaced=True)
    face: KerasModel = held[_FACE]
    return face


_takeover = _Takeover()


def take_over() -> None:
    """Lets callbax serve `fit`, `evaluate` and `predict` of all Keras models from now on.

    Raises:
        ImportError: Keras is not installed.
    """
    _takeover.begin()


def give_back() -> None:
    """Gives these methods back to Keras."""
    if loaded() is not None:
        _takeover.end()


def served() -> Served:
    """Returns what was served so far, and what was left to Keras."""
    return _takeover.served
