"""Keras models of many kinds, with data: what the adapter is compared with Keras on."""

import jax
import keras
import numpy as np
from keras import layers, ops

SAMPLES, BATCH = 44, 16  # a short last batch


def floats(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(SAMPLES, *shape)).astype("float32")


def whole(high, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, high, (SAMPLES, *shape)).astype("int32")


def cnn():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, kernel_regularizer=keras.regularizers.L2(1e-2)),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, floats(8, 8, 1), whole(3)


def two_inputs_two_outputs():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    h = layers.Dense(5, activation="tanh")(layers.Concatenate()([a, b]))
    outputs = {"p": layers.Dense(1, name="p")(h), "q": layers.Dense(2, name="q")(h)}
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile(
        "rmsprop",
        {"p": "mse", "q": "mae"},
        loss_weights={"p": 1.0, "q": 0.5},
        metrics={"p": ["mae"], "q": ["mse"]},
    )
    return model, {"a": floats(4), "b": floats(3, seed=1)}, {"p": floats(1), "q": floats(2, seed=3)}


def lists_of_outputs():
    a = keras.Input((4,))
    model = keras.Model(a, [layers.Dense(1)(a), layers.Dense(2)(a)])
    model.compile("sgd", ["mse", "mae"])
    return model, floats(4), [floats(1), floats(2)]


def masked_lstm():
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"], weighted_metrics=["mse"])
    return model, whole(9, 6), floats(6, 1)


def bidirectional_gru():
    model = keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.Bidirectional(layers.GRU(4, dropout=0.2)),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("nadam", "binary_crossentropy", metrics=["accuracy", "auc"])
    return model, floats(5, 3), whole(2, 1)


