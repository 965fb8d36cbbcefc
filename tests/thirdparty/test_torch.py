"""Torch's tensors and loaders: the numbers of the arrays that they were made from."""

import numpy as np
import pytest
from tests._data.same import (
    ROWS,
    SIZE,
    Source,
    arrays,
    assert_close,
    assert_resumes,
    assert_same,
    line,
)

import callbax as cb

pytestmark = [
    # Of torch's own, with the versions that the group has.
    pytest.mark.filterwarnings("ignore:.*is deprecated"),
    pytest.mark.filterwarnings("ignore:.*nested tensors"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]
DTYPES = ["float16", "float32", "float64", "uint8", "int32", "int64", "bool"]


@pytest.fixture
def torch(optional):
    return optional("torch", "torch.utils.data")


@pytest.fixture(params=["DataLoader", "StatefulDataLoader"])
def loader(request, optional, torch):
    """Makes loaders of one of the two kinds."""
    if request.param == "DataLoader":
        return torch.utils.data.DataLoader
    return optional("torchdata.stateful_dataloader").StatefulDataLoader


def streaming(torch, x, y, *, known=False):
    """Returns a data set that is read in order, and knows its length or does not."""

    class Rows(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(zip(torch.tensor(x), torch.tensor(y), strict=True))

    class Counted(Rows):
        def __len__(self):
            return len(x)

    return Counted() if known else Rows()


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_are_arrays(torch, dtype):
    x, y = arrays(1, dtype)
    assert_same(lambda: (torch.tensor(x), torch.tensor(y)), (x, y))


def test_tensors_that_numpy_does_not_read_by_itself(torch):
    x, y = arrays(2)
    for tensor in (
        torch.tensor(x, requires_grad=True),
        torch.tensor(x).to(torch.bfloat16),
        torch.tensor(x.T.copy()).T,
    ):
        assert_same(lambda tensor=tensor: (tensor, y), (x, y))


@pytest.mark.parametrize("form", ["sparse", "nested"])
def test_others_are_refused(torch, form):
    make = {
        "sparse": lambda: torch.eye(3).to_sparse(),
        "nested": lambda: torch.nested.nested_tensor([torch.ones(3), torch.ones(2)]),
    }[form]
    with pytest.raises(ValueError, match=r"`predict\(x=...\)`: expected arrays of numbers"):
        line().predict(make())


def test_a_loader_over_tensors(torch, loader):
    x, y = arrays(3)
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    assert_same(lambda: (loader(data, batch_size=SIZE),), (x, y))
    assert_close(lambda: (loader(data, batch_size=SIZE),), (x, y))


@pytest.mark.parametrize("known", [True, False], ids=["a length", "no length"])
def test_a_loader_over_a_stream(torch, loader, known):
    x, y = arrays(4)
    assert_same(lambda: (loader(streaming(torch, x, y, known=known), batch_size=SIZE),), (x, y))


def test_weights_of_samples_names_and_batches_of_tensors(torch):
    x, y = arrays(5)
    weights = np.linspace(0.5, 2, ROWS, dtype="float32")
    models = [line() for _ in range(3)]
    data = torch.utils.data.TensorDataset(*map(torch.tensor, (x, y, weights)))
    models[0].fit(torch.utils.data.DataLoader(data, batch_size=SIZE), verbose=0, epochs=2)
    models[1].fit(Source(x, y, weights, form=torch.tensor), verbose=0, epochs=2)
    options = {"shuffle": False, "verbose": 0, "epochs": 2, "batch_size": SIZE}
    models[2].fit(x, y, sample_weight=torch.tensor(weights), **options)
    for model in models[:2]:
        np.testing.assert_equal(model.get_weights(), models[2].get_weights())


def test_class_weights_which_keras_refuses_here(torch, loader):
    x, _ = arrays(6)
    y = np.arange(ROWS) % 3
    found = []
    rows = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    for data in ((loader(rows, batch_size=SIZE),), (x, y)):
        dense = cb.layers.Dense(3, "softmax", kernel_initializer="ones", input_shape=(3,))
        model = cb.Sequential([dense])
        model.compile("sgd", "sparse_categorical_crossentropy")
        size = {"batch_size": SIZE, "shuffle": False} if len(data) > 1 else {}
        model.fit(*data, class_weight={0: 5.0, 2: 0.5}, verbose=0, **size)
        found.append(model.get_weights())
    np.testing.assert_equal(*found)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_run_is_resumed_in_the_order_that_a_generator_gives_each_pass(
    torch, loader, tmp_path, workers
):
    x, y = arrays(7)
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))

    def shuffled():
        order = torch.Generator()
        order.manual_seed(3)
        options = {"shuffle": True, "generator": order, "num_workers": workers}
        return loader(data, batch_size=SIZE, **options)

    passes = shuffled()
    orders = [[batch[0].tolist() for batch in passes] for _ in range(2)]
    assert orders[0] != orders[1], "every pass has the same order; the test shows nothing"
    assert_resumes(lambda: (shuffled(),), tmp_path)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # passes end within epochs
def test_a_run_over_a_stream_is_resumed(torch, loader, tmp_path):
    x, y = arrays(8)
    got = assert_resumes(
        lambda: (loader(streaming(torch, x, y), batch_size=SIZE),), tmp_path / "stream"
    )
    assert_resumes(
        lambda: (loader(streaming(torch, x, y), batch_size=SIZE),),
        tmp_path / "steps",
        steps_per_epoch=2,
    )
    right = assert_resumes(lambda: (x, y), tmp_path / "arrays", shuffle=False)
    np.testing.assert_equal(got, right)


def test_single_samples_are_refused(torch):
    x, y = arrays(9)
    for data in (
        torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)),
        streaming(torch, x, y),
    ):
        with pytest.raises(ValueError, match="DataLoader") as caught:
            line().fit(data)
        assert str(caught.value).startswith("`fit(x=...)`: expected arrays of numbers")


def test_a_batch_of_another_structure_is_named(torch):
    x, y = arrays(10)
    good, other = (torch.tensor(x), torch.tensor(y)), (torch.tensor(x), torch.tensor(y[:, 0]))
    with pytest.raises(
        ValueError, match=r"fit\(x=...\), batch 2`: expected a batch like"
    ) as caught:
        line().fit([good, good, other], verbose=0)
    assert "received (float32[22, 3], float32[22])" in str(caught.value)
