"""Models as estimators of scikit-learn, under the names that Keras has for them."""

import importlib
from typing import TYPE_CHECKING, Any

from callbax._core._errors import explain

if TYPE_CHECKING:
    from callbax.wrappers._estimators import (
        SKLearnClassifier,
        SKLearnRegressor,
        SKLearnTransformer,
    )

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> Any:
    """Imports the estimators, and with them scikit-learn, when one is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        importlib.import_module("sklearn")
    except ImportError as error:
        raise ImportError(
            explain(
                f"wrappers.{name}",
                expected="the package `scikit-learn`",
                received="an environment without it",
                action='Install it: pip install "callbax[sklearn]".',
            )
        ) from error
    return getattr(importlib.import_module(f"{__name__}._estimators"), name)


def __dir__() -> list[str]:
    return __all__
