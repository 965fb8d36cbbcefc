"""What is measured: every case is a row of the table below, and one ratio of two runs."""

from dataclasses import dataclass, replace
from typing import Literal

READING = ("reading",)
BUILTINS = (
    "BackupAndRestore",
    "CSVLogger",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
)
"""Callbax's callbacks whose cost is measured, see `contestants/builtins.py`."""
EMPTY_HOOKS = 20


Model = Literal["guide", "mlp", "cnn", "convolution", "lstm", "transformer"]
"""What is trained; the last three are made of layers of Keras, or of callbax's of their names."""


@dataclass(frozen=True)
class Run:
    """What one contestant is told to do; the time that it takes is measured.

    Attributes:
        who: The contestant.
        do: "fit", "generator" (a fit fed by one), "evaluate", "predict", or "process": a fresh
            process from its start to the end of an epoch.
        model: "guide", "mlp", "cnn"..., see `SIZES`.
        hooks: Names of callbacks, see `contestants/keras_script.py`.
        resident: Whether the data are on the device before the clock starts.
        epochs: Epochs, if they differ from those in `SIZES`.
    """

    who: str
    do: Literal["fit", "generator", "evaluate", "predict", "process"] = "fit"
    model: Model = "guide"
    hooks: tuple[str, ...] = ()
    resident: bool = False
    epochs: int | None = None

    @property
    def size(self) -> "Size":
        """How much this run does."""
        size = SIZES[self.model]
        return size if self.epochs is None else replace(size, epochs=self.epochs)


@dataclass(frozen=True)
class Size:
    """How much a run of a model does.

    Attributes:
        rows: Samples in an epoch.
        batch: Samples in a batch.
        epochs: Epochs in one fit; evaluations or predictions in one run.
    """

    rows: int
    batch: int
    epochs: int


SIZES = {
    "guide": Size(60_000, 64, 5),
    "mlp": Size(60_000, 128, 1),
    "cnn": Size(3_840, 64, 1),
    "convolution": Size(3_840, 64, 1),
    "lstm": Size(3_840, 64, 1),
    "transformer": Size(3_840, 64, 1),
}


@dataclass(frozen=True)
class Case:
    """A ratio of two runs and what is required of it.

    Attributes:
        name: How to ask for it: ``--cases NAME``.
        what: What the table says.
        over: The run above the line.
        under: The run below it.
        least: The ratio required at least.
        most: The ratio required at most; with neither the row is there for orientation.
        of: What is compared: the runs' time, their memory, or, instead of a ratio, the extra
            microseconds of ``over`` per batch and callback that it has more.
    """

    name: str
    what: str
    over: Run
    under: Run
    least: float | None = None
    most: float | None = None
    of: Literal["seconds", "bytes", "us_per_batch"] = "seconds"


def _keras(name: str, what: str, least: float, **run: object) -> Case:
    """A case of Keras on JAX over callbax, the same script on both."""
    jax, ours = Run("keras-jax", **run), Run("callbax", **run)  # type: ignore[arg-type]
    return Case(name, f"{what}: Keras-on-JAX / callbax", jax, ours, least=least)


def _loop(name: str, what: str, most: float, loop: str = "fit", **run: object) -> Case:
    """A case of callbax over a loop written by hand in JAX, without hooks; data on the device."""
    run["resident"] = True
    ours = Run("callbax", **run)  # type: ignore[arg-type]
    hand = Run("hand-written", **(run | {"hooks": (loop,)}))  # type: ignore[arg-type]
    return Case(name, f"{what}: callbax / hand-written loop", ours, hand, most=most)


def _own(name: str, what: str, most: float, hook: str) -> Case:
    """A case of callbax over callbax with a hook that does nothing."""
    runs = Run("callbax", hooks=(hook,)), Run("callbax", hooks=("passive",))
    return Case(name, f"{what}: callbax / its own time with a passive hook", *runs, most=most)


def _cost(name: str, what: str, most: float, *hooks: str) -> Case:
    """A case of what more callbacks cost callbax at each batch; data on the device."""
    less = Run("callbax", hooks=READING, resident=True)
    more = replace(less, hooks=READING + hooks)
    return Case(name, f"{what}: µs per batch", more, less, most=most, of="us_per_batch")


