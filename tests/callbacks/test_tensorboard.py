import json
import os
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from flax import nnx
from jax.profiler import ProfileData
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary_v2 import HParam
from tensorboard.util.tensor_util import make_ndarray
from tests.callbacks.fakes import FakeModel, fit

from callbax.callbacks import CallbackList, LambdaCallback, TensorBoard
from callbax.callbacks.tensorboard import _callback as module
from callbax.callbacks.tensorboard import _summaries
from callbax.layers import Dense, Input
from callbax.models import Model, Sequential

LOGS = [{"loss": 0.5, "val_loss": 0.25}, {"loss": 0.125, "val_loss": float("nan")}]


class WeighedModel(FakeModel):
    """A fake model with named weights and a profiler."""

    name = "weighed"

    def __init__(self, tree=None, **kwargs):
        super().__init__(**kwargs)
        self.tree = tree or {"dense": {"kernel": np.arange(6.0).reshape(2, 3)}}
        self.profiled = []

    def get_state_tree(self):
        return {"trainable_variables": self.tree, "non_trainable_variables": {}}

    def start_profile(self, log_dir):
        self.profiled.append(("start", self.optimizer.iterations, os.path.basename(log_dir)))

    def stop_profile(self):
        self.profiled.append(("stop", self.optimizer.iterations))


def events(directory):
    """Returns all events in files of a directory, in the order of their names."""
    return [
        event
        for path in sorted(directory.glob("*tfevents*"))
        for event in EventFileLoader(str(path)).Load()
    ]


def points(log_dir):
    """Returns "run/tag" -> what it holds as (step, value)."""
    found = {}
    for run in ("train", "validation"):
        for event in events(log_dir / run):
            for value in event.summary.value:
                array = make_ndarray(value.tensor)
                content = array.tolist() if array.dtype.kind == "f" else array.ravel().tolist()
                found.setdefault(f"{run}/{value.tag}", []).append((event.step, content))
    return found


def make(log_dir, **options):
    return TensorBoard(log_dir, **({"write_graph": False} | options))


class RecordingSummary:
    """Stands in for ``tensorflow.summary``, whose writers Keras uses, and records what they get."""

    def __init__(self):
        self.found, self._run, self._recording = {}, None, [lambda: True]

    def create_file_writer(self, directory):
        run = os.path.basename(directory)
        return SimpleNamespace(
            as_default=lambda step=None: self._within(run), close=lambda: None, flush=lambda: None
        )

    @contextmanager
    def _within(self, run):
        before, self._run = self._run, run
        yield
        self._run = before

    @contextmanager
    def record_if(self, condition):
        self._recording.append(condition)
        yield
        self._recording.pop()

    def scalar(self, tag, value, step):
        if self._run is not None and self._recording[-1]():  # Without a writer it does nothing.
            point = int(step), float(np.float32(value))
            self.found.setdefault(f"{self._run}/{tag}", []).append(point)


@pytest.mark.parametrize("update_freq", ["epoch", "batch", 1, 2])
def test_writes_the_scalars_that_keras_writes(update_freq, tmp_path):
    summary = RecordingSummary()
    options = {"write_graph": False, "update_freq": update_freq}
    theirs = keras.callbacks.TensorBoard(tmp_path, **options)
    theirs._summary_module = summary
    ours = TensorBoard(tmp_path, **options)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    arguments = {"batch_size": 2, "verbose": 0, "callbacks": [theirs, ours]}
    model.fit(x, x[:, :1], epochs=2, validation_data=(x[:3], x[:3, :1]), **arguments)
    model.fit(x, x[:, :1], initial_epoch=2, epochs=3, **arguments)
    model.evaluate(x, x[:, :1], **arguments)
    ours.teardown()  # Which Keras does not know
    assert ("train/batch_loss" in summary.found) is (update_freq != "epoch")
    assert points(tmp_path) == summary.found


