"""Models of many kinds, and random sequences of calls on them that Keras allows."""

import copy
import random

import keras
import numpy as np
from tests.parity.side_by_side import Calls, calls

import callbax as cb

ROWS = 32
HEAD = slice(0, 8)
rng = np.random.default_rng(0)


def floats(*shape):
    return rng.normal(size=(ROWS, *shape)).astype("float32")


DATA = {
    "convolutions": (floats(5, 5, 1), floats(1)),
    "several": ({"p": floats(3), "q": floats(3)}, {"u": floats(1), "v": floats(2)}),
    "nested": (rng.integers(0, 7, (ROWS, 4)).astype("int32"), rng.integers(0, 3, ROWS)),
    "recurrent": (floats(4, 2), floats(1)),
    "classes": (floats(3), rng.integers(0, 3, ROWS)),
}
OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "global_clipnorm": 0.3}),
    ("Adam", {"learning_rate": 0.02}),
    ("AdamW", {"learning_rate": 0.02, "weight_decay": 0.01}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("Nadam", {"learning_rate": 0.01}),
    ("Adagrad", {"learning_rate": 0.05}),
]
CALLBACKS = {
    "stops": lambda c, folder: c.EarlyStopping("loss", patience=1, restore_best_weights=True),
    "reduces": lambda c, folder: c.ReduceLROnPlateau("val_loss", patience=0, min_delta=10),
    "schedules": lambda c, folder: c.LearningRateScheduler(lambda epoch, rate: rate * 0.8),
    "keeps": lambda c, folder: c.ModelCheckpoint(
        str(folder / "best.weights.h5"), monitor="loss", save_best_only=True, save_weights_only=True
    ),
}


def network(kind, lib):
    # No bias before a normalization: its gradient is nothing but rounding errors.
    layers = lib.layers
    if kind == "convolutions":
        return lib.Sequential(
            [
                layers.Input((5, 5, 1)),
                layers.Conv2D(2, 3, activation="relu", use_bias=False),
                layers.BatchNormalization(momentum=0.7),
                layers.Flatten(),
                layers.Dense(1),
            ]
        )
    if kind == "several":  # a functional model is Keras's in both
        p, q = keras.Input((3,), name="p"), keras.Input((3,), name="q")
        shared = keras.layers.Dense(4, activation="tanh")
        hidden = keras.layers.LayerNormalization()(keras.layers.Add()([shared(p), shared(q)]))
        both = keras.layers.Concatenate()([hidden, shared(p)])
        dense = keras.layers.Dense
        outputs = {"u": dense(1, name="u")(hidden), "v": dense(2, name="v")(both)}
        return keras.Model({"p": p, "q": q}, outputs)
    if kind == "nested":
        inner = lib.Sequential(
            [layers.Input((4, 3)), layers.Flatten(), layers.Dense(4, activation="relu")]
        )
        last = layers.Dense(3, activation="softmax")
        return lib.Sequential(
            [layers.Input((4,), dtype="int32"), layers.Embedding(7, 3), inner, last]
        )
    if kind == "recurrent":
        return lib.Sequential([layers.Input((4, 2)), layers.LSTM(3), layers.Dense(1)])
    return lib.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(4, activation="relu", use_bias=False, kernel_regularizer="l2"),
            layers.BatchNormalization(momentum=0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )


def part(data, rows):
    return {k: v[rows] for k, v in data.items()} if isinstance(data, dict) else data[rows]


