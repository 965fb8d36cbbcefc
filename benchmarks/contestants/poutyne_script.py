"""Poutyne, as its users write it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import poutyne
import torch
from benchmarks.cases import Run
from benchmarks.contestants import torch_model
from benchmarks.data import arrays


class _Reading(poutyne.Callback):
    """Reads the loss."""

    def on_train_batch_end(self, batch_number: int, logs: Any) -> None:
        self.loss = logs["loss"]


def prepare(run: Run) -> Callable[[], object]:
    """Returns what is to be timed."""
    size, network = run.size, torch_model.network(run.model)
    x, y = arrays(run)
    y = y if run.model == "guide" else y.astype(np.int64)
    model = poutyne.Model(
        network,
        torch_model.optimizer(run.model, network.parameters()),
        torch_model.loss_of(run.model),
        batch_metrics=[torch.nn.functional.l1_loss if run.model == "guide" else "accuracy"],
    )

    def fit() -> None:
        model.fit(
            x,
            y,
            batch_size=size.batch,
            epochs=size.epochs,
            verbose=False,
            callbacks=[_Reading() for _ in run.hooks],
        )

    return fit
