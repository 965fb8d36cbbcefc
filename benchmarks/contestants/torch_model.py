"""The two models in PyTorch, for Lightning and Poutyne."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def network(model: str) -> nn.Module:
    """Returns the guide's model or the MLP."""
    if model == "guide":
        return nn.Sequential(nn.Linear(784, 1), nn.Flatten(0))
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )


def optimizer(model: str, parameters: Any) -> torch.optim.Optimizer:
    """Returns the optimizer with the settings of Keras."""
    if model == "guide":
        return torch.optim.RMSprop(parameters, lr=0.1, alpha=0.9, eps=1e-7)
    return torch.optim.Adam(parameters, lr=0.001, eps=1e-7)


def loss_of(model: str) -> Callable[[Any, Any], Any]:
    """Returns the loss."""
    return nn.functional.mse_loss if model == "guide" else nn.functional.cross_entropy