class Side(Calls):
    """One library's model, and the calls that a sequence is made of.

    Args:
        lib: The library.
        kind: What model, and what data.
        folder: Where files go.
        served: Whether callbax trains a model of Keras's.
    """

    def __init__(self, lib, kind, folder, served):
        self.lib, self.kind, self.folder = lib, kind, folder
        self.served = lib is cb and (served or kind == "several")
        self.x, self.y = copy.deepcopy(DATA[kind])
        self.model = self.made()
        self.set_weights(7)

    def made(self):
        if self.served:
            return cb.Model(network(self.kind, keras))
        return network(self.kind, self.lib)

    def compile(self, optimizer, weighted):
        name, config = optimizer
        self._compile(getattr(self.lib.optimizers, name)(**config), weighted=weighted)

    def compile_schedule(self):
        schedule = self.lib.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)
        self._compile(self.lib.optimizers.Adam(schedule))

    def _compile(self, optimizer, *, weighted=False):
        loss, metrics = "mse", ["mae"]
        if self.kind == "several":
            loss, metrics = {"u": "mse", "v": "mae"}, {"u": ["mae"], "v": ["mse"]}
        elif self.kind in {"nested", "classes"}:
            loss, metrics = "sparse_categorical_crossentropy", ["accuracy"]
        weights = metrics if weighted else None
        self.model.compile(optimizer, loss, metrics=metrics, weighted_metrics=weights)

    def fit(self, epochs, batch_size, validation, weights):
        options = {}
        if validation == "data":
            options["validation_data"] = part(self.x, HEAD), part(self.y, HEAD)
        elif validation == "split" and self.kind != "several":
            options["validation_split"] = 0.25
        if weights == "samples" and self.kind != "several":
            options["sample_weight"] = np.linspace(0, 1, ROWS).astype("float32")
        elif weights == "classes" and self.kind in {"nested", "classes"}:
            options["class_weight"] = {0: 1.0, 1: 2.0, 2: 0.5}
        options |= {"epochs": epochs, "batch_size": batch_size, "shuffle": False, "verbose": 0}
        return self.trained(lambda: (self.x, self.y), **options)

    def fit_from_one_buffer(self):
        """Trains on a generator that fills the same arrays again for every batch."""

        def batches():
            x, y = part(self.x, HEAD), part(self.y, HEAD)
            if self.kind != "several":
                x, y = x.copy(), y.copy()
            for first in range(0, ROWS, 8):
                rows = slice(first, first + 8)
                if self.kind == "several":
                    x, y = part(self.x, rows), part(self.y, rows)
                else:
                    x[:], y[:] = self.x[rows], self.y[rows]
                # Keras reads ahead, and so trains on the last batch again and again.
                yield (x, y) if self.lib is cb else copy.deepcopy((x, y))

        steps = ROWS // 8
        options = {"steps_per_epoch": steps, "shuffle": False, "verbose": 0}
        return self.trained(lambda: (batches(), None), **options)

    def fit_with_hook(self, deed, batch):
        return self._fit(lambda: [self.with_hook(deed, batch)], 2)

    def fit_with_callback(self, name):
        make = CALLBACKS[name]
        return self._fit(lambda: [make(self.lib.callbacks, self.folder)], 3)

    def _fit(self, callbacks, epochs):
        return self.trained(
            lambda: (self.x, self.y),
            callbacks,
            batch_size=8,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            validation_data=(part(self.x, HEAD), part(self.y, HEAD)),
        )

    # What hooks do.

    def scale_a_layer(self, model):
        layer = next(each for each in model.layers if each.get_weights())
        layer.set_weights([weight * 0.9 for weight in layer.get_weights()])

    def halve_rate(self, model):
        if self.kind != "several" or not callable(model.optimizer.learning_rate):
            model.optimizer.learning_rate = float(model.optimizer.learning_rate) * 0.5

    def save_inside(self, model):
        model.save_weights(self.folder / "hook.weights.h5", overwrite=True)

    # Between runs.

    def train_on_batch(self, first, weighted):
        rows = slice(first, first + 8)
        options = {}
        if weighted and self.kind != "several":
            options["sample_weight"] = np.linspace(0, 1, 8).astype("float32")
        x, y = part(self.x, rows), part(self.y, rows)
        return self.model.train_on_batch(x, y, return_dict=True, **options)

    def test_on_batch(self):
        x, y = part(self.x, HEAD), part(self.y, HEAD)
        return self.model.test_on_batch(x, y, return_dict=True)

    def predict(self):
        outputs = self.model.predict(self.x, batch_size=12, verbose=0)
        return outputs if isinstance(outputs, dict) else {"outputs": outputs}

    def call(self, training):
        outputs = self.model(self.x, training=training)
        found = outputs if isinstance(outputs, dict) else {"outputs": outputs}
        return {key: np.asarray(value) for key, value in found.items()}

    def set_weights(self, seed):
        draw = np.random.default_rng(seed)
        drawn = [draw.normal(size=w.shape) * 0.5 for w in self.model.get_weights()]
        # Variances are not negative, and nothing else minds.
        self.model.set_weights([np.abs(array).astype("float32") for array in drawn])

    def set_layer_weights(self, index):
        layers = [layer for layer in self.model.layers if layer.get_weights()]
        layer = layers[index % len(layers)]
        layer.set_weights([weight * 0.7 for weight in layer.get_weights()])

    def assign(self, index):
        variable = self.model.weights[index % len(self.model.weights)]
        variable.assign(np.asarray(variable.numpy()) * 0.8)

    def freeze(self, index, value, optimizer):
        layers = [layer for layer in self.model.layers if layer.get_weights()]
        layers[index % len(layers)].trainable = value
        self.compile(optimizer, False)

    def change_data(self):
        """Changes arrays in place that an earlier call may have kept."""
        if self.kind in {"convolutions", "recurrent", "classes"}:
            self.x *= 1.1

    def save_and_load(self):
        self.model.save(self.folder / "model.keras", overwrite=True)
        self.model = self.lib.saving.load_model(self.folder / "model.keras")

    def seen(self):
        """Returns what a user can read between calls."""
        found = {f"weight {i}": weight for i, weight in enumerate(self.model.get_weights())}
        found["trainable"] = len(self.model.trainable_weights)
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and self.model.trainable_weights:
            found["iterations"] = int(optimizer.iterations)
            found["learning_rate"] = float(optimizer.learning_rate)
        return found


