"""KerasTuner: a search over Keras's models, trained by callbax, and over models of callbax's."""

import pytest
from tests.thirdparty._run import X, Y, fit, native, plain

from callbax import keras_training

RATES = [1e-4, 0.05]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def tuner(optional):
    return optional("keras_tuner")


def options(tmp_path):
    return {"objective": "val_loss", "directory": tmp_path, "overwrite": True}


def test_it_trains_keras_s_models(tuner, tmp_path):
    def build(hp):
        return plain(hp.Choice("rate", RATES))

    def best():
        search = tuner.GridSearch(build, project_name="keras", **options(tmp_path))
        search.search(X, Y, epochs=3, validation_data=(X, Y), shuffle=False, verbose=0)
        values = {
            trial.hyperparameters.get("rate"): trial.score
            for trial in search.oracle.trials.values()
        }
        return values, search.get_best_hyperparameters()[0].get("rate")

    right = best()
    keras_training.take_over()
    before = keras_training.served().calls["fit"]
    try:
        got = best()
        assert keras_training.served().calls["fit"] >= before + len(RATES)
    finally:
        keras_training.give_back()
    assert got[1] == right[1] == 0.05
    assert got[0] == pytest.approx(right[0], rel=1e-4)


def test_it_searches_over_models_of_callbax_s(tuner, tmp_path):
    class Search(tuner.GridSearch):
        def run_trial(self, trial):
            model = native(trial.hyperparameters.Choice("rate", RATES))
            return fit(model).history.history["val_loss"][-1]

    search = Search(project_name="callbax", **options(tmp_path))
    search.search()
    assert len(search.oracle.trials) == len(RATES)
    assert search.get_best_hyperparameters()[0].get("rate") == 0.05