def test_a_number_thins_out_batches_and_nothing_else(tmp_path):
    fit(make(tmp_path, update_freq=2), FakeModel(), [{"loss": 0.5}] * 3, [{"loss": 1.0}] * 3)
    found = points(tmp_path)
    assert [step for step, _ in found["train/batch_loss"]] == [2, 4, 6, 8]
    assert [step for step, _ in found["train/epoch_loss"]] == [0, 1, 2]


def test_an_epoch_shows_its_metrics_and_the_rate_now_in_force(tmp_path):
    fit(make(tmp_path), FakeModel(learning_rate=0.25), [{"learning_rate": 9.0, "loss": 0.5}])
    assert points(tmp_path) == {
        "train/epoch_loss": [(0, 0.5)],
        "train/epoch_learning_rate": [(0, 0.25)],
    }


def test_validation_is_a_run_of_its_own(tmp_path):
    fit(make(tmp_path), FakeModel(), LOGS)
    found = points(tmp_path)
    assert found["train/epoch_loss"] == [(0, 0.5), (1, 0.125)]
    assert found["validation/epoch_loss"] == [(0, 0.25), (1, pytest.approx(np.nan, nan_ok=True))]


def test_an_evaluation_stands_at_the_steps_taken(tmp_path):
    callback, model = make(tmp_path), FakeModel()
    model.optimizer.iterations = 7
    callback.set_model(model)
    callback.on_test_begin({})
    callback.on_test_end({"loss": 0.5})
    callback.teardown()
    assert points(tmp_path) == {"validation/evaluation_loss_vs_iterations": [(7, 0.5)]}


@pytest.mark.parametrize("first", [1, 120, 16_380, 2**31 - 3])
def test_many_batches_are_as_if_written_one_by_one(first, tmp_path):
    callback = make(tmp_path, update_freq="batch")
    callback.set_model(FakeModel())
    callback.on_train_begin({})
    callback.load_state_dict({"step": first - 1, "files": {}})
    before = time.time()
    for i in range(20):
        callback.on_train_batch_end(i, {"loss": i / 8, "a/b c": -float(i)})
    after = time.time()
    callback.teardown()
    steps = range(first, first + 20)
    assert points(tmp_path) == {
        "train/batch_loss": [(step, i / 8) for i, step in enumerate(steps)],
        "train/batch_a/b c": [(step, -float(i)) for i, step in enumerate(steps)],
    }
    walls = [event.wall_time for event in events(tmp_path / "train")[1:]]
    assert walls == sorted(walls)
    assert before <= walls[0] <= walls[-1] <= after


def test_only_numbers_are_written_and_keys_may_change(tmp_path):
    callback = make(tmp_path, update_freq="batch")
    logs = [
        {"a": 1, "b": "text", "c": np.float32(0.5)},
        {"a": None, "c": 1e300},
        {"a": 2.0},
        {},
        {"b": np.zeros(2), "d": True},
        {"a": -np.inf},
    ]
    fit(callback, FakeModel(), [], ())
    callback.on_train_begin({})
    for i, own in enumerate(logs):
        callback.on_train_batch_end(i, own)
    callback.teardown()
    assert points(tmp_path) == {
        "train/batch_a": [(1, 1.0), (3, 2.0), (6, -np.inf)],
        "train/batch_c": [(1, 0.5), (2, np.inf)],
    }


def test_batches_are_written_a_few_times_a_second(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=1e9)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.now))
    callback = make(tmp_path, update_freq="batch")
    callback.set_model(FakeModel())
    callback.on_train_begin({})
    seen = []
    for i in range(4000):
        clock.now += 0.001
        callback.on_train_batch_end(i, {"loss": 0.5})
        seen.append(callback._files["train"].size)
    assert len(set(seen)) == 16
    clock.now -= 3600  # Daylight saving, by a clock that knows no better
    callback.on_train_batch_end(4000, {"loss": 0.5})
    assert callback._files["train"].size > seen[-1]
    callback.teardown()
    assert len(points(tmp_path)["train/batch_loss"]) == 4001


