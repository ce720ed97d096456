"""Two baselines without gradients: the mean of the training labels, and a linear model, ridge.

Labels are (n,) or (n, k). Unless the task is regression, the ``output_dim`` logits are shared
evenly by the k questions (one for labels (n,)), question after question.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.linear import fit, log_frequencies
from msa.models.padding import require_choice, sequence

MODALITIES = ("text", "audio", "vision")
TASKS = ("regression", "binary", "classification")


def _labels(batch: dict[str, Any]) -> np.ndarray:
    label = batch["label"].cpu().numpy()
    return label.reshape(len(label), -1)  # (n, k)


class Mean(nn.Module):
    """The mean training label, or the log frequency of each class, whatever the input."""

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        task: str = "regression",
    ) -> None:
        super().__init__()
        self.task = require_choice("task", task, TASKS)
        self.prediction = nn.Parameter(torch.zeros(output_dim), requires_grad=False)

    def fit(self, train: dict[str, Any], valid: dict[str, Any]) -> None:
        """Set the prediction from the labels of ``train``; there is nothing to choose."""
        label = _labels(train)
        if self.task == "regression":
            prediction = label.astype(float).mean(0)
        else:
            classes = len(self.prediction) // label.shape[1]
            prediction = np.concatenate([log_frequencies(y, classes) for y in label.T])
        self.prediction.copy_(torch.from_numpy(prediction))

    def forward(self, batch: dict[str, Any]) -> Tensor:
        b = len(next(iter(batch.values())))
        return self.prediction.expand(b, -1)  # (b, output_dim)


class Ridge(nn.Module):
    """A penalised linear model on the time averages of all modalities."""

    center: Tensor
    scale: Tensor
    alpha: Tensor

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        task: str = "regression",
    ) -> None:
        super().__init__()
        self.task = require_choice("task", task, TASKS)
        d = text_dim + audio_dim + vision_dim
        self.weight = nn.Parameter(torch.zeros(output_dim, d), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(output_dim), requires_grad=False)
        self.register_buffer("center", torch.zeros(d))
        self.register_buffer("scale", torch.ones(d))
        self.register_buffer("alpha", torch.zeros(()))

    def fit(self, train: dict[str, Any], valid: dict[str, Any]) -> None:
        """Fit on ``train``, with the penalty that does best on ``valid``."""
        rows = (
            part
            for batch in (train, valid)
            for part in (self._average(batch).double().cpu().numpy(), _labels(batch))
        )
        found = fit(self.task, len(self.bias), *rows)
        self.center.copy_(torch.from_numpy(found.center))
        self.scale.copy_(torch.from_numpy(found.scale))
        self.weight.copy_(torch.from_numpy(found.weight))
        self.bias.copy_(torch.from_numpy(found.bias))
        self.alpha.fill_(found.alpha)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        x = self._average(batch).to(self.weight.dtype)  # (b, d)
        return F.linear((x - self.center) / self.scale, self.weight, self.bias)  # (b, output_dim)

    def _average(self, batch: dict[str, Any]) -> Tensor:
        return torch.cat([sequence(batch, name).mean() for name in MODALITIES], dim=1)  # (b, d)
