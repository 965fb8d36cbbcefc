"""TensorFlow's custom-callback guide, as translated into Korean, runs on callbax.

All of its code is run as it stands, but for the name of the imported library.
"""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

from callbax.datasets._idx import read_idx
from callbax.utils import set_random_seed

SHARED = Path(__file__).parents[2].parent / "shared"
GUIDE = SHARED / "seed" / "custom_callback_guide_ko.txt"
IMAGES = SHARED / "data" / "mnist" / "t10k-images-idx3-ubyte.gz"
LABELS = SHARED / "data" / "mnist" / "t10k-labels-idx1-ubyte.gz"

pytestmark = pytest.mark.skipif(
    not all(file.is_file() for file in (GUIDE, IMAGES, LABELS)),
    reason="the guide and the real images are not beside this checkout",
)

CELL_MARK = "In [0]:\n"
(
    LICENSE_TEXT,
    IMPORTS,
    DEFINE_MODEL,
    LOAD_DATA,
    DEFINE_TRACING,
    TRACED_FIT,
    TRACED_EVALUATE,
    PRINTED_FIT,
    PRINTED_EVALUATE,
    DEFINE_STOPPING,
    STOPPED_FIT,
    DEFINE_SCHEDULER,
    SCHEDULED_FIT,
) = range(13)

TRACE_LINE = re.compile(r"(Training|Evaluating): batch (\d+) (begins|ends) at ([\d:.]+)")
BATCH_LINE = re.compile(r"For batch (\d+), loss is +(\d+\.\d\d)\.")
EPOCH_LINE = re.compile(
    r"The average loss for epoch (\d+) is +(\d+\.\d\d) and mean absolute error is +(\d+\.\d\d)\."
)
RATE_LINE = re.compile(r"Epoch (\d{5}): Learning rate is (\d\.\d{4})\.")
RESTORED_LINE = "Restoring model weights from the end of the best epoch."


def code_cells():
    """The sources of the notebook's code cells, in order.

    The guide's text marks where a cell begins, not where it ends: a cell is the longest run of
    paragraphs that Python can compile. Headings are comments to Python and do no harm.
    """
    for part in GUIDE.read_text(encoding="utf-8").split(CELL_MARK)[1:]:
        # In a notebook a magic line is a statement; here it is one that does nothing.
        paragraphs = re.sub(r"^(\s*)%.*$", r"\1pass", part, flags=re.MULTILINE).split("\n\n")
        runs = ["\n\n".join(paragraphs[:end]) for end in range(len(paragraphs), 0, -1)]
        yield next(run for run in runs if compiles(run))


def compiles(source):
    try:
        compile(source, "cell", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """The notebook after all its cells were run: (its namespace, what each cell printed)."""
    folder = tmp_path_factory.mktemp("data")
    x_test = read_idx(IMAGES, (10000, 28, 28), where="test")
    y_test = read_idx(LABELS, (10000,), where="test")
    np.savez(
        folder / "mnist.npz",
        x_train=np.tile(x_test, (6, 1, 1)),
        y_train=np.tile(y_test, 6),
        x_test=x_test,
        y_test=y_test,
    )
    namespace = {"__name__": "__main__"}
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLBAX_DATA_DIR", str(folder))
        patch.setattr(np, "Inf", np.inf, raising=False)  # the guide is older than NumPy 2
        set_random_seed(1)
        for number, source in enumerate(code_cells()):
            changed = source.replace("import tensorflow as tf", "import callbax as tf")
            assert (changed != source) == (number == IMPORTS)
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(changed, f"cell {number}", "exec", dont_inherit=True), namespace)
            printed.append(output.getvalue().splitlines())
        yield namespace, printed


def matches(pattern, lines):
    return [found.groups() for found in map(pattern.fullmatch, lines) if found]


def test_no_code_is_left_out(guide):
    _, printed = guide
    assert len(printed) == SCHEDULED_FIT + 1
    code = "\n".join(code_cells())
    in_text = GUIDE.read_text(encoding="utf-8")
    for statement in (r"^class .*:$", r"^ *def .*:$", r"^_ = .*$", r".*= tf\..*$"):
        found = re.findall(statement, in_text, re.MULTILINE)
        assert found
        assert re.findall(statement, code, re.MULTILINE) == found


@pytest.mark.parametrize(
    ("cell", "word"), [(TRACED_FIT, "Training"), (TRACED_EVALUATE, "Evaluating")]
)
def test_five_batches_are_traced(guide, cell, word):
    _, printed = guide
    traced = matches(TRACE_LINE, printed[cell])
    assert [line[:3] for line in traced] == [
        (word, str(batch), moment) for batch in range(5) for moment in ("begins", "ends")
    ]
    assert len(printed[cell]) == len(traced)


def test_losses_of_batches_and_epochs_are_printed(guide):
    _, printed = guide
    lines = printed[PRINTED_FIT]
    assert len(lines) == 3 * (5 + 1)
    for epoch in range(3):
        *of_batches, of_epoch = lines[epoch * 6 : epoch * 6 + 6]
        batches = matches(BATCH_LINE, of_batches)
        [(number, loss, error)] = matches(EPOCH_LINE, [of_epoch])
        assert [batch for batch, _ in batches] == ["0", "1", "2", "3", "4"]
        assert number == str(epoch)
        assert loss == batches[-1][1]  # both are the average over the epoch's batches
        assert 0 < float(error) < float(loss) ** 0.5 + 0.01  # mean |e| <= root of mean e**2


def test_evaluation_prints_twenty_batches(guide):
    _, printed = guide
    batches = matches(BATCH_LINE, printed[PRINTED_EVALUATE])
    assert [int(batch) for batch, _ in batches] == list(range(20))
    assert len(printed[PRINTED_EVALUATE]) == 20


def test_training_stops_early_at_the_minimal_loss(guide):
    _, printed = guide
    lines = printed[STOPPED_FIT]
    losses = [float(loss) for _, loss, _ in matches(EPOCH_LINE, lines)]
    assert 2 <= len(losses) < 30
    *falling, last = losses
    assert falling == sorted(falling, reverse=True)
    assert last >= falling[-1]
    assert lines[-2:] == [RESTORED_LINE, f"Epoch {len(losses):05d}: early stopping"]
    assert lines.count(RESTORED_LINE) == 1


def test_stopping_early_restores_the_best_weights(guide):
    namespace, _ = guide
    stopper = namespace["EarlyStoppingAtMinLoss"](patience=1)
    model = namespace["get_model"]()
    with contextlib.redirect_stdout(io.StringIO()) as output:
        model.fit(
            namespace["x_train"],
            namespace["y_train"],
            batch_size=64,
            steps_per_epoch=5,
            epochs=30,
            verbose=0,
            callbacks=[stopper],
        )
    assert RESTORED_LINE in output.getvalue()
    weights = model.get_weights()
    assert [array.shape for array in weights] == [(784, 1), (1,)]
    for restored, best in zip(weights, stopper.best_weights, strict=True):
        np.testing.assert_array_equal(restored, best)


def test_the_learning_rate_follows_the_schedule(guide):
    namespace, printed = guide
    rates = [rate for rate in ("0.1000", "0.0500", "0.0100", "0.0050", "0.0010") for _ in range(3)]
    assert matches(RATE_LINE, printed[SCHEDULED_FIT]) == [
        (f"{epoch:05d}", rate) for epoch, rate in enumerate(rates)
    ]
    assert float(namespace["model"].optimizer.learning_rate) == pytest.approx(0.001)
    assert len(matches(EPOCH_LINE, printed[SCHEDULED_FIT])) == 15
