"""Notebooks, run by a real kernel: what cells show, and what the stop button does."""

import os
import re
import signal
import threading
import time

import nbclient
import nbformat
import pytest

SETUP = """
import time
import numpy as np
import callbax as cb

x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)

def make():
    cb.utils.set_random_seed(0)
    model = cb.Sequential([cb.layers.Dense(3, "relu"), cb.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model

model = make()
"""
ESCAPES = re.compile(r"\x1b")


class Notebook:
    """A kernel, and the cells that it has run."""

    def __init__(self, client):
        self.client = client

    def run(self, source, *, allowed=()):
        """Runs one more cell and returns its outputs; an error that is not allowed is raised."""
        cells = self.client.nb.cells
        cells.append(nbformat.v4.new_code_cell(source))
        cells[-1].metadata["tags"] = ["raises-exception"] if allowed else []
        self.client.execute_cell(cells[-1], len(cells) - 1)
        outputs = cells[-1].outputs
        assert {output.ename for output in outputs if output.output_type == "error"} <= {*allowed}
        return outputs

    def interrupt(self, seconds):
        """Presses the stop button after a time."""

        def press():
            time.sleep(seconds)
            os.kill(self.client.km.provisioner.pid, signal.SIGINT)

        thread = threading.Thread(target=press)
        thread.start()
        return thread


@pytest.fixture(scope="module")
def notebook():
    made = nbformat.v4.new_notebook()
    client = nbclient.NotebookClient(made, timeout=40, kernel_name="python3")
    with client.setup_kernel(env=os.environ | {"MPLBACKEND": MPL}):
        notebook = Notebook(client)
        notebook.run(SETUP)
        yield notebook


MPL = "module://matplotlib_inline.backend_inline"


def kinds(outputs):
    return [output.output_type for output in outputs]


def plain(output):
    return output.text if output.output_type == "stream" else output.data["text/plain"]


