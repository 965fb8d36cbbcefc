"""A module seen as pure functions: all that training asks of any kind of module."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from callbax._core._errors import explain
from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree

Arrays = dict[str, Array]
"""Path in the module, joined by slashes -> array."""


Batch = tuple[PyTree, PyTree, PyTree]
"""(x, y, sample_weight), the latter two None if there are none."""


class Variables(NamedTuple):
    """The arrays of a module.

    Attributes:
        params: Those that gradients change.
        stats: The others, such as the averages of batch normalization.
        random: Keys of its random streams, as plain integers, and counters of draws.
    """

    params: Arrays
    stats: Arrays
    random: Arrays

    @property
    def weights(self) -> Arrays:
        """What files and ``get_weights`` hold, which is all but the random streams."""
        return self.params | self.stats


class Applied(NamedTuple):
    """What one call of a module comes to.

    Attributes:
        output: An array, or a dict or tuple of arrays.
        stats: The statistics after the call.
        random: The random streams after it; None if they are as before.
        loss: Sum of the losses that the module adds by itself, a float32 scalar; None for none.
        mask: Which elements of the output count: arrays of bools in its structure, with None for
            those of which all do; None if all of all do.
    """

    output: PyTree
    stats: Arrays
    random: Arrays | None = None
    loss: Array | None = None
    mask: PyTree = None


@dataclass(frozen=True)
class Weight:
    """How one weight is called.

    Attributes:
        path: Its path in the module.
        key: Its key in files.
        name: Its name among the model's variables, as Keras builds it: ``dense/kernel``.
    """

    path: str
    key: str
    name: str


@dataclass(frozen=True)
class Part:
    """A direct part of a module, such as a layer.

    Attributes:
        name: Its name.
        value: The part itself.
        output: Shapes and dtypes of its output; None if they are unknown.
    """

    name: str
    value: Any
    output: PyTree = None


class StateAccess(Protocol):
    """Where the variables of a module are while it is being run."""

    def read_variables(self) -> Variables:
        """Returns the variables as of the current batch."""

    def write_variables(self, variables: Variables) -> None:
        """Replaces them as of the current batch."""


class Functional(Protocol):
    """A module as pure functions of flat dicts of arrays.

    An adapter for a new kind of module subclasses this and defines at least `module`, `read`,
    `write` and `apply`; hand it to `functional_of` by putting it into `ADAPTERS`.
    """

    module: Any
    """The user's object."""
    inputs: PyTree = None
    """Shapes and dtypes of a batch of inputs, as far as known: those that were seen last."""

    def configure(self, seeds: SeedSource, trainable: Callable[[str], bool] | None) -> None:
        """Takes what ``Model`` was given besides the module; called once, before all else.

        Args:
            seeds: Where the seeds of random streams come from that the module has not of its own.
            trainable: Path of a weight -> whether training changes it; None for all that it can.

        Raises:
            TypeError: The module cannot be frozen by paths.
        """
        if trainable is not None:
            raise TypeError(
                explain(
                    "Model(trainable=...)",
                    expected="a module whose weights go by paths",
                    received=f"a {type(self.module).__name__}",
                    action="Freeze its layers by what it offers itself, such as `trainable`.",
                )
            )

    def replace(self, module: Any) -> None:
        """Puts another module in the place of one that cannot be changed: `model.module = ...`.

        Raises:
            TypeError: The module can be changed itself.
        """
        raise TypeError(
            explain(
                "model.module = ...",
                expected="a model whose module cannot be changed in place, as with Equinox",
                received=f"one of a {type(self.module).__name__}",
                action="Change the module itself, or make a `Model` of the other one.",
            )
        )

    @property
    def built(self) -> bool:
        """Whether all weights exist."""
        return True

    @property
    def structure(self) -> object:
        """What `apply` computes with apart from arrays; another object once that has changed.

        Programs are compiled for one structure. `read` looks for changes between runs.
        """
        return None

    @property
    def trainable(self) -> bool:
        """Whether training changes any weight; False if the user has frozen the whole module."""
        return True

    @trainable.setter
    def trainable(self, value: bool) -> None:
        raise AttributeError(
            explain(
                "model.trainable",
                expected="a module that can be frozen",
                received=f"a {type(self.module).__name__}, of which callbax knows no flags",
                action="Leave its weights out of the optimizer, as with `optax.masked`.",
            )
        )

    def trains(self) -> bool:
        """Returns whether training changes any weight, or would but for flags such as `trainable`.

        A model of which it changes none by any flag is a mistake, and refused.
        """
        return bool(self.weights())

    def changed(self) -> str | None:
        """Returns what of the structure has changed since `read`, as a user would write it."""
        return None

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        """Makes the weights that do not exist yet.

        Args:
            x: A batch of inputs, or its shapes and dtypes.
            seeds: Where seeds come from that the user left open; None for where they come from by
                default.
        """
        return None  # noqa: RET501  a default that does nothing, not an abstract method

    def read(self) -> Variables:
        """Returns what the user's object holds now."""
        ...

    def write(self, variables: Variables) -> None:
        """Puts arrays into the user's object."""

    @property
    def moves_random(self) -> bool:
        """Whether a call moves the random streams; if not, draws derive from them and the step."""
        return False

    def apply(self, variables: Variables, x: PyTree, *, training: bool, step: Array) -> Applied:
        """Computes the output; pure, to be traced.

        Every random draw derives from the module's own keys and the step, so that a step that is
        replayed draws again what it drew.

        Args:
            variables: The module's arrays.
            x: A batch of inputs, leaves of shape (samples, ...).
            training: Whether dropout drops and batch statistics are updated.
            step: Steps taken so far, an int32 scalar.
        """
        ...

    def shapes(self) -> tuple[PyTree, PyTree] | None:
        """Returns shapes and dtypes of a batch of inputs and of outputs; None if unknown."""
        return None

    def weights(self) -> Sequence[Weight]:
        """Returns the weights in Keras's order; by default as `read` lists them."""
        return [Weight(path, f"module/{path}", path) for path in self.read().weights]

    def weight_paths(self) -> Sequence[str]:
        """Returns their paths alone; hooks may ask at every batch, so that this must be quick."""
        return [weight.path for weight in self.weights()]

    def groups(self) -> dict[str, str]:
        """Returns group of keys in files -> name of the layer it belongs to."""
        return {}

    def parts(self) -> list[Part]:
        """Returns the direct parts of the module, for ``model.layers`` and ``summary``."""
        return []

    def size_of(self, part: Part) -> int:
        """Returns how many numbers the weights of one of `parts` hold."""
        return 0

    def outputs(self) -> dict[str, PyTree]:
        """Returns name of a part -> shapes and dtypes of its output, for `inputs`.

        Only for whoever asks: the module may have to be traced for it.
        """
        return {part.name: part.output for part in self.parts() if part.output is not None}

    def live(self, state: StateAccess) -> AbstractContextManager[None]:
        """Lets the user's object show, and take, the state of a run for as long as it lasts.

        Within it the object's own arrays are read from, and written to, the state at the current
        batch. By default, and for modules whose arrays cannot be changed, nothing is shown.

        Args:
            state: Where the state is.
        """
        return nothing_shown()


@contextmanager
def nothing_shown() -> Iterator[None]:
    """Shows nothing."""
    yield
