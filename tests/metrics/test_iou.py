"""Overlaps of regions beside Keras's, over random batches of which one is short."""

import json

import keras
import numpy as np
import pytest

import callbax as cb
from callbax import metrics

CLASSES = 4
NEEDED = {
    "IoU": {"num_classes": CLASSES, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": CLASSES},
    "OneHotIoU": {"num_classes": CLASSES, "target_class_ids": (1, 3)},
    "OneHotMeanIoU": {"num_classes": CLASSES},
    "BinaryIoU": {},
}
CASES = [
    *(
        (name, options)
        for name in ("IoU", "MeanIoU")
        for options in (
            {},
            {"ignore_class": 1},
            {"sparse_y_pred": False},
            {"sparse_y_true": False},
        )
    ),
    *(
        (name, options)
        for name in ("OneHotIoU", "OneHotMeanIoU")
        for options in (
            {},
            {"ignore_class": 0},
            {"sparse_y_pred": True},
        )
    ),
    *(
        ("BinaryIoU", options)
        for options in (
            {},
            {"threshold": 0.25},
            {"target_class_ids": [1]},
        )
    ),
]


def made(name, options):
    given = {**NEEDED[name], **options}
    return getattr(metrics, name)(**given), getattr(keras.metrics, name)(**given, dtype="float32")


def batches(name, options, shape):
    rng = np.random.default_rng(0)
    one_hot = {"true": name.startswith("OneHot"), "pred": name.startswith("OneHot")}
    one_hot["true"] |= options.get("sparse_y_true") is False
    one_hot["pred"] = not options.get("sparse_y_pred", not one_hot["pred"])
    for length in (8, 8, 3):
        if name == "BinaryIoU":
            yield rng.integers(0, 2, (length, *shape)), rng.uniform(0, 1, (length, *shape))
            continue
        true, pred = rng.integers(-1, CLASSES + 1, (2, length, *shape))
        true[true == 3] = 2  # a class without labels
        if one_hot["true"]:
            true = np.eye(CLASSES)[true.clip(0, 3)]
        if one_hot["pred"]:
            pred = rng.uniform(0, 1, (length, *shape, CLASSES))
        yield true, pred


@pytest.mark.every(3)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(), (3, 5)])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_equals_keras_batch_by_batch(name, options, shape, weighted):
    rng = np.random.default_rng(1)
    ours, theirs = made(name, options)
    for y_true, y_pred in batches(name, options, shape):
        weights = rng.uniform(0, 2, len(y_true)).astype("float32") if weighted else None
        ours.update_state(y_true, y_pred, weights)
        if weighted:  # Keras takes one for each pixel
            weights = np.broadcast_to(
                weights.reshape(-1, *(1,) * len(shape)), (len(y_true), *shape)
            )
        theirs.update_state(y_true, y_pred, weights)
        np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", NEEDED)
def test_default_names_directions_and_configs_are_keras_s(name):
    for library in (cb, keras):
        library.backend.clear_session(free_memory=False)
    ours = getattr(metrics, name)(**NEEDED[name])
    theirs = getattr(keras.metrics, name)(**NEEDED[name])
    assert ours.name == theirs.name
    assert ours.direction == theirs._direction
    keras_s = theirs.get_config()
    config = json.loads(json.dumps(ours.get_config()))
    for key, value in json.loads(json.dumps(keras_s)).items():
        assert key == "dtype" or config[key] == value
    again = metrics.get({"class_name": name, "config": keras_s})
    y_true, y_pred = next(batches(name, {}, (3,)))
    np.testing.assert_array_equal(again(y_true, y_pred), ours(y_true, y_pred))


def test_scores_in_place_of_class_numbers_are_refused():
    with pytest.raises(ValueError, match=r"`MeanIoU\(y_true, y_pred\)`.*\n.*sparse_y_pred=False"):
        metrics.MeanIoU(4)(np.zeros(5), np.zeros((5, 4)))


def test_in_fit_it_is_keras_s():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype("float32")
    y = (x.sum(1, keepdims=True) > 0).astype("float32")

    def history(lib):
        keras.utils.set_random_seed(0)
        model = lib.Sequential([lib.layers.Dense(1, activation="sigmoid")])
        model.compile("sgd", "mse", metrics=[lib.metrics.BinaryIoU(name="iou")])
        return model.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0).history

    np.testing.assert_allclose(history(cb)["iou"], history(keras)["iou"], rtol=1e-5)
