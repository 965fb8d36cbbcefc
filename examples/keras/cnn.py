"""A convolutional network on the digits of scikit-learn."""

import json

import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
images, labels = load_digits(return_X_y=True)
x = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
x_train, y_train, x_test, y_test = x[:1200], labels[:1200], x[1200:], labels[1200:]

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(16, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train, y_train, epochs=4, shuffle=False, validation_data=(x_test, y_test), verbose=2
)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
