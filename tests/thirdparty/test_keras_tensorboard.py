"""Keras's own `TensorBoard`, driven by callbax; it writes by TensorFlow."""

from pathlib import Path

import keras
import pytest
from tests.thirdparty._run import EPOCHS, cnn, fit, fit_served, native, plain, with_keras


def test_its_tensorboard_writes_scalars_without_a_graph(make, optional):
    optional("tensorflow")
    loader = optional("tensorboard.backend.event_processing.event_file_loader")
    as_array = optional("tensorboard.util.tensor_util").make_ndarray
    written = []
    for each in with_keras(make):
        model = fit(each(), keras.callbacks.TensorBoard(each.__name__, write_graph=False))
        values = {}
        for path in Path(each.__name__).rglob("*.v2"):
            for event in loader.EventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    if value.tag.startswith("epoch_"):
                        place = (path.parent.name, value.tag, event.step)
                        values[place] = float(as_array(value.tensor))
        losses = [values["validation", "epoch_loss", epoch] for epoch in range(EPOCHS)]
        assert losses == pytest.approx(model.history.history["val_loss"])
        written.append(values)
    assert all(one == written[0] for one in written)
    assert (("train", "epoch_learning_rate", 0) in written[0]) == (make is cnn)


@pytest.mark.parametrize(
    ("run", "build"),
    [(fit, native), (fit_served, plain), (fit, plain), (fit, cnn)],
    ids=["native", "Keras CNN, served", "Keras CNN, of Keras", "Keras CNN"],
)
def test_its_tensorboard_writes_the_graph(optional, run, build):
    optional("tensorflow", "tensorboard")
    run(build(), keras.callbacks.TensorBoard("logs"))
    (events,) = Path("logs/train").glob("*.v2")
    assert b"graph_keras_model" in events.read_bytes()


def test_limit_its_tensorboard_draws_no_histograms_of_native_models(optional):
    optional("tensorflow", "tensorboard")
    with pytest.raises(AttributeError, match="path"):
        fit(native(), keras.callbacks.TensorBoard("logs", write_graph=False, histogram_freq=1))


def test_its_tensorboard_draws_histograms_of_a_cnn_of_keras_s(optional):
    optional("tensorflow", "tensorboard")
    fit(cnn(), keras.callbacks.TensorBoard("logs", write_graph=False, histogram_freq=1))
    (events,) = Path("logs/train").glob("*.v2")
    assert b"conv2d/kernel" in events.read_bytes()