def _served(model: Model, least: float, *, native: bool) -> list[Case]:
    """Cases of a Keras model under callbax: by Keras's own step, by callbax's, and natively."""
    runs = {
        who: Run(who, model=model, hooks=READING)
        for who in ("keras-jax", "keras-served", "keras-forward", "callbax")
    }
    what = f"{model}, Keras's layers, one reading callback"
    alone, served = runs["keras-jax"], runs["keras-served"]
    name = f"keras-{model}"
    cases = [
        Case(name, f"{what}: Keras / Keras under callbax", alone, served, least=least),
        Case(
            f"{name}-forward",
            f"{what}: Keras / its outputs under callbax's step",
            alone,
            runs["keras-forward"],
        ),
    ]
    if native:
        what = f"{what}: under callbax / callbax's own layers"
        cases.append(Case(f"{name}-native", what, served, runs["callbax"]))
    return cases


def _peer(who: str, model: Literal["guide", "mlp"]) -> Case:
    """A case without a requirement; one epoch, as some peers take long."""
    theirs = Run(who, model=model, hooks=READING, epochs=1)
    what = f"{model}, one reading callback, one epoch: {who} / callbax"
    return Case(f"{model}-{who}", what, theirs, replace(theirs, who="callbax"))


CASES = (
    _keras("guide-reading", "guide model, one reading callback", 4, hooks=READING),
    _keras("guide-none", "guide model, no callbacks", 5),
    _loop("guide-ten-loop", "guide model, ten reading callbacks", 1.6, hooks=READING * 10),
    _loop("guide-reading-loop", "guide model, one reading callback", 1.25, hooks=READING),
    _loop("guide-none-loop", "guide model, no callbacks", 1.1),
    _loop("mlp-reading-loop", "MLP, one reading callback", 1.05, model="mlp", hooks=READING),
    _keras("mlp-reading", "MLP, one reading callback", 1, model="mlp", hooks=READING),
    _loop("cnn-reading-loop", "small CNN, one reading callback", 1.05, model="cnn", hooks=READING),
    _loop(
        "cnn-reading-steps",
        "small CNN, one reading callback (loop of single steps)",
        1.05,
        loop="steps",
        model="cnn",
        hooks=READING,
    ),
    _keras("evaluate", "evaluate the guide model over 60,000 rows", 3, do="evaluate"),
    _keras("predict", "predict with the guide model over 60,000 rows", 3, do="predict"),
    _keras("generator", "generator-fed guide model", 1.5, do="generator", hooks=READING),
    _own("rate-100", "hook that sets the learning rate every 100 batches", 1.8, "rate_100"),
    _own("weights-50", "hook that reads the weights every 50 batches", 1.8, "weights_50"),
    _keras("bracket", "callback that brackets every batch", 1.2, hooks=("bracket",)),
    _keras("weights-1", "hook that reads the weights at every batch", 1, hooks=("weights_1",)),
    _cost(
        "empty-hook",
        "one more overridden, empty batch hook",
        1.5,
        *("passive",) * EMPTY_HOOKS,
    ),
    _cost("layers", "a hook that asks for `model.layers` at every batch", 20, "layers"),
    *(_cost(f"cost-{name}", f"one more callback, `{name}`", 5, name) for name in BUILTINS),
    Case(
        "tensorboard",
        "`TensorBoard` with batch scalars: callbax / its own time without",
        Run("callbax", hooks=("reading", "TensorBoard_batch")),
        Run("callbax", hooks=READING),
        most=1.3,
    ),
    _keras("process", "whole process, import to the end of one epoch", 1.3, do="process"),
    Case(
        "memory",
        "peak memory of that process: callbax / Keras-on-JAX",
        Run("callbax", do="process"),
        Run("keras-jax", do="process"),
        most=1.1,
        of="bytes",
    ),
    *_served("guide", 1.3, native=True),
    *_served("convolution", 1, native=True),
    *_served("lstm", 1, native=True),
    *_served("transformer", 1, native=False),
    *(_peer(who, "guide") for who in ("keras-tf", "keras-torch", "lightning", "poutyne")),
    *(_peer(who, "mlp") for who in ("keras-tf", "keras-torch", "lightning", "poutyne")),
)