@pytest.mark.parametrize("hook", ["on_test_begin", "on_train_end", "teardown", "state_dict"])
def test_nothing_collected_is_held_back(hook, tmp_path):
    callback = make(tmp_path, update_freq="batch")
    callback.set_model(FakeModel())
    callback.on_train_begin({})
    for i in range(5):
        callback.on_train_batch_end(i, {"loss": 0.5})
    assert len(points(tmp_path)["train/batch_loss"]) < 5
    getattr(callback, hook)()
    assert len(points(tmp_path)["train/batch_loss"]) == 5
    callback.teardown()


def test_an_exception_loses_nothing(tmp_path):
    def fail(batch, logs):
        if batch == 3:
            raise RuntimeError("stop here")

    x = np.ones((8, 2), "float32")
    model = Sequential([Dense(1, input_shape=(2,))], seed=0)
    model.compile("sgd", "mse")
    callbacks = [make(tmp_path, update_freq="batch"), LambdaCallback(on_train_batch_end=fail)]
    with pytest.raises(RuntimeError, match="stop here"):
        model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=callbacks)
    assert [step for step, _ in points(tmp_path)["train/batch_loss"]] == [1, 2, 3, 4]


def test_a_resumed_fit_continues_the_count_and_repeats_no_point(tmp_path):
    def start():
        callback = make(tmp_path, update_freq="batch")
        callback.set_model(FakeModel())
        callback.on_train_begin({})
        return callback

    killed = start()
    killed.on_train_batch_end(0, {"loss": 1.0})
    state = killed.state_dict()
    killed.on_train_batch_end(1, {"loss": 2.0})
    killed.on_test_end({"loss": 3.0})
    killed.teardown()
    resumed = start()
    resumed.load_state_dict(state)
    resumed.on_train_batch_end(1, {"loss": 2.0})
    resumed.on_test_end({"loss": 3.0})
    resumed.teardown()
    assert points(tmp_path) == {
        "train/batch_loss": [(1, 1.0), (2, 2.0)],
        "validation/evaluation_loss_vs_iterations": [(0, 3.0)],
    }


@pytest.mark.parametrize(
    ("update_freq", "tags"),
    [
        ("epoch", {"train/epoch_steps_per_second": [0, 1]}),
        (
            2,
            {
                "train/epoch_steps_per_second": [0, 1],
                "train/batch_steps_per_second": [2, 4, 6],
            },
        ),
    ],
)
def test_speed_is_in_steps_per_second(update_freq, tags, tmp_path, monkeypatch):
    clock = iter(np.arange(1e9, 1e9 + 1e3, 0.5))
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: float(next(clock))))
    callback = make(tmp_path, update_freq=update_freq, write_steps_per_second=True)
    fit(callback, FakeModel(), [{"loss": 1.0}] * 2, [{"loss": 1.0}] * 3)
    found = {tag: at for tag, at in points(tmp_path).items() if "per_second" in tag}
    assert {tag: [step for step, _ in at] for tag, at in found.items()} == tags
    # The clock moves half a second whenever it is looked at.
    assert found["train/epoch_steps_per_second"][0][1] == {"epoch": 6.0, 2: 2.0}[update_freq]
    if update_freq == 2:
        assert found["train/batch_steps_per_second"][0][1] == 2.0


def test_the_speed_of_an_epoch_that_an_earlier_run_began_is_that_of_its_rest(tmp_path, monkeypatch):
    clock = iter(np.arange(1e9, 1e9 + 1e3, 0.5))
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: float(next(clock))))
    callback, model = make(tmp_path, write_steps_per_second=True), FakeModel()
    model.optimizer.iterations = 500
    callback.set_model(model)
    callback.on_train_begin({})
    callback.load_state_dict({"step": 500, "files": {}})
    model.optimizer.iterations += 3
    callback.on_epoch_end(1, {"loss": 1.0})
    callback.teardown()
    assert points(tmp_path)["train/epoch_steps_per_second"] == [(1, 6.0)]


