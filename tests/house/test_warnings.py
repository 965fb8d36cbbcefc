"""Every warning names the line of the user's script that caused it."""

import textwrap
import warnings
from pathlib import Path

import pytest

import callbax
from callbax._core import _warnings

SCRIPT = "a_user_s_script.py"
START = """
import numpy as np
import callbax as cb
from flax import nnx
x = np.arange(12, dtype="float32").reshape(6, 2)
y = x[:, :1]
def line():
    model = cb.Sequential([cb.layers.Input((2,)), cb.layers.Dense(1)])
    model.compile(cb.optimizers.SGD(0.01), "mse")
    return model
"""
SCRIPTS = {
    "you are saving a model that has not been built": """
        cb.Sequential([cb.layers.Dense(1)]).save(folder + "/model.keras")  # here
    """,
    "does not say what the model is compiled with": """
        import keras, optax
        model = cb.Model(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
        model.compile(optax.sgd(0.1), "mse")
        model.save(folder + "/served.keras")  # here
    """,
    "continuing from the backup before": """
        folder = folder + "/backup"
        class Fail(cb.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2: raise KeyboardInterrupt
        backup = cb.callbacks.BackupAndRestore(folder, double_checkpoint=True)
        try:
            line().fit(x, y, epochs=3, verbose=0, callbacks=[backup, Fail()])
        except KeyboardInterrupt:
            pass
        open(folder + "/latest.weights.h5", "wb").close()
        line().fit(x, y, epochs=3, verbose=0, callbacks=[backup])  # here
    """,
    "cannot be read and is passed over": """
        class Fail(cb.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2: raise KeyboardInterrupt
        try:
            line().fit(x, y, epochs=3, verbose=0, callbacks=[Fail()], resume=folder)
        except KeyboardInterrupt:
            pass
        open(folder + "/fit-0/step-000000002.weights.h5", "wb").close()
        line().fit(x, y, epochs=3, verbose=0, resume=folder)  # here
    """,
    "the run continues with other settings": """
        class Fail(cb.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2: raise KeyboardInterrupt
        resume = cb.callbacks.Checkpoint(folder, allow_changes=True)
        try:
            line().fit(x, y, epochs=3, verbose=0, callbacks=[Fail()], resume=resume)
        except KeyboardInterrupt:
            pass
        line().fit(x + 1, y, epochs=3, verbose=0, resume=resume)  # here
    """,
    "Not restored, as these callbacks have no": """
        class Count(cb.callbacks.Callback):
            def __init__(self): self.count = 0
            def on_epoch_begin(self, epoch, logs=None):
                self.count += 1
                if self.count == 3: raise KeyboardInterrupt
        try:
            line().fit(x, y, epochs=3, verbose=0, callbacks=[Count()], resume=folder)
        except KeyboardInterrupt:
            pass
        line().fit(x, y, epochs=3, verbose=0, callbacks=[Count()], resume=folder)  # here
    """,
    "have other settings than in the recorded run": """
        class Fail(cb.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2: raise KeyboardInterrupt
        before, now = (cb.callbacks.EarlyStopping("loss", patience=n) for n in (3, 4))
        try:
            line().fit(x, y, epochs=3, verbose=0, callbacks=[before, Fail()], resume=folder)
        except KeyboardInterrupt:
            pass
        line().fit(x, y, epochs=3, verbose=0, callbacks=[now], resume=folder)  # here
    """,
    "categorical_crossentropy": """
        model = cb.Sequential([cb.layers.Input((2,)), cb.layers.Dense(1)])
        model.compile("sgd", "categorical_crossentropy")
        model.fit(x, y, verbose=0)  # here
    """,
    "reads a Python number that hooks keep changing": """
        box, model = [0], cb.Sequential([cb.layers.Input((2,)), cb.layers.Dense(1)])
        model.compile("sgd", lambda y_true, y_pred: box[0] * (y_true - y_pred) ** 2)
        grow = cb.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: box.__setitem__(0, epoch + 1)
        )
        model.fit(x, y, epochs=6, verbose=0, callbacks=[grow])  # here
    """,
    "callbax leaves `fit` to Keras": """
        import keras, callbax.keras_training
        callbax.keras_training._takeover._takeover._told.clear()
        callbax.keras_training.take_over()
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        try:
            model.fit(x, y, verbose=0)  # here
        finally:
            callbax.keras_training.give_back()
    """,
    "softmax": """
        model = cb.Sequential([cb.layers.Input((2,)), cb.layers.Dense(1, "softmax")])  # here
    """,
    "`ReduceLROnPlateau(epsilon=...)` is deprecated": """
        cb.callbacks.ReduceLROnPlateau(epsilon=0.1)  # here
    """,
    "`ModelCheckpoint(period=...)` is deprecated": """
        cb.callbacks.ModelCheckpoint("a.keras", period=2)  # here
    """,
    "mode 'mim' is unknown": """
        cb.callbacks.EarlyStopping(mode="mim")  # here
    """,
    "which is not available": """
        stop = cb.callbacks.EarlyStopping("val_loss")
        line().fit(x, y, verbose=0, callbacks=[stop])  # here
    """,
    "which is not a number but": """
        class Add(cb.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None): logs["odd"] = "text"
        stop = cb.callbacks.EarlyStopping("odd", mode="min")
        line().fit(x, y, verbose=0, callbacks=[Add(), stop])  # here
    """,
    "which is NaN": """
        stop = cb.callbacks.EarlyStopping("loss")
        line().fit(x, y * np.nan, verbose=0, callbacks=[stop])  # here
    """,
    "which is not a hook": """
        class Typo(cb.callbacks.Callback):
            def on_epoch_ends(self, epoch, logs=None): pass
            def on_train_end(self, logs=None): pass
        line().fit(x, y, verbose=0, callbacks=[Typo()])  # here
    """,
    "The run continues without this callback": """
        class Bad(cb.callbacks.Callback):
            on_failure = "warn"
            def on_train_end(self, logs=None): raise RuntimeError
        line().fit(x, y, verbose=0, callbacks=[Bad()])  # here
    """,
    "`history.callback_costs` shows": """
        import time
        from unittest import mock
        class Slow(cb.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None): time.sleep(2)
        with mock.patch("callbax.callbacks._hook_calls.SHORT_SECONDS", 0.0):
            line().fit(x, y, verbose=0, callbacks=[Slow()])  # here
    """,
    "teardown` failed": """
        class Bad(cb.callbacks.Callback):
            def teardown(self): raise RuntimeError
            def on_train_end(self, logs=None): pass
        line().fit(x, y, verbose=0, callbacks=[Bad()])  # here
    """,
    "Could not reach RemoteMonitor": """
        remote = cb.callbacks.RemoteMonitor("http://127.0.0.1:9")
        line().fit(x, y, verbose=0, callbacks=[remote])  # here
    """,
    "was not restored": """
        hooks = cb.callbacks.CallbackList([cb.callbacks.EarlyStopping()])
        hooks.load_state_dict({})  # here
    """,
    "takes no weak references": """
        class Slotted:
            __slots__ = ("left",)
            def __init__(self): self.left = 9
            def __iter__(self): return self
            def __next__(self): return x, y
        class Stop(cb.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None): self.model.stop_training = True
        line().fit(Slotted(), verbose=0, callbacks=[Stop()])  # here
    """,
    "`fit_generator` is deprecated": """
        line().fit_generator(iter([(x, y)]), steps_per_epoch=1, verbose=0)  # here
    """,
    "Your input ran out of data": """
        line().fit(x, y, batch_size=3, steps_per_epoch=3, verbose=0)  # here
    """,
    "the backup of a later fit": """
        class Break(cb.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch: raise InterruptedError
        model, backup = line(), cb.callbacks.BackupAndRestore(folder)
        model.fit(x, y, verbose=0, callbacks=[backup])
        try:
            model.fit(x, y, epochs=2, verbose=0, callbacks=[backup, Break()])
        except InterruptedError:
            pass
        line().fit(x, y, verbose=0, callbacks=[backup])  # here
    """,
    "the last row was cut": """
        with open(folder + "/log.csv", "wb") as file:
            file.write(b"epoch,loss\\r\\n0,0.5\\r\\n1,0.")
        log = cb.callbacks.CSVLogger(folder + "/log.csv", append=True)
        line().fit(x, y, verbose=0, callbacks=[log])  # here
    """,
    "not among": """
        class Unknown(cb.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None): pass
        stop = cb.callbacks.EarlyStopping("los", mode="min")
        line().fit(x, y, verbose=0, callbacks=[stop, Unknown()])  # here
    """,
    "Pass `validation_data` to `fit`": """
        stop = cb.callbacks.EarlyStopping("val_loss")
        line().fit(x, y, verbose=0, callbacks=[stop])  # here
    """,
    "keep their values": """
        line().save_weights(folder + "/a.weights.h5")
        other = cb.Sequential([cb.layers.Input((3,)), cb.layers.Dense(1)])
        other.load_weights(folder + "/a.weights.h5", skip_mismatch=True)  # here
    """,
    "It is made once, while the call is compiled": """
        class Counts(nnx.Module):
            def __init__(self):
                self.dense, self.calls = nnx.Linear(2, 1, rngs=nnx.Rngs(0)), 0
            def __call__(self, x):
                self.calls += 1
                return self.dense(x)
        model = cb.Model(Counts())
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0)  # here
    """,
    "Change the order of its arguments": """
        def error(y_pred, y_true): return (y_pred - y_true) ** 2
        line().compile("sgd", error)  # here
    """,
    "expected scores before a softmax": """
        model = cb.Sequential([cb.layers.Dense(2, activation="softmax")])
        model.compile("sgd", cb.losses.CategoricalCrossentropy(from_logits=True))  # here
    """,
    "which ends nothing": """
        line().stop_traning = True  # here
    """,
    "the profiler did not start": """
        import jax
        jax.profiler.start_trace(folder)
        board = cb.callbacks.TensorBoard(folder, profile_batch=1)
        line().fit(x, y, verbose=0, callbacks=[board])  # here
        jax.profiler.stop_trace()
    """,
}


@pytest.mark.parametrize("words", SCRIPTS)
def test_it_names_the_user_s_line(words, tmp_path):
    source = START + textwrap.dedent(SCRIPTS[words])
    lines = source.splitlines()
    here = next(number for number, line in enumerate(lines, 1) if line.endswith("# here"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(compile(source, SCRIPT, "exec"), {"folder": str(tmp_path)})
    places = [(one.filename, one.lineno) for one in caught if words in str(one.message)]
    assert places, "never warned"
    assert set(places) == {(SCRIPT, here)}


def test_every_warning_is_in_the_table():
    root = Path(callbax.__file__).parent
    own = Path(_warnings.__file__)
    sources = {path: path.read_text() for path in root.rglob("*.py") if path != own}
    count = sum(source.count(" warn(") for source in sources.values())
    assert count == len(SCRIPTS), "a warning was added or removed: mend the table"
