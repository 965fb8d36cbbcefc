"""One network of every kind of module, and as a Keras model; random sequences of calls on them."""

import random

import equinox as eqx
import jax
import jax.numpy as jnp
import keras
import numpy as np
from flax import linen as nn
from flax import nnx
from tests.parity.many_kinds import OPTIMIZERS
from tests.parity.side_by_side import Calls, calls

import callbax as cb

ROWS = 32
HEAD = slice(0, 8)
rng = np.random.default_rng(1)
X = rng.normal(size=(ROWS, 3)).astype("float32")
Y = rng.normal(size=(ROWS, 1)).astype("float32")
WEIGHTS = np.linspace(0, 1, ROWS).astype("float32")


class NnxNet(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        # No bias before a normalization: its gradient is nothing but rounding errors.
        self.first = nnx.Linear(3, 4, use_bias=False, rngs=rngs)
        norm = {"momentum": 0.7, "epsilon": 1e-3, "use_fast_variance": False}
        self.norm = nnx.BatchNorm(4, **norm, rngs=rngs)
        self.last = nnx.Linear(4, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.norm(nnx.relu(self.first(x))))


class LinenNet(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool):
        x = nn.relu(nn.Dense(4, use_bias=False, name="first")(x))
        statistics = {"momentum": 0.7, "epsilon": 1e-3, "use_fast_variance": False}
        norm = nn.BatchNorm(not train, **statistics, name="norm")
        return nn.Dense(1, name="last")(norm(x))


class EquinoxNet(eqx.Module):
    first: eqx.nn.Linear
    last: eqx.nn.Linear

    def __init__(self):
        one, two = jax.random.split(jax.random.key(0))
        self.first, self.last = eqx.nn.Linear(3, 4, key=one), eqx.nn.Linear(4, 1, key=two)

    def __call__(self, x):
        return self.last(jax.nn.relu(self.first(x)))


def pair_init(key, x):
    def layer(n, m):
        return {"kernel": jnp.zeros((n, m)), "bias": jnp.zeros(m)}

    return {"first": layer(3, 4), "last": layer(4, 1)}, {}


def pair_apply(params, state, key, x, training):
    x = jax.nn.relu(x @ params["first"]["kernel"] + params["first"]["bias"])
    return x @ params["last"]["kernel"] + params["last"]["bias"], state


DENSE = ("first/kernel", "first/bias", "last/kernel", "last/bias")
NORMED = ("first/kernel", "norm/scale", "norm/bias", "norm/mean", "norm/var", *DENSE[2:])

KINDS = {
    "NNX": (NnxNet, NORMED),
    "Linen": (LinenNet, NORMED),
    "Equinox": (EquinoxNet, tuple(path.replace("kernel", "weight") for path in DENSE)),
    "pair": (lambda: (pair_init, pair_apply), DENSE),
}
"""Name -> what makes the module, and the ends of the paths of its weights in Keras's order."""


def of_keras(paths):
    norm = [keras.layers.BatchNormalization(momentum=0.7)] if "norm/mean" in paths else []
    first = keras.layers.Dense(4, activation="relu", use_bias=not norm)
    return keras.Sequential([keras.Input((3,)), first, *norm, keras.layers.Dense(1)])


class ModuleSide(Calls):
    """One library's model, and the calls that a sequence is made of.

    Args:
        lib: The library.
        kind: What module.
        folder: Where files go.
    """

    def __init__(self, lib, kind, folder):
        self.lib, self.kind, self.folder = lib, kind, folder
        make, self.paths = KINDS[kind]
        self.x, self.y = X.copy(), Y.copy()
        if lib is keras:
            self.model = of_keras(self.paths)
        else:
            self.model = cb.Model(make())
            self.model.build((None, 3))
        self.set_weights(7)

    # Weights, in Keras's order and shapes.

    def weights(self):
        if self.lib is keras:
            return self.model.get_weights()
        found = {weight.path: weight.numpy() for weight in self.model.weights}
        return [self._turned(found[self._whole(end)], end) for end in self.paths]

    def write(self, model, arrays):
        if self.lib is keras:
            model.set_weights(arrays)
            return
        given = {
            self._whole(end): self._turned(a, end)
            for end, a in zip(self.paths, arrays, strict=True)
        }
        model.set_weights([given[weight.path] for weight in model.weights])

    def _whole(self, end):
        (path,) = [w.path for w in self.model.weights if w.path.endswith(end)]
        return path

    def _turned(self, array, end):
        return array.T if end.endswith("weight") else array  # Equinox keeps (outputs, inputs)

    # Calls

    def compile(self, optimizer, weighted):
        name, config = optimizer
        made = getattr(self.lib.optimizers, name)(**config)
        self.model.compile(
            made, "mse", metrics=["mae"], weighted_metrics=["mae"] if weighted else None
        )

    def compile_schedule(self):
        schedule = self.lib.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)
        self.model.compile(self.lib.optimizers.Adam(schedule), "mse", metrics=["mae"])

    def fit(self, epochs, batch_size, validated, weighted):
        options = {"epochs": epochs, "batch_size": batch_size, "shuffle": False, "verbose": 0}
        if validated:
            options["validation_data"] = self.x[HEAD], self.y[HEAD]
        if weighted:
            options["sample_weight"] = WEIGHTS
        return self.trained(lambda: (self.x, self.y), **options)

    def fit_with_hook(self, deed, batch):
        options = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0}
        hooks = [self.with_hook(deed, batch)]
        return self.trained(lambda: (self.x, self.y), lambda: hooks, **options)

    # What hooks do.

    def scale(self, model):
        if self.lib is keras:
            model.set_weights([w * 0.9 for w in model.get_weights()])
        else:
            model.set_weights([np.asarray(w * 0.9, w.dtype) for w in model.get_weights()])

    def write_own(self, model):
        """Writes to one kernel through what the user holds of the module."""
        if self.lib is keras:
            kernel = model.layers[0].kernel
            kernel.assign(kernel * 0.5)
        elif self.kind == "NNX":
            model.module.first.kernel[...] = model.module.first.kernel[...] * 0.5
        elif self.kind == "Equinox":
            half = model.module.first.weight * 0.5
            model.module = eqx.tree_at(lambda module: module.first.weight, model.module, half)
        else:
            (kernel,) = [w for w in model.weights if w.path.endswith("first/kernel")]
            kernel.assign(kernel.numpy() * 0.5)

    def evaluate_inside(self, model):
        if self.lib is cb:  # Keras resets the metrics of the fit
            model.evaluate(self.x, self.y, verbose=0)

    # Between runs.

    def write_own_between(self):
        self.write_own(self.model)

    def train_on_batch(self, first):
        rows = slice(first, first + 8)
        return self.model.train_on_batch(self.x[rows], self.y[rows], return_dict=True)

    def test_on_batch(self):
        return self.model.test_on_batch(self.x[HEAD], self.y[HEAD], return_dict=True)

    def predict(self):
        return {"outputs": self.model.predict(self.x, batch_size=12, verbose=0)}

    def call(self, training):
        return {"outputs": np.asarray(self.model(self.x, training=training))}

    def set_weights(self, seed):
        draw = np.random.default_rng(seed)
        drawn = [draw.normal(size=w.shape) * 0.5 for w in self.weights()]
        # Variances are not negative, and nothing else minds.
        self.write(self.model, [np.abs(array).astype("float32") for array in drawn])

    def change_data(self):
        self.x *= 1.1

    def seen(self):
        """Returns what a user can read between calls."""
        found = {f"weight {i}": weight for i, weight in enumerate(self.weights())}
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            found["iterations"] = int(optimizer.iterations)
            found["learning_rate"] = float(optimizer.learning_rate)
        return found


def sequence(seed):
    """Returns a kind of module, and calls."""
    draw = random.Random(f"modules {seed}")

    def compilation():
        return "compile", (draw.choice(OPTIMIZERS), draw.random() < 0.5)

    def choices(scheduled, trained):
        deed = draw.choice(["scale", "write_own", "predict_inside", "evaluate_inside", "stop"])
        sizes = draw.randint(1, 2), draw.choice([8, 12, 16])
        return [
            ("fit", (*sizes, draw.random() < 0.5, draw.random() < 0.4)),
            *[("fit_with_hook", (deed, draw.randint(0, 3)))] * 2,
            ("write_own_between", ()),
            ("train_on_batch", (draw.choice([0, 8]),)),
            ("test_on_batch", ()),
            ("evaluate", ()),
            ("predict", ()),
            ("call", (draw.random() < 0.5,)),
            ("reset_metrics", ()),
            ("set_weights", (draw.randint(0, 99),)),
            ("change_data", ()),
        ]

    drawn = calls(draw, 9, compilation, choices)
    return draw.choice(list(KINDS)), [*drawn, ("fit", (1, 16, True, False))]
