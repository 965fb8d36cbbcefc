"""What loggers of other packages share: the package, what a row holds, how often, and what ran."""

import importlib
from typing import Any

from callbax._core._arguments import is_whole
from callbax._core._errors import describe, explain
from callbax._core._hooks import Logs
from callbax.callbacks._model_view import ModelView
from callbax.callbacks._number import as_number


def package(name: str, *, owner: str) -> Any:
    """Returns a package, which is an extra of that name too.

    Raises:
        ImportError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            explain(
                owner,
                expected=f"the package `{name}`",
                received="an environment without it",
                action=f'Install it: pip install "callbax[{name}]".',
            )
        ) from error


def log_freq(owner: str, argument: str, value: Any) -> int | str:
    """Returns "epoch", "batch" or a number of batches.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(value, str) and value in ("epoch", "batch"):
        return value
    if is_whole(value) and value > 0:
        return int(value)
    raise ValueError(
        explain(
            f"{owner}({argument}={value!r})",
            expected='"epoch", "batch" or a positive number of batches',
            received=describe(value),
            action='Pass "epoch" for no logs of batches.',
        )
    )


def every(freq: int | str) -> int:
    """Returns after how many batches their logs are written; 0 for never."""
    if freq == "batch":
        return 1
    return 0 if freq == "epoch" else int(freq)


def row(logs: Logs | None, model: ModelView) -> dict[str, float]:
    """Returns the numbers of some logs, and the current learning rate."""
    rate = getattr(model.optimizer, "learning_rate", None)
    return _numbers({"learning_rate": rate, **(logs or {})})


def validated(logs: Logs | None) -> dict[str, float]:
    """Returns the numbers of validation alone: by batch, all that an epoch's end adds."""
    return _numbers({key: value for key, value in (logs or {}).items() if key[:4] == "val_"})


def hyperparameters(model: ModelView) -> dict[str, Any]:
    """Returns the optimizer's settings, ``optimizer_learning_rate`` and so on, as plain values.

    Source: the names are those of ``mlflow.keras.MlflowCallback``.
    """
    try:
        config = dict(getattr(model.optimizer, "get_config")())  # noqa: B009  not in the protocol
    except (AttributeError, NotImplementedError, TypeError, ValueError):  # optax keeps its own
        return {}
    return {f"optimizer_{key}": _plain(value) for key, value in config.items()}


def _numbers(logs: Logs) -> dict[str, float]:
    found = {key: as_number(value) for key, value in logs.items()}
    return {key: value for key, value in found.items() if value is not None}


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str | None) else str(value)
