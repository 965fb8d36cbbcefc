"""What of a model, its runs and its callbacks is shown: pictures, tables, text."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from callbax._core._types import DataLike
from callbax._data._arrays import is_structure
from callbax._pictures._load import load_pictures
from callbax.callbacks import CallbackList
from callbax.models._classes import confusion_matrix
from callbax.models._observed import Observed
from callbax.models._rate_search import Climb, LearningRateSearch, rates_to_try
from callbax.models._runs import rows
from callbax.models._trial import trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Shown(Observed):
    """The members of a model that show something, and change nothing.

    A subclass makes weights.
    """

    _build_for: Callable[[Any], None]

    def find_learning_rate(
        self,
        x: DataLike | None = None,
        y: DataLike | None = None,
        batch_size: int | None = None,
        *,
        lowest: float = 1e-7,
        highest: float = 10.0,
        steps: int = 100,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: DataLike | None = None,
    ) -> LearningRateSearch:
        """Trains a few steps at growing learning rates, and puts everything back.

        It ends before the last rate if the loss explodes. Afterwards the model is as it was, bit
        for bit: weights, optimizer, metrics, its own seeds and the generators of Python and NumPy,
        so that ``fit`` gives what it would have given without. A model that is not built yet is
        built, with the weights that ``fit`` would have made.

        Args:
            x: As for `fit`; an iterable that can be gone through only once is partly used up.
            y: As for `fit`.
            batch_size: Samples in a batch, 32 by default: as it will be in `fit`, as the best rate
                depends on it.
            lowest: The first rate.
            highest: The last one.
            steps: How many rates to try, at least 10; each the same factor above the last.
            class_weight: As for `fit`.
            sample_weight: As for `fit`.

        Returns:
            An object with `suggestion`, a rate, and `plot()`, which draws the loss over the rate;
            `rates` and `losses` are what is drawn.

        Raises:
            ValueError: Data or arguments are illegal.
            TypeError: A schedule sets the learning rate.

        Differs from Keras: new.

        Source: Smith, "Cyclical Learning Rates for Training Neural Networks",
        https://arxiv.org/abs/1506.01186.
        """
        climb = Climb(rates_to_try(lowest, highest, steps))
        trial(
            self._runs,
            self._engine,
            self._averages,
            self._build_for,
            x,
            y,
            climb,
            where="find_learning_rate",
            epochs=steps,
            batch_size=batch_size,
            class_weight=class_weight,
            sample_weight=sample_weight,
        )
        return LearningRateSearch.of(climb.rates[: len(climb.losses)], climb.losses)

    def show_training_loop(
        self, callbacks: object = None, print_fn: Callable[[str], Any] | None = None
    ) -> None:
        """Prints which callback is called at which hook of ``fit``, in order.

        Hooks that nobody overrides are left out. ``CallbackList(...).training_loop()`` returns the
        same as a value.

        Args:
            callbacks: As for `fit`; those that `fit` adds are added.
            print_fn: Takes the text in place of ``print``.

        Differs from Keras: new.

        Source: ``Learner.show_training_loop`` of fastai.
        """
        hooks = CallbackList(callbacks, add_history=True, add_progbar=True)
        (print_fn or print)(repr(hooks.training_loop()))

    def plot_confusion_matrix(
        self,
        x: DataLike,
        y: DataLike | None = None,
        *,
        class_names: Sequence[str] | None = None,
        normalize: Literal["true", "pred", "all"] | None = None,
        threshold: float = 0.5,
        batch_size: int | None = None,
        ax: "Axes | None" = None,
    ) -> "Figure":
        """Draws how often each class was taken for each.

        The class of a sample is the greatest of its outputs; of a single output, whether it is
        above `threshold`.

        Args:
            x: As for `evaluate`.
            y: The true classes: numbers of shape (samples,) or (samples, 1), or one-hot rows.
            class_names: Names of the classes 0, 1, 2...; by default their numbers.
            normalize: None draws counts; ``"true"`` shares of each true class, ``"pred"`` of each
                predicted one, ``"all"`` of all samples.
            threshold: Above which a single output means class 1; 0 if it is a logit.
            batch_size: Samples in a batch, 32 by default.
            ax: Where to draw; by default a new figure.

        Returns:
            The figure.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: The outputs or `y` are not those of one class for each sample.

        Differs from Keras: new.

        Source: the arguments are those of ``sklearn.metrics.ConfusionMatrixDisplay``.
        """
        pictures = load_pictures("model.plot_confusion_matrix()")
        matrix, names = confusion_matrix(
            self._labels_and_outputs(x, y, batch_size), class_names, normalize, threshold
        )
        return pictures.draw_confusion(matrix, names, ax=ax)

    def _labels_and_outputs(
        self, x: DataLike, y: DataLike | None, batch_size: int | None
    ) -> Iterator[tuple[Any, Any]]:
        """Returns labels and outputs, batch by batch if the data are batches."""
        if is_structure(x):
            yield y, self._outputs(x, batch_size)
            return
        for batch in cast(Iterable[Any], x):
            inputs, labels = (*batch, None)[:2] if isinstance(batch, tuple) else (batch, None)
            yield labels, self._outputs(inputs, rows(inputs))

    def _outputs(self, x: DataLike, batch_size: int | None) -> Any:
        return self._runs.predict(x, batch_size=batch_size, verbose=0, steps=None, callbacks=None)
