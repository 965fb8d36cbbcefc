"""What a callback asks of the model: found missing when ``fit`` begins, not epochs later."""

from typing import Any

from callbax._core._errors import explain
from callbax.callbacks._model_view import Watching, model_of


def need_settable_rate(callback: Watching) -> None:
    """Raises unless a callback can read and set the learning rate.

    Raises:
        TypeError: A schedule sets it.
        ValueError: The optimizer keeps it to itself.
    """
    optimizer: Any = model_of(callback).optimizer
    owner = type(callback).__name__
    if _schedule_of(optimizer) is not None:
        raise TypeError(
            explain(
                owner,
                expected="an optimizer whose learning rate it can set",
                received=f"{type(optimizer).__name__}, whose rate a schedule sets",
                action="This optimizer was created with a `LearningRateSchedule`: make it with a "
                f"float, such as 0.001, or leave the {owner} out.",
            )
        )
    if not hasattr(optimizer, "learning_rate"):
        raise ValueError(
            explain(
                owner,
                expected='an optimizer with a "learning_rate" attribute',
                received=f"{type(optimizer).__name__}, which keeps its rate to itself",
                action="Compile with an optimizer of callbax, such as Adam(0.001), or make it with "
                "optax.inject_hyperparams(optax.adam)(learning_rate=0.001).",
            )
        )


def need_savable(callback: Watching, where: str) -> None:
    """Raises unless the whole model can be written to a ``.keras`` file.

    Args:
        callback: What is going to write it.
        where: The public call that asks for it, without backticks.

    Raises:
        TypeError: Something in it cannot be told in plain values.
    """
    model: Any = callback.model
    save = getattr(type(model), "save", None)
    by_callbax = save is None or save.__module__.startswith("callbax.")
    described = getattr(model, "described", None)
    if described is None or not by_callbax or described() is not None:
        return
    raise TypeError(
        explain(
            where,
            expected="a model that plain values describe, as the whole of it is to be saved",
            received=f"one of {type(model.module).__name__} that holds a module, a lambda or an "
            "optax transformation, which are code",
            action="Save the weights: save_weights_only=True and a path that ends in "
            '".weights.h5".',
        )
    )


def _schedule_of(optimizer: Any) -> Any:
    """Returns the schedule that sets the rate of an optimizer, here or in Keras; None for none."""
    live = getattr(optimizer, "live", None)
    if live is not None:
        return getattr(live, "schedule", None)
    rate = getattr(optimizer, "_learning_rate", None)
    return rate if callable(rate) and hasattr(rate, "get_config") else None
