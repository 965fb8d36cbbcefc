"""The compiled programs of a model, one set for each mode."""

from collections.abc import Callable

from callbax._core._hooks import Mode
from callbax._core._types import PyTree
from callbax._data._placement import Placement
from callbax._modules._protocol import Functional
from callbax._modules._trace import trace
from callbax._training._compile import Programs
from callbax._training._state import TrainState
from callbax._training._step import Step
from callbax._training._xla import convolves, loops_well


class ModePrograms:
    """Makes a mode's programs when they are first needed, and keeps them until they are forgotten.

    Args:
        functional: The module.
        placement: Where arrays live.

    Attributes:
        by_mode: "train", "test" or "predict" -> its programs, as far as they were needed.
    """

    def __init__(self, functional: Functional, placement: Placement) -> None:
        self._functional, self._placement = functional, placement
        self.by_mode: dict[str, Programs] = {}
        self._structure: object = None

    def of(
        self,
        mode: Mode,
        make_step: Callable[[], Step],
        batch: PyTree,
        start: TrainState,
    ) -> Programs:
        """Returns a mode's programs.

        Args:
            mode: "train", "test" or "predict".
            make_step: Makes the step, if there are no programs yet.
            batch: ``(x, y, sample_weight)``, arrays or their shapes and dtypes.
            start: The state from which the run starts.
        """
        if mode not in self.by_mode:
            self.by_mode[mode] = self._made(make_step(), batch, start)
        return self.by_mode[mode]

    def forget(self) -> None:
        """Forgets all of them."""
        self.by_mode = {}

    def follow_structure(self) -> bool:
        """Forgets them if the module has changed since they were made, apart from arrays.

        Returns:
            Whether it has.
        """
        changed = self._structure is not self._functional.structure
        if changed:
            self._structure = self._functional.structure
            self.forget()
        return changed

    def traces(self) -> dict[str, int]:
        """Returns how often each mode's programs were traced."""
        return {mode: programs.traces for mode, programs in self.by_mode.items()}

    def _made(self, step: Step, batch: PyTree, start: TrainState) -> Programs:
        computation = step.computation
        if computation is None:
            with self._placement.tracing():
                computation, _ = trace(self._functional, start.variables, batch[0])
        looped = loops_well(computation, self._placement.platform)
        gathers = convolves(computation)
        return Programs(step, self._placement, looped=looped, gathers=gathers)
