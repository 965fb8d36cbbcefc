"""Random sequences of calls, on Keras and on callbax side by side, compared after every call.

What one call leaves behind and the next one takes up is where wrong numbers hide: an optimizer kept
by a second `compile`, a weight that is frozen too late, a copy that shares what it should not.
"""

import copy
import pickle
import random

import keras
import numpy as np
import pytest
from tests.extent import some
from tests.parity.side_by_side import first_difference

import callbax as cb

SEEDS = some(range(400), range(40))
X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
Y = (X @ np.array([[1.0], [-2.0], [0.5]]) + 0.5).astype("float32")
OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "clipnorm": 0.5}),
    ("Adam", {"learning_rate": 0.02}),
    ("RMSprop", {"learning_rate": 0.01}),
]
LOSSES = ["mse", "mae"]
METRICS = [["mae"], ["mse", "mae"]]
"""Never none: Keras keeps the metrics of the compilation before if the new one names none."""


class Side:
    """One library's model, and the calls that a sequence is made of."""

    def __init__(self, lib, folder):
        self.lib, self.folder = lib, folder
        self.model = self.made()

    def made(self):
        layers = [
            self.lib.layers.Input((3,)),
            self.lib.layers.Dense(3, activation="tanh", name="a"),
            self.lib.layers.Dense(1, name="b"),
        ]
        model = self.lib.Sequential(layers)
        rng = np.random.default_rng(7)
        model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
        return model

    def compile(self, optimizer, loss, metrics):
        name, config = optimizer
        made = getattr(self.lib.optimizers, name)(**config)
        self.model.compile(made, loss, metrics=list(metrics))

    def compile_again(self, loss):
        self.model.compile(self.model.optimizer, loss, metrics=["mae"])

    def fit(self, epochs, batch_size, validates):
        data = (X[:8], Y[:8]) if validates else None
        history = self.model.fit(
            X,
            Y,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=False,
            verbose=0,
            validation_data=data,
        )
        return history.history

    def fit_with_hooks(self, rate, batch):
        """Sets the rate and the weights in hooks."""

        class Hook(self.lib.callbacks.Callback):
            def on_train_batch_begin(self, index, logs=None):
                if index == batch:
                    self.model.optimizer.learning_rate = rate

            def on_epoch_end(self, epoch, logs=None):
                if epoch == 0:
                    self.model.set_weights([w * 0.5 for w in self.model.get_weights()])

        options = {"batch_size": 8, "shuffle": False, "verbose": 0}
        return self.model.fit(X, Y, epochs=2, callbacks=[Hook()], **options).history

    def train_on_batch(self, first):
        rows = slice(first, first + 8)
        return self.model.train_on_batch(X[rows], Y[rows], return_dict=True)

    def evaluate(self):
        return self.model.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)

    def predict(self):
        return {"outputs": self.model.predict(X, verbose=0)}

    def summary(self):
        self.model.summary(print_fn=lambda *args, **kwargs: None)

    def set_weights(self, seed):
        rng = np.random.default_rng(seed)
        shapes = [w.shape for w in self.model.get_weights()]
        self.model.set_weights([rng.normal(size=shape).astype("float32") for shape in shapes])

    def save_weights(self):
        self.model.save_weights(self.folder / "kept.weights.h5", overwrite=True)

    def load_weights(self):
        self.model.load_weights(self.folder / "kept.weights.h5")

    def save_and_load(self):
        self.model.save(self.folder / "model.keras", overwrite=True)
        self.model = self.lib.saving.load_model(self.folder / "model.keras")

    def freeze(self, layer, value, optimizer):
        part = self.model if layer is None else self.model.layers[layer]
        part.trainable = value
        self.compile(optimizer, "mse", ["mae"])

    def set_rate(self, rate):
        self.model.optimizer.learning_rate = rate

    def deepcopy(self):
        self.model = copy.deepcopy(self.model)

    def pickle(self):
        self.model = pickle.loads(pickle.dumps(self.model))

    def leave_a_copy(self):
        """Trains a copy, which must leave the model alone."""
        other = copy.deepcopy(self.model)
        other.fit(X, Y, shuffle=False, verbose=0)

    def another_model(self):
        """Goes on with another model and the optimizer of this one.

        Keras counts steps of both models in one place, callbax for each model; so Keras gets an
        equal optimizer of its own.
        """
        optimizer = self.model.optimizer
        if self.lib is keras:
            optimizer = type(optimizer).from_config(optimizer.get_config())
        self.model = self.made()
        self.model.compile(optimizer, "mse")

    def seen(self):
        """Returns what a user can read between calls."""
        optimizer = getattr(self.model, "optimizer", None)
        found = {f"weight {i}": w for i, w in enumerate(self.model.get_weights())}
        if optimizer is not None:
            if self.model.trainable_weights:  # Keras counts no steps that update nothing.
                found["iterations"] = int(optimizer.iterations)
            found["learning_rate"] = float(optimizer.learning_rate)
        return found


