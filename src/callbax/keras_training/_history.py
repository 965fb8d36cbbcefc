"""The history of a fit that callbax serves, for scripts that ask for Keras's class."""

from functools import cache
from typing import Any

from callbax._modules._keras_inside import loaded
from callbax.callbacks import History


def of_keras_too(history: History) -> History:
    """Returns a history as one of Keras's class too, which KerasTuner asks for."""
    history.__class__ = _both()
    return history


@cache
def _both() -> type[History]:
    """Makes the class: Keras is there only once somebody has imported it."""
    keras: Any = loaded()

    class ServedHistory(History, keras.callbacks.History):  # type: ignore[misc]
        """A `History` of callbax's, and one of Keras's."""

        def __reduce__(self) -> Any:
            return History, (), self.__getstate__()

    return ServedHistory
