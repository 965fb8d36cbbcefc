"""What hooks do in the cases, and when."""

TRAIN_HOOKS = {
    "on_train_begin": None,
    "on_epoch_begin": 0,
    "on_train_batch_begin": 1,
    "on_train_batch_end": 1,
    "on_epoch_end": 0,
    "on_train_end": None,
}
TEST_HOOKS = {
    "on_test_begin": None,
    "on_test_batch_begin": 0,
    "on_test_batch_end": 0,
    "on_test_end": None,
}
PREDICT_HOOKS = {
    "on_predict_begin": None,
    "on_predict_batch_begin": 1,
    "on_predict_batch_end": 1,
    "on_predict_end": None,
}


def raising(flag):
    """An action that sets a stop flag."""
    return lambda callback, logs: setattr(callback.model, flag, True)


def failing(error):
    def fail(callback, logs):
        raise error("from a hook")

    return fail


def fit_with(hook, do, at, **more):
    """A script: three epochs of three batches with two of validation, and a hook that acts."""
    return lambda run: run.fit(
        *run.xy(10),
        batch_size=4,
        epochs=3,
        validation_data=run.xy(6, 10),
        callbacks=[run.when(hook, do, at)],
        **more,
    )
