"""Hooks that read or change the model or the logs find and leave what they do in Keras."""

import pytest
from tests.parity._actions import TEST_HOOKS, TRAIN_HOOKS, fit_with
from tests.parity._models import Model
from tests.parity._run import Case, check, rows


def halve_the_learning_rate(callback, logs):
    optimizer = callback.model.optimizer
    optimizer.learning_rate = float(optimizer.learning_rate) / 2


def halve_the_weights(callback, logs):
    callback.model.set_weights([weight / 2 for weight in callback.model.get_weights()])


def fit_and_note(hook, at, look):
    """A script: fit, and note what `look` finds in the model each time the hook comes."""

    def script(run):
        watcher = run.when(hook, lambda callback, logs: run.note("seen", look(callback.model)), at)
        run.fit(
            *run.xy(10), batch_size=4, epochs=2, validation_data=run.xy(6, 10), callbacks=[watcher]
        )

    return script


CHANGES = (
    [
        Case(f"learning_rate changed in {hook}", fit_with(hook, halve_the_learning_rate, at), model)
        for hook, at in (TRAIN_HOOKS | TEST_HOOKS).items()
        for model in [Model(optimizer="momentum")]
    ]
    + [
        Case("learning_rate changed at every batch", fit_with(hook, halve_the_learning_rate, None))
        for hook in ["on_train_batch_end"]
    ]
    + [
        Case(f"weights changed in {hook}", fit_with(hook, halve_the_weights, at), model)
        for hook, at in (TRAIN_HOOKS | TEST_HOOKS).items()
        for model in [Model(optimizer="adam")]
    ]
    + [
        Case(
            f"weights read in {hook}",
            fit_and_note(hook, at, lambda model: model.get_weights()),
            Model(optimizer="momentum"),
        )
        for hook, at in (TRAIN_HOOKS | TEST_HOOKS).items()
    ]
    + [
        Case(
            "optimizer.iterations read at every batch",
            fit_and_note("on_train_batch_end", None, lambda model: int(model.optimizer.iterations)),
        ),
        Case(
            "both weights and learning_rate changed at one batch",
            lambda run: run.fit(
                *run.xy(10),
                batch_size=2,
                epochs=2,
                callbacks=[
                    run.when("on_train_batch_end", halve_the_weights, 2),
                    run.when("on_train_batch_end", halve_the_learning_rate, 2),
                ],
            ),
            Model(optimizer="rmsprop"),
        ),
        Case(
            "weights changed in on_predict_batch_end",
            lambda run: run.predict(
                run.xy(10)[0],
                batch_size=4,
                callbacks=[run.when("on_predict_batch_end", halve_the_weights, 0)],
            ),
        ),
        Case(
            "weights changed in on_test_batch_end of evaluate",
            lambda run: run.evaluate(
                *run.xy(10),
                batch_size=4,
                callbacks=[run.when("on_test_batch_end", halve_the_weights, 0)],
            ),
        ),
        Case(
            "predict inside a hook",
            lambda run: run.fit(
                *run.xy(10),
                batch_size=4,
                epochs=2,
                callbacks=[
                    run.when(
                        "on_epoch_end",
                        lambda callback, logs: run.note(
                            "predicted", callback.model.predict(run.xy(3)[0], verbose=0)
                        ),
                    )
                ],
            ),
        ),
    ]
)

LOGS = [
    Case(
        f"keys added in {hook} reach later callbacks",
        fit_with(hook, lambda callback, logs: logs.update(added=0.5), None),
    )
    for hook in ("on_train_batch_end", "on_test_end", "on_epoch_end", "on_epoch_begin")
] + [
    Case(
        "a key changed in on_epoch_end reaches History",
        fit_with("on_epoch_end", lambda callback, logs: logs.update(loss=-1.0), None),
    ),
    Case(
        "a callback behind the recorder is not seen by it",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=4,
            epochs=2,
            callbacks=[
                run.recorder,
                run.when("on_epoch_end", lambda callback, logs: logs.update(added=1.0)),
            ],
        ),
    ),
    Case(
        "older names of the batch hooks",
        lambda run: run.fit(*run.xy(10), batch_size=4, callbacks=[older_names(run)]),
    ),
    Case(
        "a subclass that never calls super().__init__",
        lambda run: run.fit(*run.xy(10), batch_size=4, callbacks=[without_super(run)]),
    ),
    Case(
        "LambdaCallback",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=4,
            callbacks=[
                run.lib.callbacks.LambdaCallback(
                    on_train_batch_end=lambda batch, logs: run.note(f"lambda {batch}", dict(logs)),
                    on_epoch_end=lambda epoch, logs: run.note(f"lambda {epoch}", dict(logs)),
                )
            ],
        ),
    ),
    Case("History given by the user", lambda run: fit_twice_with_one_history(run)),
]


def older_names(run):
    def begin(callback, batch, logs=None):
        run.note("on_batch_begin", batch)

    def end(callback, batch, logs=None):
        run.note("on_batch_end", [batch, dict(logs)])

    hooks = {"on_batch_begin": begin, "on_batch_end": end}
    return type("Older", (run.lib.callbacks.Callback,), hooks)()


def without_super(run):
    def start(callback):
        callback.seen = 0

    def end(callback, epoch, logs=None):
        callback.seen += 1
        run.note("seen", callback.seen)

    hooks = {"__init__": start, "on_epoch_end": end}
    return type("NoSuper", (run.lib.callbacks.Callback,), hooks)()


def fit_twice_with_one_history(run):
    history = run.lib.callbacks.History()
    run.fit(*run.xy(10), batch_size=4, epochs=2, callbacks=[history])
    run.fit(*run.xy(10), batch_size=4, epochs=1, callbacks=[history])
    run.note("the user's own", history is run.model.history)


@pytest.mark.parametrize("steps_per_execution", ["auto", 3])
@pytest.mark.parametrize("case", rows(CHANGES + LOGS))
def test_hooks_change_what_they_change_in_keras(case, steps_per_execution):
    check(case, steps_per_execution)