def transformer():
    x = keras.Input((6, 8))
    a = layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x)
    h = layers.LayerNormalization()(x + a)
    h = layers.Dense(8, activation="gelu")(h)
    model = keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling1D()(h)))
    model.compile(
        keras.optimizers.AdamW(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model, floats(6, 8), whole(2)


class Subclassed(keras.Model):
    """Not built before it sees data; adds a loss of its own."""

    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential([layers.Dense(6, activation="relu"), layers.Dense(3)])
        self.decoder = layers.Dense(4)
        self.drop = layers.Dropout(0.2)

    def call(self, x, training=False):
        code = self.encoder(x)
        self.add_loss(0.01 * ops.mean(ops.square(code)))
        return self.decoder(self.drop(code, training=training))


def subclassed():
    model = Subclassed()
    model.compile("adam", "mse", metrics=[keras.metrics.RootMeanSquaredError()])
    return model, floats(4), floats(4, seed=1)


class OwnStep(keras.Model):
    """A step of one's own for JAX, as Keras's guide writes it, with metrics of its own."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.seen = keras.metrics.Mean(name="seen")

    def call(self, x, training=False):
        return self.dense(x)

    @property
    def metrics(self):
        return [self.seen]

    def loss_of(self, trainable, others, x, y):
        y_pred, others = self.stateless_call(trainable, others, x, training=True)
        return ops.mean(ops.abs(y_pred - y) ** 1.5), others

    def train_step(self, state, data):
        trainable, others, optimizer, metrics = state
        x, y = data
        step = jax.value_and_grad(self.loss_of, has_aux=True)
        (loss, others), grads = step(trainable, others, x, y)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        metrics = self.seen.stateless_update_state(metrics, loss)
        return {"seen": self.seen.stateless_result(metrics)}, (
            trainable,
            others,
            optimizer,
            metrics,
        )

    def test_step(self, state, data):
        trainable, others, metrics = state
        x, y = data
        loss, others = self.loss_of(trainable, others, x, y)
        metrics = self.seen.stateless_update_state(metrics, loss)
        return {"seen": self.seen.stateless_result(metrics)}, (trainable, others, metrics)


def own_step():
    model = OwnStep()
    model.compile("adam")
    return model, floats(4), floats(1)


class OwnLoss(keras.Model):
    """Overrides `compute_loss`."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(y_pred)) + ops.mean(ops.square(x))


def own_loss():
    model = OwnLoss()
    model.compile("sgd")
    return model, floats(3), None


class Variational(keras.Model):
    """A small variational autoencoder: a sampling layer with a seed, losses added in `call`."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = layers.Dense(4), layers.Dense(5)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, x):
        mean, log_var = ops.split(self.encoder(x), 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        self.add_loss(-0.5 * ops.mean(1 + log_var - mean**2 - ops.exp(log_var)))
        return self.decoder(mean + ops.exp(0.5 * log_var) * noise)


def variational():
    model = Variational()
    model.compile("adam", "mse")
    return model, floats(5), floats(5)


def shared_and_nested():
    shared = layers.Dense(4, activation="relu", name="shared")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.BatchNormalization()])
    a, b = keras.Input((4,)), keras.Input((4,))
    difference = layers.Subtract()([inner(shared(a)), inner(shared(b))])
    model = keras.Model([a, b], layers.Dense(1, activation="sigmoid")(difference))
    model.compile("adagrad", "binary_crossentropy")
    return model, [floats(4), floats(4, seed=1)], whole(2, 1)


def frozen_base():
    base = keras.Sequential([keras.Input((5,)), layers.Dense(6), layers.BatchNormalization()])
    base.trainable = False
    model = keras.Sequential([keras.Input((5,)), base, layers.Dense(1)])
    model.compile("adam", "mse")
    return model, floats(5), floats(1)


def scaled_loss():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(6, activation="relu"), layers.Dense(1)]
    )
    inner = keras.optimizers.SGD(0.01, momentum=0.9)
    optimizer = keras.optimizers.LossScaleOptimizer(
        inner, initial_scale=8.0, dynamic_growth_steps=2
    )
    model.compile(optimizer, "mse", metrics=["mae"])
    return model, floats(4), floats(1)


def mixed_precision():
    x = keras.Input((4,))
    h = layers.Dense(8, activation="relu", dtype="mixed_float16")(x)
    model = keras.Model(x, layers.Dense(1, dtype="float32")(h))
    model.compile("adam", "mse")
    return model, floats(4), floats(1)


def schedule_and_accumulation():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    optimizer = keras.optimizers.Adam(schedule, gradient_accumulation_steps=2, clipnorm=0.5)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model, floats(4), floats(1)


def averaged_weights():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.8), "mse")
    return model, floats(4), floats(1)


def augmentation():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.GaussianNoise(0.1),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    return model, floats(8, 8, 1), floats(1)


def autoencoder():
    x = keras.Input((8, 8, 1))
    h = layers.Conv2D(2, 3, strides=2, padding="same", activation="relu")(x)
    model = keras.Model(x, layers.Conv2DTranspose(1, 3, strides=2, padding="same")(h))
    model.compile("adamax", keras.losses.Huber())
    return model, floats(8, 8, 1), floats(8, 8, 1)


def separable_group_norm():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.SeparableConv2D(6, 3),
            layers.GroupNormalization(2),
            layers.PReLU(),
            layers.GlobalMaxPooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("lion", "categorical_crossentropy", metrics=["top_k_categorical_accuracy"])
    return model, floats(8, 8, 4), np.eye(3, dtype="float32")[whole(3)]


KINDS = [
    cnn,
    two_inputs_two_outputs,
    lists_of_outputs,
    masked_lstm,
    bidirectional_gru,
    transformer,
    subclassed,
    own_step,
    own_loss,
    variational,
    shared_and_nested,
    frozen_base,
    scaled_loss,
    mixed_precision,
    schedule_and_accumulation,
    averaged_weights,
    augmentation,
    autoencoder,
    separable_group_norm,
]


def made(kind):
    """Returns a model of a kind and its data, the same at every call."""
    keras.utils.set_random_seed(1)
    keras.backend.clear_session(free_memory=False)
    return kind()


def everything(model):
    """Returns all arrays of a model that Keras's own `fit` leaves behind, metrics left out."""
    return [
        np.array(keras.ops.convert_to_numpy(v.value))
        for v in (*model.variables, *model.optimizer.variables)
    ]
