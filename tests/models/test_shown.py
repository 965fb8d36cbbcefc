"""What models show of themselves and their callbacks: text, tables, a confusion matrix."""

import keras
import matplotlib
import numpy as np
import pytest
from flax import nnx
from matplotlib import pyplot
from sklearn.metrics import confusion_matrix

import callbax as cb
from callbax.callbacks import Callback, CallbackList, EarlyStopping, History

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


class Constant(nnx.Module):
    """Gives out what it gets."""

    def __init__(self):
        self.unused = nnx.Param(np.zeros(1, "float32"))

    def __call__(self, x):
        return x + 0 * self.unused


def passing():
    return cb.Model(Constant())


def matrix(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


# The training loop


class Times(Callback):
    def on_train_batch_begin(self, batch, logs=None):
        pass

    def on_train_batch_end(self, batch, logs=None):
        pass


def test_the_training_loop_is_printed(capsys):
    passing().show_training_loop([EarlyStopping("loss"), Times()])
    assert capsys.readouterr().out == (
        "fit\n"
        "- on_train_begin                      EarlyStopping, History, ProgbarLogger\n"
        "  for each epoch\n"
        "  - on_epoch_begin                    EarlyStopping, History, ProgbarLogger\n"
        "    for each batch\n"
        "    - on_train_batch_begin            Times\n"
        "    - on_train_batch_end              Times, ProgbarLogger\n"
        "    if fit validates\n"
        "    - on_test_begin                   ProgbarLogger\n"
        "      for each batch of validation\n"
        "      - on_test_batch_end             ProgbarLogger\n"
        "    - on_test_end                     ProgbarLogger\n"
        "    - on_validation_end               EarlyStopping, History\n"
        "  - on_epoch_end                      EarlyStopping, History, ProgbarLogger\n"
        "- on_train_end                        EarlyStopping, ProgbarLogger\n"
        "every step is dispatched on its own, for Times\n"
    )


def test_the_training_loop_is_the_one_that_runs():
    """Every hook that a run calls is in the loop, in its order, with those that were called."""
    called = []

    def recorder(name, hooks):
        def hook_of(hook):
            def call(self, *args, **kwargs):
                if (hook, name) not in called:
                    called.append((hook, name))

            return call

        return type(name, (Callback,), {hook: hook_of(hook) for hook in hooks})()

    first = recorder("First", ["on_train_begin", "on_train_batch_end", "on_epoch_end"])
    second = recorder("Second", ["on_epoch_begin", "on_test_begin", "on_test_batch_end"])
    third = recorder("Third", ["on_train_begin", "on_test_end", "on_epoch_end", "on_train_end"])
    callbacks = [first, second, third]
    model = cb.Model(nnx.Linear(2, 1, rngs=nnx.Rngs(0)))
    model.compile("sgd", "mse")
    x = np.ones((8, 2), "float32")
    model.fit(x, x[:, :1], verbose=0, validation_split=0.5, callbacks=callbacks)
    loop = CallbackList(callbacks).training_loop()
    assert called == [(hook, name) for hook, names in loop.hooks.items() for name in names]


def test_showing_the_loop_leaves_the_model_alone():
    model, stop = passing(), EarlyStopping("loss")
    taken = []
    model.show_training_loop(stop, print_fn=taken.append)
    assert (model.history, stop.model, len(taken)) == (None, None, 1)


# Reprs


def test_models_say_what_they_are():
    model = cb.Sequential([cb.layers.Dense(3), cb.layers.Dense(1)], name="small")
    assert repr(model) == "<Sequential small: 2 layers, not built, not compiled>"
    model.compile("adam", "mse")
    model.build((None, 4))
    assert repr(model) == "<Sequential small: 2 layers, 19 parameters, compiled with Adam, mse>"
    html = model._repr_html_()
    assert html.count("<tr>") == 3
    assert "(None, 3)" in html
    assert "Total params" in html
    one = cb.Model(nnx.Linear(2, 1, rngs=nnx.Rngs(0)), name="one")
    assert repr(one) == "<Model one: 3 parameters, not compiled>"


def test_a_keras_model_shows_its_layers():
    model = cb.Model(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="head")]))
    html = model._repr_html_()
    assert "<td>head (Dense)</td><td>(None, 3)</td><td>15</td>" in html
    assert "not compiled yet" in html
    unbuilt = cb.Model(keras.Sequential([keras.layers.Dense(3, name="head")]))
    assert "<td>head (Dense)</td><td>?</td><td>?</td>" in unbuilt._repr_html_()


def test_an_optimizer_shows_its_arguments_in_a_notebook():
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile(cb.optimizers.SGD(0.5, momentum=0.9), "mse")
    model.optimizer.learning_rate = 0.25
    html = model.optimizer._repr_html_()
    assert html.startswith("<div>SGD</div>")
    for name, value in (("learning_rate", "0.25"), ("momentum", "0.9"), ("nesterov", "False")):
        assert f"<td>{name}</td><td>{value}</td>" in html