def test_histograms_and_images_are_due_every_so_many_epochs(tmp_path):
    callback = make(tmp_path, histogram_freq=2, write_images=True)
    fit(callback, WeighedModel(), [{}] * 3)
    found = points(tmp_path)
    assert {tag: [step for step, _ in at] for tag, at in found.items()} == {
        "train/dense/kernel/histogram": [0, 2],
        "train/dense/kernel/image": [0, 2],
    }
    edges = np.linspace(0, 5, 31)
    counts = [1.0 if i in (0, 6, 12, 18, 24, 29) else 0.0 for i in range(30)]
    expected = np.stack([edges[:-1], edges[1:], counts], axis=1)
    np.testing.assert_array_equal(found["train/dense/kernel/histogram"][0][1], expected)


@pytest.mark.parametrize(
    ("numbers", "low", "high", "last"),
    [
        ([], 0, 0, 0),
        ([np.nan, np.inf], 0, 0, 0),
        ([3.0] * 4, 3, 3, 4),
        ([0.0, np.nan, 1.0], 0, 1, 1),
    ],
)
def test_histograms_take_any_numbers(numbers, low, high, last):
    counts = _summaries.histogram(np.array(numbers))
    assert (counts[0, 0], counts[-1, 1], counts[-1, 2]) == (low, high, last)
    assert counts[:, 2].sum() == np.isfinite(numbers).sum()


@pytest.mark.parametrize(
    ("shape", "width", "height", "pictures"),
    [
        ((3,), 3, 1, 1),  # a vector, of which Keras draws a column
        ((64,), 64, 8, 1),
        ((1000,), 1000, 125, 1),
        ((4, 2), 4, 2, 1),
        ((2, 4), 4, 2, 1),
        ((5, 4, 2), 4, 5, 2),
        ((2, 3, 4, 3), 4, 3, 2),
        ((5, 3, 4, 1), 3, 5, 3),
        ((3, 3, 8, 16), None, None, 0),
        ((), None, None, 0),
    ],
)
def test_images_have_the_forms_that_keras_draws(shape, width, height, pictures):
    drawn = _summaries.images(np.full(shape, 0.5))
    assert len(drawn) == (pictures + 2 if pictures else 0)
    if pictures:
        assert drawn[:2] == [b"%d" % width, b"%d" % height]
        assert all(png.startswith(b"\x89PNG\r\n") for png in drawn[2:])


def test_images_can_be_read_and_clip_what_is_no_colour(tmp_path):
    matplotlib_image = pytest.importorskip("matplotlib.image")
    _, _, png = _summaries.images(np.array([[-1.0, 0.0, 0.5], [1.0, 7.0, np.nan]]))
    (tmp_path / "weight.png").write_bytes(png)
    pixels = matplotlib_image.imread(tmp_path / "weight.png")
    np.testing.assert_array_equal(np.round(pixels * 255), [[0, 0, 127], [255, 255, 0]])


def graph_of(model, tmp_path):
    callback = TensorBoard(tmp_path)
    callback.set_model(model)
    callback.on_train_begin({})
    callback.teardown()
    return points(tmp_path)


def test_the_graph_of_a_sequential_is_one_that_tensorboard_draws(tmp_path):
    layers = [Input((4,)), Dense(3, name="first"), Dense(1, name="second")]
    found = graph_of(Sequential(layers, name="net"), tmp_path)
    [(step, [text])] = found["train/keras"]
    nodes = {
        node.name: list(node.input) for node in keras_model_to_graph_def(json.loads(text)).node
    }
    assert step == 0
    assert nodes["net/second"] == ["net/first"]
    assert b"first (Dense)" in found["train/summary"][0][1][0]


def test_a_plain_module_has_a_summary_and_no_graph(tmp_path):
    found = graph_of(Model(nnx.Linear(2, 1, rngs=nnx.Rngs(0))), tmp_path)
    assert found.keys() == {"train/summary"}


def functional():
    x = keras.Input((4,))
    y = keras.layers.Dense(2)(x)
    return keras.Model(x, keras.layers.Add()([y, keras.layers.Dense(2)(y)]))


def nested():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="mine")])
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), inner])


