"""A plain Flax NNX module and an optax optimizer, trained without writing the loop."""

import optax
from flax import nnx

import callbax as cb


class Classifier(nnx.Module):
    """Images to logits; nothing in it knows of callbax."""

    def __init__(self, rngs):
        self.convolution = nnx.Conv(1, 16, kernel_size=(3, 3), rngs=rngs)
        self.normalization = nnx.BatchNorm(16, rngs=rngs)
        self.dropout = nnx.Dropout(0.2, rngs=rngs)
        self.output = nnx.Linear(4 * 4 * 16, 10, rngs=rngs)

    def __call__(self, images):
        features = nnx.relu(self.normalization(self.convolution(images)))
        pooled = nnx.max_pool(features, window_shape=(2, 2), strides=(2, 2))
        return self.output(self.dropout(pooled.reshape(len(images), -1)))


cb.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = cb.datasets.digits.load_data()
x_train = x_train[..., None].astype("float32") / 16
x_test = x_test[..., None].astype("float32") / 16

model = cb.Model(Classifier(nnx.Rngs(0)))
model.compile(
    optimizer=optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(3e-3)),
    loss=cb.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(
    x_train,
    y_train,
    epochs=20,
    verbose=0,
    validation_split=0.1,
    callbacks=[cb.callbacks.EarlyStopping(patience=4, restore_best_weights=True)],
)
scores = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
print(f"{len(history.epoch)} epochs, test accuracy {scores['accuracy']:.4f}")
