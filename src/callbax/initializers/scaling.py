"""Initializers that keep the variance of signals from layer to layer."""

from collections.abc import Sequence
from typing import Any

from callbax._core._arguments import is_number, one_of
from callbax._core._errors import describe, explain
from callbax.initializers._fans import FanInitializer
from callbax.initializers._lookup import INITIALIZERS
from callbax.initializers._seeded import Seed

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal")


@INITIALIZERS.register()
class VarianceScaling(FanInitializer):
    """Draws with variance ``scale / n``, where ``n`` counts a unit's inputs, outputs or both.

    The rule behind the Glorot, He and Lecun initializers; for any other combination.

    Args:
        scale: Positive factor on the variance.
        mode: What ``n`` is: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal" (also "normal"), "untruncated_normal" or "uniform".
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.
        input_axes: The axes of the weight to count as inputs; ``None`` for all but the last.
        output_axes: The axes to count as outputs; ``None`` for all but the last but one.

    Raises:
        ValueError: The scale is not positive, or there is no such mode or distribution.

    Example:
        >>> VarianceScaling(0.1, "fan_out", "uniform", seed=1)((3, 4)).shape
        (3, 4)

    Source: ``keras.initializers.VarianceScaling``.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed, input_axes, output_axes)
        if not is_number(scale) or not scale > 0:
            raise ValueError(
                explain(
                    "VarianceScaling(scale=...)",
                    expected="a positive number",
                    received=describe(scale),
                    action="Pass 1.0 to keep the variance.",
                )
            )
        if isinstance(distribution, str):
            distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        self.scale: float = float(scale)
        self.mode: str = one_of("VarianceScaling", "mode", mode, MODES)
        self.distribution: str = one_of(
            "VarianceScaling", "distribution", distribution, DISTRIBUTIONS
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        rule = {"scale": self.scale, "mode": self.mode, "distribution": self.distribution}
        return {**super().get_config(), **rule}


variance_scaling = VarianceScaling
