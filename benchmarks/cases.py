"""What is measured: every case is a row of the table below, and one ratio of two runs."""

import json
from dataclasses import dataclass, replace
from typing import Literal, get_args

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


VALIDATION_SHARE = 8
"""If there is a validation, every eighth row is kept for it."""
DEEP_LAYERS = 100
NARROW = {"deep": 16, "large": 15_811}
"""Models of dense layers of one width: how wide; of the large one a single layer has 1 GB."""
VOCABULARY = 64
LENGTHS = {"gpt": 64, "gpt-25m": 256}
"""Of the sequences on which the GPTs are trained."""

OfKeras = Literal["convolution", "lstm", "transformer"]
"""Models made of layers of Keras, or of callbax's of their names."""
Accelerated = Literal["mlp-4096", "gpt-25m", "resnet-18"]
"""Models that would take minutes on a CPU."""
Model = Literal["guide", "mlp", "cnn", "gpt", "deep", "large", OfKeras, Accelerated]
"""What is trained."""


@dataclass(frozen=True)
class Run:
    """What one contestant is told to do; the time that it takes is measured.

    Attributes:
        who: The contestant.
        do: "fit", "generator" and "pydataset" (a fit fed by one), "evaluate", "predict"; in a
            fresh process "first", its first fit with validation, "process", all from its start to
            the end of an epoch, and "import", the import of the library alone.
        model: "guide", "mlp", "cnn"..., see `SIZES`.
        hooks: Names of callbacks, see `contestants/keras_script.py`.
        resident: Whether the data are on the device before the clock starts.
        epochs: Epochs, if they differ from those in `SIZES`.
        weighed: Whether the memory is measured that it takes in use more at its peak.
    """

    who: str
    do: Literal[
        "fit", "generator", "pydataset", "evaluate", "predict", "first", "process", "import"
    ] = "fit"
    model: Model = "guide"
    hooks: tuple[str, ...] = ()
    resident: bool = False
    epochs: int | None = None
    weighed: bool = False

    @classmethod
    def told(cls, line: str) -> "Run":
        """Returns the run that a line of JSON tells of."""
        fields = json.loads(line)
        return cls(**fields | {"hooks": tuple(fields["hooks"])})

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
    "gpt": Size(1_024, 32, 1),
    "deep": Size(60_000, 128, 1),
    "large": Size(96, 32, 1),
    "convolution": Size(3_840, 64, 1),
    "lstm": Size(3_840, 64, 1),
    "transformer": Size(3_840, 64, 1),
    "mlp-4096": Size(60_000, 512, 3),
    "gpt-25m": Size(4_096, 32, 1),
    "resnet-18": Size(12_800, 128, 1),
}


