"""Two baselines without gradients: the mean of the training labels, and a linear model.

Ridge: Hoerl and Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems",
Technometrics 1970; for classes, logistic regression with the same penalty.

Labels are (n,) or (n, k). Unless the task is regression, the ``output_dim`` logits are shared
evenly by the k questions (one for labels (n,)), question after question.
"""

import warnings
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.padding import require_choice, sequence

MODALITIES = ("text", "audio", "vision")
TASKS = ("regression", "binary", "classification")
ALPHAS = np.logspace(-2, 6, 17)


def _labels(batch: dict[str, Any]) -> np.ndarray:
    label = batch["label"].cpu().numpy()
    return label.reshape(len(label), -1)  # (n, k)


def _log_frequencies(label: np.ndarray, classes: int) -> np.ndarray:
    # half a count for a class never seen keeps the cross-entropy finite
    counts = np.bincount(label.astype(int), minlength=classes).clip(min=0.5)
    return np.log(counts / len(label))


def _log_probability(logits: np.ndarray, label: np.ndarray) -> float:
    scores = F.log_softmax(torch.from_numpy(logits), dim=1)
    return -F.nll_loss(scores, torch.from_numpy(label.astype(np.int64))).item()


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
            prediction = np.concatenate([_log_frequencies(y, classes) for y in label.T])
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
        features = self._average(train).double()  # (n, d)
        center, scale = features.mean(0), features.std(0, unbiased=False)
        # a constant column has a deviation of rounding errors, not always of zero
        scale[scale <= 1e-6 * center.abs()] = 1.0
        self.center.copy_(center)
        self.scale.copy_(scale)
        x = ((features - center) / scale).cpu().numpy()
        x_valid = ((self._average(valid).double() - center) / scale).cpu().numpy()
        fit = self._regression if self.task == "regression" else self._classification
        candidates = [fit(x, _labels(train), x_valid, _labels(valid), a) for a in ALPHAS]
        best = min(range(len(ALPHAS)), key=lambda i: candidates[i][0])
        _, weight, bias = candidates[best]
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(bias))
        self.alpha.fill_(ALPHAS[best])

    def forward(self, batch: dict[str, Any]) -> Tensor:
        x = self._average(batch).to(self.weight.dtype)  # (b, d)
        return F.linear((x - self.center) / self.scale, self.weight, self.bias)  # (b, output_dim)

    def _average(self, batch: dict[str, Any]) -> Tensor:
        return torch.cat([sequence(batch, name).mean() for name in MODALITIES], dim=1)  # (b, d)

    def _regression(
        self, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray, alpha: float
    ) -> tuple[float, np.ndarray, np.ndarray]:
        from sklearn.linear_model import Ridge as LinearRidge

        model = LinearRidge(alpha=alpha).fit(x, y.astype(float))
        weight = model.coef_.reshape(y.shape[1], -1)  # (output_dim, d)
        bias = np.reshape(model.intercept_, -1)
        error = float(np.mean((x_valid @ weight.T + bias - y_valid) ** 2))
        return error, weight, bias

    def _classification(
        self, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray, alpha: float
    ) -> tuple[float, np.ndarray, np.ndarray]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        classes = len(self.bias) // y.shape[1]
        weights, biases, loss = [], [], 0.0
        for label, label_valid in zip(y.T.astype(int), y_valid.T, strict=True):
            weight = np.zeros((classes, x.shape[1]))
            bias = _log_frequencies(label, classes)
            seen = np.unique(label)
            if len(seen) > 1:
                with warnings.catch_warnings():
                    # not converged is still a candidate: the validation loss judges it
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model = LogisticRegression(C=1 / alpha, max_iter=200).fit(x, label)
                # of two classes scikit-learn keeps the second one's row only
                rows = seen if len(seen) > 2 else seen[1:]
                bias[seen] = 0.0
                weight[rows] = model.coef_
                bias[rows] = model.intercept_
            weights.append(weight)
            biases.append(bias)
            loss -= _log_probability(x_valid @ weight.T + bias, label_valid)
        return loss / y.shape[1], np.concatenate(weights), np.concatenate(biases)