def test_a_fit_is_one_output_with_a_table(notebook):
    outputs = notebook.run("history = model.fit(x, y, epochs=3, validation_split=0.25)")
    assert kinds(outputs) == ["display_data"]
    head, *rows = plain(outputs[0]).splitlines()
    assert head.split() == ["epoch", "loss", "val_loss", "mae", "val_mae", "time"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    shown = notebook.run("print([f'{loss:.4f}' for loss in history.history['val_loss']])")
    assert str([row.split()[2] for row in rows]) == shown[0].text.strip()
    html = outputs[0].data["text/html"]
    assert html.count("<tr>") == 4
    assert "━" not in html


def test_a_thousand_epochs_are_one_output_too_and_it_stays_small(notebook):
    outputs = notebook.run("model.fit(x, y, epochs=1000, batch_size=96);")
    assert kinds(outputs) == ["display_data"]
    text = plain(outputs[0])
    assert text.splitlines()[0] == "900 earlier epochs are in `history`"
    assert text.splitlines()[-1].split()[0] == "1000"
    assert len(outputs[0].data["text/html"]) < 40_000


def test_what_callbacks_print_is_above_the_table_of_the_same_output(notebook):
    outputs = notebook.run("""
class Says(cb.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print("epoch", epoch, "<is over>")

stop = cb.callbacks.EarlyStopping("loss", patience=0, mode="max", verbose=1)
model.fit(x, y, epochs=3, callbacks=[Says(), stop])
print("after")
""")
    assert kinds(outputs) == ["display_data", "stream"]
    text = plain(outputs[0])
    assert text.startswith("epoch 0 <is over>\nepoch 1 <is over>\nEpoch 2: early stopping\n")
    html = outputs[0].data["text/html"]
    assert html.index("&lt;is over&gt;") < html.index("<table>")
    assert outputs[1].text == "after\n"


def test_a_cell_that_is_run_again_shows_the_same_again(notebook):
    cell = "again = make()\nagain.fit(x, y, epochs=2).history['loss']"
    first, second = notebook.run(cell), notebook.run(cell)
    assert kinds(first) == kinds(second) == ["display_data", "execute_result"]
    assert plain(first[1]) == plain(second[1])


def test_an_evaluation_in_a_hook_makes_no_output_of_its_own(notebook):
    outputs = notebook.run("""
class Evaluates(cb.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.evaluate(x, y)

model.fit(x, y, epochs=3, callbacks=[Evaluates()]);
""")
    assert kinds(outputs) == ["display_data"]
    assert plain(outputs[0]).count("3/3 - ") == 3
    assert kinds(notebook.run("model.evaluate(x, y);")) == ["display_data"]


def test_an_error_gives_the_output_back(notebook):
    outputs = notebook.run(
        """
class Fails(cb.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise RuntimeError("mine")

model.fit(x, y, epochs=3, callbacks=[Fails()])
""",
        allowed={"RuntimeError"},
    )
    assert kinds(outputs) == ["display_data", "error"]
    assert kinds(notebook.run("print('free')")) == ["stream"]


def test_the_summary_has_no_escapes(notebook):
    outputs = notebook.run("model.summary()")
    assert kinds(outputs) == ["stream"]
    assert "Total params" in outputs[0].text
    assert not ESCAPES.search(outputs[0].text)


SLOW = """
class Slow(cb.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.01)

began = time.time()
"""


def test_the_stop_button_returns_the_history_if_that_was_asked_for(notebook):
    thread = notebook.interrupt(1.5)
    outputs = notebook.run(
        SLOW + "stopped = model.fit(x, y, epochs=10**6, callbacks=[Slow()], on_interrupt='return')"
    )
    thread.join()
    assert kinds(outputs) == ["display_data", "stream"]
    told = r"Interrupted at epoch \d+(, batch \d)?; `fit` returns the history so far.\n"
    assert re.fullmatch(told, outputs[1].text)
    shown = notebook.run("print(len(stopped.epoch) > 3, stopped.stop_reason)")[0].text
    assert shown.startswith("True KeyboardInterrupt at epoch ")


def test_the_stop_button_raises_otherwise_and_the_next_cell_runs(notebook):
    thread = notebook.interrupt(1.5)
    outputs = notebook.run(
        SLOW + "model.fit(x, y, epochs=10**6, callbacks=[Slow()])", allowed={"KeyboardInterrupt"}
    )
    thread.join()
    assert kinds(outputs) == ["display_data", "error"]
    assert kinds(notebook.run("model.fit(x, y, epochs=1);")) == ["display_data"]


@pytest.mark.parametrize(
    ("value", "tells"),
    [
        ("model", "Model: &quot;sequential"),
        ("history", "History: 3 epochs"),
        ("cb.callbacks.CallbackList([cb.callbacks.EarlyStopping()])", "EarlyStopping"),
    ],
)
def test_values_show_themselves(notebook, value, tells):
    (output,) = notebook.run(value)
    assert tells in output.data["text/html"]
    assert "object at 0x" not in output.data["text/plain"]


def test_an_optimizer_shows_its_rate(notebook):
    assert plain(notebook.run("model.optimizer")[0]) == "Adam(learning_rate=0.001)"


@pytest.mark.parametrize("ending", ["", ";"])
def test_a_picture_is_shown_once(notebook, ending):
    outputs = notebook.run(f"history.plot(){ending}")
    assert kinds(outputs) == ["display_data"]
    assert set(outputs[0].data) == {"image/png", "text/plain"}


def test_a_keras_model_shows_itself_and_fits_in_one_output(notebook):
    outputs = notebook.run("""
import keras
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
served = cb.Model(net)
served.fit(x, y, epochs=3)
served
""")
    assert kinds(outputs) == ["display_data", "execute_result"]
    assert "Training step" in outputs[1].data["text/html"]
    shown = notebook.run("served.summary()")
    assert "Training step" in plain(shown[-1])