MLP_STATE = 12 * (784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10)
"""Bytes of the MLP's weights and of Adam's two moments of each."""


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
            microseconds of ``over`` per batch and callback that it has more, or per batch and array
            of the deep model, or its extra memory at the peak, in copies of the MLP's state.
    """

    name: str
    what: str
    over: Run
    under: Run
    least: float | None = None
    most: float | None = None
    of: Literal["seconds", "bytes", "us_per_batch", "us_per_array", "copies"] = "seconds"

    @property
    def needs_accelerator(self) -> bool:
        """Whether a run would take minutes on a CPU."""
        return self.over.model in get_args(Accelerated)


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


def _fed(name: str, what: str, most: float, **run: object) -> Case:
    """A case of callbax over a loop written by hand, both of which bring the data themselves."""
    ours = Run("callbax", **run)  # type: ignore[arg-type]
    hand = Run("hand-written", **(run | {"hooks": ()}))  # type: ignore[arg-type]
    return Case(name, f"{what}: callbax / hand-written loop", ours, hand, most=most)


def _first(model: Literal["cnn", "gpt"], what: str) -> Case:
    """A case of the first fit of a process, compilation included."""
    ours, hand = Run("callbax", "first", model), Run("hand-nnx", "first", model)
    name = f"first-{model}"
    return Case(name, f"{what}: callbax / script with `nnx.jit`", ours, hand, most=0.9)


def _own(name: str, what: str, most: float, hook: str) -> Case:
    """A case of callbax over callbax with a hook that does nothing."""
    runs = Run("callbax", hooks=(hook,)), Run("callbax", hooks=("passive",))
    return Case(name, f"{what}: callbax / its own time with a passive hook", *runs, most=most)


def _cost(name: str, what: str, most: float, *hooks: str) -> Case:
    """A case of what more callbacks cost callbax at each batch; data on the device."""
    less = Run("callbax", hooks=READING, resident=True)
    more = replace(less, hooks=READING + hooks)
    return Case(name, f"{what}: µs per batch", more, less, most=most, of="us_per_batch")


def _recorded() -> list[Case]:
    """Cases of what it costs to record a run in the background: time, and memory."""
    without = Run("callbax", model="mlp", hooks=READING, epochs=3)
    with_them = replace(without, hooks=(*READING, "Checkpoint_100"))
    weighed = [replace(run, resident=True, weighed=True) for run in (with_them, without)]
    what = "MLP, three epochs, `Checkpoint` every 100 batches"
    beside, copies = "callbax / its own time without", "extra copies of the state"
    return [
        Case("checkpoints", f"{what}: {beside}", with_them, without, most=1.05),
        Case("checkpoints-memory", f"{what}: {copies}", *weighed, most=1, of="copies"),
    ]


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


def _accelerated() -> list[Case]:
    """Cases of models that need an accelerator, and of a hook that works while it does."""
    reading = "one reading callback"
    nnx = {"who": "hand-nnx", "hooks": (), "resident": True}
    cases = [_loop("mlp-4096", f"MLP of 21 M parameters, {reading}", 1.05, model="mlp-4096")]
    for model, what in (("gpt-25m", "GPT of 25 M parameters"), ("resnet-18", "ResNet-18 in NNX")):
        ours = Run("callbax", model=model, hooks=READING, resident=True)  # type: ignore[arg-type]
        what = f"{what}, {reading}: callbax / hand-written loop"
        cases.append(Case(model, what, ours, replace(ours, **nnx), most=1.05))  # type: ignore[arg-type]
    ours = replace(cases[1].over, hooks=("busy",))
    what = "GPT of 25 M parameters, hook that computes for 2 ms: callbax / its own time without"
    return [*cases, Case("gpt-25m-overlap", what, ours, cases[1].over, most=1.05)]


def _peer(who: str, model: Literal["guide", "mlp"]) -> Case:
    """A case without a requirement; one epoch, as some peers take long."""
    theirs = Run(who, model=model, hooks=READING, epochs=1)
    what = f"{model}, one reading callback, one epoch: {who} / callbax"
    return Case(f"{model}-{who}", what, theirs, replace(theirs, who="callbax"))


ONE_EPOCH = {"hooks": READING, "epochs": 1}
MLP_BRACKET = {"model": "mlp", "hooks": ("bracket",)}

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
    _keras("guide-epoch", "guide model, one reading callback, one epoch", 5, **ONE_EPOCH),
    _fed("guide-epoch-loop", "guide model, one reading callback, one epoch", 1.1, **ONE_EPOCH),
    _loop("mlp-none-loop", "MLP, no callbacks", 1.05, model="mlp"),
    _keras("mlp-bracket", "MLP, callback that brackets every batch", 1, **MLP_BRACKET),
    _loop("deep-loop", "100 narrow layers, one reading callback", 1.1, model="deep", hooks=READING),
    Case(
        "deep-dispatch",
        "100 narrow layers, steps dispatched alone: µs more per batch and array",
        Run("callbax", model="deep", hooks=("bracket",), resident=True),
        Run("callbax", model="deep", hooks=READING, resident=True),
        of="us_per_array",
    ),
    _fed("mlp-generator", "generator-fed MLP", 1.05, do="generator", model="mlp"),
    _fed("mlp-pydataset", "`PyDataset`-fed MLP", 1.05, do="pydataset", model="mlp"),
    _first("cnn", "first `fit` with validation of an NNX CNN"),
    _first("gpt", "first `fit` with validation of a GPT of two blocks"),
    Case(
        "large-memory",
        "peak memory with 1 GB of parameters and Adam: callbax / donating hand-written loop",
        Run("callbax", "first", "large"),
        Run("hand-written", "first", "large"),
        most=1.1,
        of="bytes",
    ),
    _keras("evaluate", "evaluate the guide model over 60,000 rows", 5, do="evaluate"),
    _keras("predict", "predict with the guide model over 60,000 rows", 5, do="predict"),
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
    *_recorded(),
    _keras("process", "whole process, import to the end of one epoch", 1.3, do="process"),
    _keras("import", "a process that imports the library and ends", 1, do="import"),
    Case(
        "memory",
        "peak memory of that process: callbax / Keras-on-JAX",
        Run("callbax", do="process"),
        Run("keras-jax", do="process"),
        most=1.1,
        of="bytes",
    ),
    *_served("guide", 1.3, native=True),
    *_served("convolution", 1.05, native=True),
    *_served("lstm", 1, native=True),
    *_served("transformer", 1, native=False),
    *_accelerated(),
    *(_peer(who, "guide") for who in ("keras-tf", "keras-torch", "lightning", "poutyne")),
    *(_peer(who, "mlp") for who in ("keras-tf", "keras-torch", "lightning", "poutyne")),
)