def sequence(seed):
    """Returns random calls that Keras allows, beginning with a compilation."""
    draw = random.Random(seed)

    def optimizer():
        return draw.choice(OPTIMIZERS)

    def compilation():
        return "compile", (optimizer(), draw.choice(LOSSES), draw.choice(METRICS))

    calls = [compilation()]
    if draw.random() < 0.3:
        calls.insert(0, draw.choice([("predict", ()), ("summary", ()), ("set_weights", (seed,))]))
    saved = trained = False
    for _ in range(draw.randint(4, 7)):
        choices = [
            compilation(),
            ("compile_again", (draw.choice(LOSSES),)),
            ("fit", (draw.randint(1, 2), draw.choice([8, 16]), draw.random() < 0.3)),
            ("fit", (1, 8, False)),
            ("fit_with_hooks", (draw.choice([0.0, 0.01, 0.1]), draw.randint(0, 3))),
            ("train_on_batch", (draw.choice([0, 8]),)),
            ("evaluate", ()),
            ("predict", ()),
            ("set_weights", (draw.randint(0, 99),)),
            ("freeze", (draw.choice([0, 1, None]), draw.random() < 0.5, optimizer())),
            ("set_rate", (draw.choice([0.0, 0.005, 0.05]),)),
            ("another_model", ()),
        ]
        # Keras reads the optimizer's state only into an optimizer that has as much of it.
        copies = ("save_weights", "save_and_load", "deepcopy", "pickle", "leave_a_copy")
        choices += [(name, ()) for name in copies if trained]
        choices += [("load_weights", ())] * 2 * saved
        call = draw.choice(choices)
        changes = call[0] in {"compile", "freeze", "another_model"}
        trained = not changes and (trained or call[0] in {"fit", "fit_with_hooks"})
        saved = not changes and (saved or call[0] == "save_weights")
        calls.append(call)
    return [*calls, ("fit", (1, 16, False))]


def difference(seed, folder, ours=cb):
    """Returns the first difference in a sequence; None if there is none."""
    sides = []
    for name, lib in (("ours", ours), ("theirs", keras)):
        (folder / name).mkdir()
        sides.append(Side(lib, folder / name))
    return first_difference(*sides, sequence(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sequence_of_calls_is_as_in_keras(seed, tmp_path):
    print(f"seed {seed}: {sequence(seed)}")
    assert difference(seed, tmp_path) is None


def test_a_library_that_keeps_the_first_optimizer_is_found_out(tmp_path, monkeypatch):
    """The negative control: with the fault that was there once, sequences differ."""
    compiled = cb.Model.compile

    def keeps(self, optimizer="rmsprop", *args, **kwargs):
        compiled(self, self.optimizer or optimizer, *args, **kwargs)

    monkeypatch.setattr(cb.Model, "compile", keeps)
    found = []
    for seed in range(12):
        (tmp_path / str(seed)).mkdir()
        found.append(difference(seed, tmp_path / str(seed)))
    assert sum(each is not None for each in found) >= 3
