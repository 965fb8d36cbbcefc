"""Lightning, as its users write it: a module, a data loader, a trainer."""

from collections.abc import Callable
from typing import Any

import lightning
import torch
import torchmetrics
from benchmarks.cases import Run
from benchmarks.contestants import torch_model
from benchmarks.data import arrays
from torch.utils.data import DataLoader, TensorDataset


class _Reading(lightning.Callback):
    """Reads the loss."""

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.loss = outputs["loss"].item()


class Module(lightning.LightningModule):
    """The model, its loss and its metric."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.model, self.network = model, torch_model.network(model)
        self.loss = torch_model.loss_of(model)
        if model == "guide":
            self.metric: Any = torchmetrics.MeanAbsoluteError()
        else:
            self.metric = torchmetrics.Accuracy("multiclass", num_classes=10)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        """Returns the loss."""
        x, y = batch
        y_pred = self.network(x)
        loss = self.loss(y_pred, y)
        self.metric(y_pred, y)
        self.log("loss", loss, on_step=False, on_epoch=True)
        self.log("metric", self.metric, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> Any:
        """Returns the optimizer."""
        return torch_model.optimizer(self.model, self.parameters())


def prepare(run: Run) -> Callable[[], object]:
    """Returns what is to be timed."""
    size, module = run.size, Module(run.model)
    x, y = map(torch.from_numpy, arrays(run))
    data = TensorDataset(x, y if run.model == "guide" else y.long())
    loader = DataLoader(data, size.batch, shuffle=True)

    def fit() -> None:
        trainer = lightning.Trainer(
            max_epochs=size.epochs,
            callbacks=[_Reading() for _ in run.hooks],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, loader)

    return fit
