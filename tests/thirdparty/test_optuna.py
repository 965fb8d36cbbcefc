"""Optuna's pruning callbacks."""

import pytest
from tests.thirdparty._run import EPOCHS, fit, with_keras

RATES = {"lr": [1e-4, 0.1]}


@pytest.mark.parametrize(
    ("module", "name", "needed"),
    [
        ("optuna_integration.keras", "KerasPruningCallback", ()),
        ("optuna_integration.tfkeras", "TFKerasPruningCallback", ("tensorflow",)),
    ],
)
def test_it_prunes_the_bad_trial_and_not_the_good_one(optional, make, module, name, needed):
    optuna = optional("optuna")
    pruning = getattr(optional(module, *needed), name)

    def ends(make):
        def objective(trial):
            model = make(trial.suggest_categorical("lr", RATES["lr"]))
            return fit(model, pruning(trial, "val_loss")).history.history["val_loss"][-1]

        study = optuna.create_study(
            sampler=optuna.samplers.GridSampler(RATES, seed=0),
            pruner=optuna.pruners.ThresholdPruner(upper=3.5),
        )
        study.optimize(objective)
        return {
            trial.params["lr"]: (trial.state.name, trial.intermediate_values)
            for trial in study.trials
        }

    found, *of_keras = [ends(each) for each in with_keras(make)]
    counts = {rate: (state, len(values)) for rate, (state, values) in found.items()}
    assert counts == {1e-4: ("PRUNED", 1), 0.1: ("COMPLETE", EPOCHS)}
    assert all(other == found for other in of_keras)