def test_names_are_escaped():
    model = cb.Sequential([cb.layers.Dense(1, name="<b>")], name="<i>")
    assert "<b>" not in model._repr_html_()
    assert "<i>" not in model._repr_html_()


def test_a_history_says_how_it_ended():
    history = History()
    assert repr(history) == "<History: no epochs>"
    history.on_epoch_end(0, {"loss": 0.5, "note": "text"})
    assert repr(history) == "<History: 1 epoch; loss 0.5>"
    history.stop_reason = "EarlyStopping at epoch 1"
    assert repr(history).endswith("; stopped by EarlyStopping at epoch 1>")
    assert "<td>loss</td><td>0.5</td><td>0.5</td>" in history._repr_html_()


@pytest.mark.parametrize(
    ("optimizer", "shown"),
    [
        (cb.optimizers.Adam(), "Adam(learning_rate=0.001)"),
        (cb.optimizers.SGD(0.5, momentum=0.9), "SGD(learning_rate=0.5, momentum=0.9)"),
        (cb.optimizers.Adam(clipnorm=1.0), "Adam(learning_rate=0.001, clipnorm=1.0)"),
        (
            cb.optimizers.SGD(cb.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)),
            "SGD(learning_rate=ExponentialDecay)",
        ),
    ],
)
def test_an_optimizer_is_shown_as_the_call_that_makes_it(optimizer, shown):
    assert repr(optimizer) == shown


@pytest.mark.parametrize("name", sorted(cb.optimizers.__all__))
def test_every_optimizer_can_be_shown(name):
    kind = getattr(cb.optimizers, name)
    if isinstance(kind, type) and issubclass(kind, cb.optimizers.Optimizer):
        try:
            made = kind()
        except TypeError:
            return  # the base class, and one that needs an argument
        assert repr(made).startswith(f"{name}(")


# The confusion matrix


def test_a_confusion_matrix_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    outputs = rng.random((200, 4)).astype("float32")
    y = rng.integers(0, 4, 200)
    predicted = outputs.argmax(axis=1)
    for normalize in (None, "true", "pred", "all"):
        expected = confusion_matrix(y, predicted, normalize=normalize)
        figure = passing().plot_confusion_matrix(outputs, y, normalize=normalize)
        np.testing.assert_allclose(matrix(figure), expected)
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert len(axes.texts) == 16


def test_labels_may_be_one_hot_a_column_or_of_two_classes():
    y, outputs = np.array([0, 1, 1, 2]), np.eye(3, dtype="float32")[[0, 1, 2, 2]]
    wanted = [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    for labels in (y, y[:, None], np.eye(3)[y], y.astype("float32")):
        assert matrix(passing().plot_confusion_matrix(outputs, labels)).tolist() == wanted
    single = np.array([[0.2], [0.6], [0.9]], "float32")
    labels = np.array([0, 1, 0])
    assert matrix(passing().plot_confusion_matrix(single, labels)).tolist() == [[1, 1], [0, 1]]
    strict = passing().plot_confusion_matrix(single, labels, threshold=0.8)
    assert matrix(strict).tolist() == [[1, 1], [1, 0]]


def test_batches_are_gone_through_once():
    y, outputs = np.array([0, 1, 1, 2]), np.eye(3, dtype="float32")[[0, 1, 2, 2]]
    batches = ((outputs[n : n + 2], y[n : n + 2]) for n in (0, 2))
    figure = passing().plot_confusion_matrix(batches)
    assert matrix(figure).sum() == 4
    assert matrix(figure).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]


def test_names_and_axes_of_ones_own():
    y, outputs = np.array([0, 1]), np.eye(2, dtype="float32")
    figure, axes = pyplot.subplots()
    drawn = passing().plot_confusion_matrix(outputs, y, class_names=["cat", "dog"], ax=axes)
    assert drawn is figure
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    assert [text.get_text() for text in axes.texts] == ["1", "0", "0", "1"]


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (np.eye(2), None, {}, "the class of each sample: numbers from 0 on, or one-hot rows"),
        (np.eye(2), [0.5, 1.0], {}, "the class of each sample"),
        (np.eye(2), [-1, 1], {}, "the class of each sample"),
        (np.eye(2), [0, 1], {"class_names": ["a"]}, "a name for each of 2 classes, received 1"),
        (np.eye(2), [0, 1], {"normalize": "rows"}, "normalize"),
        (np.zeros((2, 2, 2)), [0, 1], {}, "a model with one output of shape"),
    ],
)
def test_what_is_not_one_class_for_each_sample_is_an_error(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        passing().plot_confusion_matrix(x.astype("float32"), y, **options)