def sequence(seed):
    """Returns a kind of model, whether it is Keras's, and calls that Keras allows."""
    draw = random.Random(seed)

    def compilation():
        return "compile", (draw.choice(OPTIMIZERS), draw.random() < 0.5)

    def choices(scheduled, trained):
        validation = draw.choice([None, "data", "split"])
        weights = draw.choice([None, "samples", "classes"])
        deeds = ["scale_a_layer", "predict_inside", "save_inside", "stop"]
        deed = draw.choice([*deeds, *["halve_rate"] * (not scheduled)])
        return [
            ("fit", (draw.randint(1, 2), draw.choice([8, 12, 16]), validation, weights)),
            ("fit_from_one_buffer", ()),
            ("fit_with_callback", (draw.choice(sorted(CALLBACKS)[: 1 if scheduled else 4]),)),
            ("fit_with_hook", (deed, draw.randint(0, 3))),
            ("train_on_batch", (draw.choice([0, 8]), draw.random() < 0.5)),
            ("test_on_batch", ()),
            ("evaluate", ()),
            ("predict", ()),
            ("call", (draw.random() < 0.5,)),
            ("reset_metrics", ()),
            ("set_weights", (draw.randint(0, 99),)),
            ("set_layer_weights", (draw.randint(0, 3),)),
            ("assign", (draw.randint(0, 9),)),
            ("freeze", (draw.randint(0, 3), draw.random() < 0.5, draw.choice(OPTIMIZERS))),
            ("change_data", ()),
            *[("save_and_load", ())] * trained,
        ]

    drawn = calls(draw, 8, compilation, choices)
    kind, served = draw.choice(list(DATA)), draw.random() < 0.4
    return kind, served, [*drawn, ("fit", (1, 16, "data", None))]
