"""A callback made of functions."""

from collections.abc import Callable
from typing import Any

from callbax._core._errors import closest
from callbax.callbacks._callback import Callback
from callbax.callbacks._checks import HOOK_NAMES

_Function = Callable[..., Any]


class LambdaCallback(Callback):
    """Makes a callback of functions, for hooks too small to be worth a class.

    Epoch hooks are called as ``f(epoch, logs)``, batch hooks as ``f(batch, logs=logs)`` (so name
    that argument `logs`), the others as ``f(logs)``.

    Args:
        on_epoch_begin: Called before every epoch.
        on_epoch_end: Called after every epoch.
        on_train_begin: Called before training.
        on_train_end: Called after training.
        on_train_batch_begin: Called before every training batch.
        on_train_batch_end: Called after every training batch.
        **kwargs: Functions for any other hook of `Callback`, by its name; ``on_batch_begin`` and
            ``on_batch_end`` too.

    Raises:
        TypeError: A name that is not a hook.

    Differs from Keras: a misspelt hook is an error, not an attribute that nobody reads.

    Example:
        >>> callback = LambdaCallback(on_test_end=lambda logs: print("tested:", logs))
        >>> callback.on_test_end({"loss": 0.5})
        tested: {'loss': 0.5}
    """

    def __init__(
        self,
        on_epoch_begin: _Function | None = None,
        on_epoch_end: _Function | None = None,
        on_train_begin: _Function | None = None,
        on_train_end: _Function | None = None,
        on_train_batch_begin: _Function | None = None,
        on_train_batch_end: _Function | None = None,
        **kwargs: _Function | None,
    ) -> None:
        super().__init__()
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in functions.items():
            if name not in HOOK_NAMES:
                raise TypeError(
                    f"`LambdaCallback({name}=...)`: no hook has that name, so it would never be "
                    f"called.\n{closest(name, HOOK_NAMES)}"
                )
            if function is not None:
                # On the instance, so that it shadows the default without becoming a method.
                self.__dict__[name] = function