class Without(keras.Model):
    """A subclass, whose layers no configuration tells."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)


GRAPHS = {
    "native": (
        lambda: Sequential([Dense(3, input_shape=(4,)), Dense(1, name="mine"), Dense(2)]),
        {"input_layer": [], "dense": ["input_layer"], "mine": ["dense"], "dense_1": ["mine"]},
    ),
    "functional": (
        functional,
        {
            "input_layer": [],
            "dense": ["input_layer"],
            "dense_1": ["dense"],
            "add": ["dense", "dense_1"],
        },
    ),
    "nested": (
        nested,
        {
            "input_layer_1": [],
            "dense": ["input_layer_1"],
            "sequential/input_layer": ["dense"],
            "sequential/mine": ["sequential/input_layer"],
        },
    ),
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_the_run_s_own_graph_shows_the_layers_however_many_were_made_before(kind, tmp_path):
    make_model, expected = GRAPHS[kind]
    found = []
    for i in range(2):
        model = make_model()
        model.compile("sgd", "mse")
        model = model if isinstance(model, Model) else Model(model)
        graph_of(model, tmp_path / str(i))
        written = events(tmp_path / str(i) / "train")
        values = [value for event in written for value in event.summary.value]
        (graph,) = (value for value in values if value.tag == "__run_graph__")
        (data,) = graph.tensor.string_val
        nodes = GraphDef.FromString(data).node
        found.append({node.name: list(node.input) for node in nodes})
        assert {node.op for node in nodes} >= {"Dense", "InputLayer"}
    assert found == [expected, expected]


@pytest.mark.filterwarnings("ignore:`build\\(\\)` was called")
def test_what_has_no_configuration_announces_no_graph(tmp_path):
    model = Without()
    model.compile("sgd", "mse")
    assert graph_of(Model(model), tmp_path).keys() <= {"train/summary"}


def test_runs_of_one_script_lie_over_each_other(tmp_path):
    tags = []
    for i in range(2):
        layers = [Dense(2, input_shape=(2,)), Dense(2, name="dense_900"), Dense(1)]
        model = Sequential(layers, seed=0)
        model.compile("sgd", "mse")
        x = np.ones((4, 2), "float32")
        callback = make(tmp_path / str(i), histogram_freq=1)
        model.fit(x, x[:, :1], verbose=0, callbacks=callback)
        tags.append(sorted(tag for tag in points(tmp_path / str(i)) if "histogram" in tag))
    assert tags[0] == tags[1]
    assert {tag.split("/")[1] for tag in tags[0]} == {"sequential"}
    assert len({tag.split("/")[2] for tag in tags[0]}) == 3


def test_weights_of_a_real_model_have_histograms(tmp_path):
    model = Sequential([Dense(1, input_shape=(2,))], seed=0)
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    model.fit(x, x[:, :1], verbose=0, callbacks=make(tmp_path, histogram_freq=1))
    tags = [tag for tag in points(tmp_path) if tag.endswith("/histogram")]
    assert sorted(tag.split("/")[-2] for tag in tags) == ["bias", "kernel"]


@pytest.mark.parametrize(
    ("profile_batch", "calls"),
    [
        (0, []),
        ("0", []),
        (2, [("start", 1, "train"), ("stop", 2)]),
        ((2, 5), [("start", 1, "train"), ("stop", 5)]),
        ("2,3", [("start", 1, "train"), ("stop", 3)]),
        ([6, 9], [("start", 5, "train"), ("stop", 6)]),
        (7, []),
    ],
)
def test_batches_are_profiled(profile_batch, calls, tmp_path):
    model = WeighedModel()
    callback = make(tmp_path, profile_batch=profile_batch)
    hooks = CallbackList(callback, model=model)
    hooks.on_train_begin({})
    for batch in range(6):
        hooks.on_train_batch_begin(batch, {})
        model.optimizer.iterations += 1
        hooks.on_train_batch_end(batch, {"loss": 0.5})
    hooks.teardown()
    hooks.teardown()
    assert model.profiled == calls
    assert "train/batch_loss" not in points(tmp_path)


def test_a_profiler_that_does_not_start_is_warned_about(tmp_path):
    class Busy(WeighedModel):
        def start_profile(self, log_dir):
            raise RuntimeError("only one at a time")

    callback, model = make(tmp_path, profile_batch=1), Busy()
    callback.set_model(model)
    callback.on_train_begin({})
    with pytest.warns(RuntimeWarning, match=r"`TensorBoard\(profile_batch=...\)`: the profiler did "
                      r"not start \(only one at a time\)"):  # fmt: skip
        callback.on_train_batch_begin(0, {})
    callback.on_train_batch_end(0, {})
    callback.teardown()
    assert model.profiled == []


@pytest.mark.parametrize(
    ("options", "begins", "ends"),
    [
        ({}, False, False),
        ({"write_steps_per_second": True}, False, False),
        ({"update_freq": 10}, False, True),
        ({"profile_batch": 3}, True, True),
    ],
)
def test_batches_cost_nothing_where_nothing_is_by_batch(options, begins, ends, tmp_path):
    hooks = CallbackList(TensorBoard(tmp_path, **options))
    assert hooks.wants("on_train_batch_begin") is begins
    assert hooks.wants("on_train_batch_end") is ends
    assert not hooks.needs_exact("train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"histogram_freq": -1}, r"histogram_freq=-1\)`: expected a number of epochs, or 0 .*-1"),
        ({"histogram_freq": "epoch"}, r"histogram_freq='epoch'\)`: .*received 'epoch' \(str\)"),
        ({"update_freq": 0}, r"update_freq=0\)`: expected \"epoch\", \"batch\" or a positive"),
        ({"update_freq": True}, r"update_freq=True\)`: .*received True"),
        ({"update_freq": "step"}, r"update_freq='step'\)`: .*received 'step' \(str\)"),
        ({"profile_batch": -1}, r"profile_batch=-1\)`: expected the number of a batch"),
        ({"profile_batch": (5, 2)}, r"profile_batch=\(5, 2\)\)`: .*received tuple of length 2"),
        ({"profile_batch": (0, 2)}, r"counted from 1; 0 is for no trace"),
        ({"profile_batch": "a"}, r"profile_batch='a'\)`: .*received 'a' \(str\)"),
        ({"profile_batch": True}, r"profile_batch=True\)`: .*received True"),
        ({"profile_batch": (1, 2, 3)}, r"received tuple of length 3"),
        ({"hparams": [1]}, r"hparams=...\)`: expected names and values: .*received list of length"),
        ({"hparams": {"a": {}}}, r"hparams={'a': ...}\)`: expected .*received dict with keys"),
        ({"hparams": {1: 2}}, r"hparams={1: ...}\)`: expected names and values"),
        ({"embeddings_freq": 1}, r"expected 0, as callbax writes no embeddings.*1 \(int\)\.\n"
         r"Leave it out, .*add_embedding"),
    ],
)  # fmt: skip
def test_illegal_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        TensorBoard(**options)


def test_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"`TensorBoard`: expected the `tensorboard` library.*\n"
                       r'Install it: pip install "callbax\[tensorboard\]"'):  # fmt: skip
        TensorBoard()


def test_a_directory_that_cannot_be_is_known_before_the_first_step(tmp_path):
    (tmp_path / "logs").write_text("a file")
    callback = TensorBoard(tmp_path / "logs")
    callback.set_model(FakeModel())
    with pytest.raises(NotADirectoryError, match=r"`TensorBoard\('.*train'\)`: expected a file"):
        callback.on_train_begin({})


@pytest.mark.parametrize("evaluates", [False, True])
def test_an_evaluation_in_a_hook_with_the_same_callback_loses_nothing(evaluates, tmp_path):
    model = Sequential([Dense(1, input_shape=(2,))], seed=0)
    model.compile("sgd", "mse")
    x = np.ones((6, 2), "float32")
    callback = make(tmp_path, update_freq="batch")

    def evaluate(batch, logs):
        if evaluates and batch == 1:
            model.evaluate(x, x[:, :1], verbose=0, callbacks=callback)

    callbacks = [callback, LambdaCallback(on_train_batch_end=evaluate)]
    model.fit(x, x[:, :1], batch_size=2, verbose=0, callbacks=callbacks)
    found = points(tmp_path)
    assert [step for step, _ in found["train/batch_loss"]] == [1, 2, 3]
    assert ("validation/evaluation_loss_vs_iterations" in found) is evaluates


def test_a_real_trace_lands_beside_the_events(tmp_path):
    model = Sequential([Dense(1, input_shape=(2,))], seed=0)
    model.compile("sgd", "mse")
    x = np.ones((6, 2), "float32")
    callback = make(tmp_path, profile_batch=2)
    model.fit(x, x[:, :1], batch_size=2, verbose=0, callbacks=callback)
    traces = list(tmp_path.glob("train/plugins/profile/*/*.xplane.pb"))
    assert len(traces) == 1
    assert traces[0].stat().st_size > 0


def test_the_trace_marks_every_dispatch_as_a_step(tmp_path):
    model = Sequential([Dense(1, input_shape=(2,))], seed=0)
    model.compile("sgd", "mse", steps_per_execution=2)
    x = np.ones((12, 2), "float32")
    callback = make(tmp_path, profile_batch=(3, 6))
    model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=callback)
    (trace,) = tmp_path.glob("train/plugins/profile/*/*.xplane.pb")
    steps = [
        dict(event.stats)["step_num"]
        for plane in ProfileData.from_file(str(trace)).planes
        for line in plane.lines
        for event in line.events
        if event.name == "execution"
    ]
    # One of two steps is under way when the profiler starts, and runs again from its batch on.
    assert len(steps) >= 2
    assert sorted(set(steps)) == sorted(steps)
    assert 2 in steps


def sessions(log_dir):
    """Returns what the files of a directory itself hold for the tab HParams."""
    found = []
    for event in events(log_dir):
        for value in event.summary.value:
            data = HParamsPluginData.FromString(value.metadata.plugin_data.content)
            kind = data.WhichOneof("data")
            values = {}
            if kind == "session_start_info":
                for name, given in data.session_start_info.hparams.items():
                    values[name] = getattr(given, given.WhichOneof("kind"))
            found.append((kind, values))
    return found


def test_hyperparameters_stand_in_a_run_of_the_directory_itself(tmp_path):
    hparams = {"units": np.int64(16), HParam("rate"): 0.5, "nesterov": True, "kinds": ["a", 1]}
    fit(make(tmp_path, hparams=hparams), FakeModel(), [{"loss": 0.5}])
    values = {"units": 16.0, "rate": 0.5, "nesterov": True, "kinds": "['a', 1]"}
    assert sessions(tmp_path) == [("session_start_info", values), ("session_end_info", {})]
    fit(make(tmp_path / "none"), FakeModel(), [{"loss": 0.5}])
    assert sessions(tmp_path / "none") == []


def test_a_killed_run_s_hyperparameters_are_those_of_the_resumed_one(tmp_path):
    def start():
        callback = make(tmp_path, hparams={"units": 16})
        callback.set_model(FakeModel())
        callback.on_train_begin({})
        return callback

    killed = start()
    state = killed.state_dict()
    killed.on_train_end({})
    resumed = start()
    resumed.load_state_dict(state)
    resumed.on_train_end({})
    kinds = [kind for kind, _ in sessions(tmp_path)]
    assert kinds == ["session_start_info", "session_start_info", "session_end_info"]


def test_a_directory_with_a_scheme_is_written_too(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    fit(make("memory://board/logs"), FakeModel(), LOGS[:1])
    memory = fsspec.filesystem("memory")
    for run in ("train", "validation"):
        (path,) = memory.ls(f"/board/logs/{run}", detail=False)
        (tmp_path / run).mkdir()
        (tmp_path / run / "events.out.tfevents.1").write_bytes(memory.cat_file(path))
    fit(make(tmp_path / "local"), FakeModel(), LOGS[:1])
    assert points(tmp_path) == points(tmp_path / "local")
