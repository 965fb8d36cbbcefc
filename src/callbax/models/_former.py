"""Arguments of former versions of Keras, and of other libraries: what to write in their place."""

_IN_COMPILE = "Give it to `compile`, not to `fit`."
_QUEUE = "Leave it out: batches are prepared in a thread of their own."
_NO_TARGETS = "Targets are for `evaluate(x, y)`; `predict(x)` takes inputs alone."

FORMER_OF_RUNS = {
    "max_q_size": _QUEUE,
    "max_queue_size": _QUEUE,
    "nb_worker": _QUEUE,
    "pickle_safe": _QUEUE,
    "use_multiprocessing": _QUEUE,
    "workers": _QUEUE,
    "targets": _NO_TARGETS,
    "y": _NO_TARGETS,
}
"""Arguments of ``evaluate`` and ``predict``."""
FORMER_OF_FIT = {
    **{name: action for name, action in FORMER_OF_RUNS.items() if action is _QUEUE},
    **dict.fromkeys(("learning_rate", "loss", "lr", "metrics", "optimizer"), _IN_COMPILE),
    "X": "It is called `x`.",
    "max_epochs": "It is called `epochs`.",
    "n_epochs": "It is called `epochs`.",
    "nb_epoch": "It is called `epochs` now.",
    "nb_epochs": "It is called `epochs` now.",
    "nb_val_samples": "`validation_steps` counts batches of validation data.",
    "samples_per_epoch": "`steps_per_epoch` counts batches in an epoch.",
    "show_accuracy": 'Ask for it by compile(metrics=["accuracy"]).',
    "val_data": "It is called `validation_data`.",
    "val_split": "It is called `validation_split`.",
}
"""Arguments of ``fit``."""
FORMER_OF_COMPILE = {
    "class_mode": "The loss says what the labels look like.",
    "learning_rate": "Give it to the optimizer: compile(optimizers.Adam(learning_rate=0.001)).",
    "lr": "Give it to the optimizer: compile(optimizers.Adam(learning_rate=0.001)).",
    "sample_weight_mode": "Leave it out: weights of any shape that fits the values are taken.",
}
"""Arguments of ``compile``."""
