"""The same calls on two libraries, compared after every one."""

import copy

import numpy as np


class Calls:
    """Calls that are the same on a model of either library.

    Attributes:
        lib: The library.
        model: Its model.
        x: The samples.
        y: The targets.
        folder: Where files go.
    """

    def trained(self, data, callbacks=list, **options):
        """Fits the model and returns its history.

        Args:
            data: Returns ``x`` and ``y``.
            callbacks: Returns the callbacks, new ones.
            **options: What else `fit` takes.
        """
        x, y = data()
        return self.model.fit(x, y, callbacks=callbacks(), **options).history

    def with_hook(self, deed, batch):
        """Returns a callback that does a deed at the end of a batch."""
        side = self

        class Hook(self.lib.callbacks.Callback):
            def on_train_batch_end(self, index, logs=None):
                if index == batch:
                    getattr(side, deed)(self.model)

        return Hook()

    # What hooks do.

    def predict_inside(self, model):
        model.predict(self.x, verbose=0)

    def stop(self, model):
        model.stop_training = True

    # Between runs.

    def evaluate(self):
        return self.model.evaluate(self.x, self.y, batch_size=8, verbose=0, return_dict=True)

    def reset_metrics(self):
        self.model.reset_metrics()

    def set_rate(self, rate):
        self.model.optimizer.learning_rate = rate

    def save_weights(self):
        self.model.save_weights(self.folder / "kept.weights.h5", overwrite=True)

    def load_weights(self):
        self.model.load_weights(self.folder / "kept.weights.h5")

    def deepcopy(self):
        self.model = copy.deepcopy(self.model)


def calls(draw, most, compilation, choices):
    """Returns random calls that Keras allows, a compilation first.

    Args:
        draw: Draws.
        most: How many at most, of at least four.
        compilation: Returns a call that compiles.
        choices: ``(scheduled, trained)`` -> calls of which one may be next.
    """
    drawn = [compilation()]
    trained = saved = scheduled = False
    for _ in range(draw.randint(4, most)):
        likely = [compilation(), ("compile_schedule", ()), *choices(scheduled, trained)]
        likely += [("set_rate", (draw.choice([0.0, 0.01, 0.1]),))] * (not scheduled)
        # Keras reads an optimizer's state only into one that has as much of it.
        likely += [(name, ()) for name in ("save_weights", "deepcopy")] * trained
        likely += [("load_weights", ())] * 2 * saved
        call = draw.choice(likely)
        if call[0] in {"compile", "compile_schedule", "freeze"}:
            trained = saved = False
            scheduled = call[0] == "compile_schedule"
        trained = trained or call[0] in {"fit", "fit_from_one_buffer"}
        saved = saved or call[0] == "save_weights"
        drawn.append(call)
    return drawn


def run(side, calls):
    """Yields after each call what it returned and what can be read.

    Args:
        side: One library's model; each call is a method of it, and `seen` tells what can be read.
        calls: (name, arguments) pairs.
    """
    for name, arguments in calls:
        returned = getattr(side, name)(*arguments) or {}
        yield {**side.seen(), **{f"{name}: {key}": value for key, value in returned.items()}}


def differences(ours, theirs):
    """Returns what differs between what two calls came to, in words."""
    if ours.keys() != theirs.keys():
        return [f"keys {sorted(ours)} beside {sorted(theirs)}"]
    return [
        f"{key}: {np.asarray(ours[key]).ravel()[:4]} beside {np.asarray(theirs[key]).ravel()[:4]}"
        for key in ours
        if not np.allclose(ours[key], theirs[key], rtol=1e-3, atol=1e-4)
    ]


def first_difference(ours, theirs, calls):
    """Returns the first call after which two sides differ, and in what; None if never."""
    for number, pair in enumerate(zip(run(ours, calls), run(theirs, calls), strict=True)):
        if found := differences(*pair):
            return f"after {calls[: number + 1]}: {found}"
    return None
