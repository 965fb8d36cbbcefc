"""Names and errors of the room, beside Keras's; nothing here needs several devices."""

import subprocess
import sys
import threading

import keras
import pytest

import callbax as cb
from callbax.distribution import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    TensorLayout,
    distribution,
    initialize,
    list_devices,
    set_distribution,
)
from callbax.distribution._agreement import Agreement, ProcessesDifferError
from callbax.distribution._cluster import _given

LIBRARIES = {"callbax": cb.distribution, "keras": keras.distribution}
DEVICE = list_devices("cpu")[:1]


def both(make):
    """Returns what both libraries make of it: a value, or the kind of error."""
    found = []
    for library in LIBRARIES.values():
        try:
            found.append(make(library))
        except Exception as error:
            found.append(type(error))
    return found


def mesh(library, names=("batch", "model")):
    return library.DeviceMesh((1,) * len(names), names, DEVICE)


CASES = {
    "devices": lambda d: d.list_devices("cpu"),
    "mesh": lambda d: (mesh(d).shape, list(mesh(d).axis_names), mesh(d).devices.tolist()),
    "mesh of another size": lambda d: d.DeviceMesh((3,), ["a"], DEVICE),
    "mesh without names": lambda d: d.DeviceMesh((1, 1), ["a"], DEVICE),
    "layout": lambda d: d.TensorLayout((None, "model"), mesh(d)).axes,
    "layout of an unknown name": lambda d: d.TensorLayout(("rows",), mesh(d)),
    "layout without a mesh": lambda d: d.TensorLayout(("rows",)).axes,
    "second mesh": lambda d: setattr(d.TensorLayout((None,), mesh(d)), "device_mesh", mesh(d)),
    "replicas": lambda d: d.DataParallel(devices=DEVICE).num_model_replicas,
    "batch dimension": lambda d: d.DataParallel(mesh(d, ("data",))).batch_dim_name,
    "data layout": lambda d: d.DataParallel(devices=DEVICE).get_data_layout([4, 2]).axes,
    "no layout map": lambda d: d.ModelParallel(layout_map=None),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_kinds_of_errors_are_keras_s(name):
    ours, theirs = both(CASES[name])
    if ours is TypeError:  # a wrong kind of value; Keras calls it a wrong value
        ours = ValueError
    as_list = [list(v) if isinstance(v, tuple | list) else v for v in (ours, theirs)]
    assert as_list[0] == as_list[1]


RULES = [("dense.*kernel", (None, "model")), (".*bias", ("model",)), ("exact/path", (None,))]
PATHS = [
    "dense_1/kernel",
    "a/dense_1/kernel",
    "dense/bias",
    "exact/path",
    "nothing",
    "exact/path/2",
]


@pytest.mark.parametrize("path", PATHS)
def test_rules_match_as_in_keras(path):
    def look_up(library):
        rules = library.LayoutMap(mesh(library))
        for key, axes in RULES:
            rules[key] = axes
        found = rules[path]
        return None if found is None else tuple(found.axes)

    ours, theirs = both(look_up)
    assert ours == theirs


@pytest.mark.parametrize("key", ["dense.*kernel", "d.*"])
def test_rules_that_overlap_or_repeat_are_refused_as_in_keras(key):
    def make(library):
        rules = library.LayoutMap(mesh(library))
        rules["dense.*kernel"] = (None, "model")
        rules[key] = (None,)
        return rules["dense/kernel"]

    assert both(make) == [ValueError, ValueError]


def test_a_map_is_a_mapping():
    rules = LayoutMap(DeviceMesh((1,), ("model",), DEVICE))
    rules["a"] = TensorLayout(("model",))
    assert list(rules) == ["a"]
    assert len(rules) == 1
    assert rules["a"].device_mesh is rules.device_mesh
    del rules["a"]
    assert "a" not in list(rules)
    with pytest.raises(ValueError, match=r"(?s)expected a `TensorLayout`.*received a str"):
        rules["a"] = "model"


def test_a_scope_ends():
    chosen = DataParallel(devices=DEVICE)
    with chosen.scope():
        assert distribution() is chosen
    assert distribution() is None
    set_distribution(chosen)
    assert distribution() is chosen


def test_what_is_no_distribution_is_refused():
    with pytest.raises(TypeError, match=r"(?s)Model\(distribution=...\).*received"):
        cb.Sequential([cb.layers.Dense(1)], distribution="dp")
    with pytest.raises(ValueError, match=r"(?s)`device_mesh` or `devices`.*received both"):
        DataParallel(DeviceMesh((1,), ("a",), DEVICE), DEVICE)
    rules = LayoutMap(DeviceMesh((1,), ("a",), DEVICE))
    with pytest.raises(ValueError, match=r"(?s)a dimension of the mesh: a.*received a name"):
        ModelParallel(layout_map=rules, batch_dim_name="batch")
    with pytest.raises(ValueError, match=r"(?s)devices that exist.*received cpu:9"):
        _ = DeviceMesh((1,), ("a",), ["cpu:9"]).backend_mesh


SOURCES = {
    "arguments": (("h:1", 2, 1), {}, ("h:1", 2, 1)),
    "jax": (
        (None, None, None),
        {"JAX_COORDINATOR_ADDRESS": "h:1", "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "0"},
        ("h:1", 2, 0),
    ),
    "keras": (
        (None, None, None),
        {
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": "h:1,i:1",
            "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
            "KERAS_DISTRIBUTION_PROCESS_ID": "1",
        },
        ("h:1", 2, 1),
    ),
    "nothing": ((None, None, None), {}, None),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_cluster_is_described_by_arguments_or_the_environment(name):
    arguments, environ, expected = SOURCES[name]
    assert _given(*arguments, environ) == expected


@pytest.mark.parametrize(
    "arguments", [("h:1", 2, None), ("h:1", 2, 2), ("h", 2, 0), ("h:1", "two", 0), (None, 2, 0)]
)
def test_half_a_description_is_refused(arguments):
    with pytest.raises(ValueError, match=r"(?s)distribution.initialize.*JAX_COORDINATOR_ADDRESS"):
        _given(*arguments, {})


def test_where_there_is_no_cluster_nothing_happens(monkeypatch):
    for name in ("JAX_COORDINATOR_ADDRESS", "KERAS_DISTRIBUTION_JOB_ADDRESSES"):
        monkeypatch.delenv(name, raising=False)
    initialize()


def test_a_cluster_that_does_not_answer_is_an_error_in_time():
    code = (
        "from callbax.distribution import initialize\n"
        "try:\n    initialize('localhost:1', 2, 1, timeout=1)\n"
        "except RuntimeError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "expected the first process at localhost:1 within 1 s" in done.stdout, done.stderr


def test_import_starts_no_backend():
    code = (
        "import callbax\nfrom jax._src import xla_bridge\n"
        "print(xla_bridge.backends_are_initialized())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class Board:
    """The texts of a cluster whose processes are threads."""

    def __init__(self):
        self.texts, self.changed = {}, threading.Condition()


class Seat:
    """What one of these threads sees of it."""

    def __init__(self, board, process, processes):
        self.board, self.process, self.processes = board, process, processes

    def put(self, key, text):
        with self.board.changed:
            self.board.texts[key] = text
            self.board.changed.notify_all()

    def get(self, key, seconds):
        with self.board.changed:
            if not self.board.changed.wait_for(lambda: key in self.board.texts, seconds):
                raise TimeoutError(key)
            return self.board.texts[key]

    def remove(self, key):
        with self.board.changed:
            del self.board.texts[key]


def in_threads(action, processes=3, patience=5.0):
    """Calls ``action(agreement)`` in a thread for each process; returns results or errors."""
    board, results = Board(), [None] * processes

    def run(process):
        agreement = Agreement(Seat(board, process, processes), "test", patience=patience)
        try:
            results[process] = action(agreement)
        except Exception as error:
            results[process] = error

    threads = [threading.Thread(target=run, args=(process,)) for process in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, board


def test_all_hear_what_all_say_in_order():
    def talk(agreement):
        return [agreement.exchange({"said": [n, agreement.process]}) for n in range(20)]

    results, board = in_threads(talk)
    expected = [[{"said": [n, p]} for p in range(3)] for n in range(20)]
    assert results == [expected] * 3
    assert len(board.texts) == 1, "only the last answer is kept"


def test_who_is_missing_is_named():
    def talk(agreement):
        if agreement.process != 1:
            agreement.exchange({})

    results, _ = in_threads(talk, patience=0.2)
    for error in (results[0], results[2]):
        assert isinstance(error, ProcessesDifferError)
        assert "none from process 1" in str(error)


def test_the_first_may_be_the_one_that_is_missing():
    def talk(agreement):
        if agreement.process != 0:
            agreement.exchange({})

    results, _ = in_threads(talk, patience=0.2)
    assert all("none from process 0" in str(error) for error in results[1:])


def test_facts_that_differ_are_named_everywhere():
    results, _ = in_threads(
        lambda agreement: agreement.need_same(
            "fit", {"x": "1", "seed": str(agreement.process // 2)}
        )
    )
    for error in results:
        assert "seed: 0 in process 0, 0 in process 1, 1 in process 2" in str(error)
        assert "x:" not in str(error)
