"""What a constant prediction scores: a run that is no better learned nothing."""

from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def constant_loss(loss: Loss, train: Tensor, valid: Tensor, outputs: int) -> float:
    """Loss on the validation fold of a constant that knows the training labels alone.

    Args:
        loss: of predictions (n, outputs) and labels (n, k), for each row and target, (n, k).
        train: labels (m, k): values, or class numbers, as integers.
        valid: labels (n, k).
        outputs: width of the model's prediction.

    Returns:
        The mean over rows and targets: of values the better of mean and median of each target,
        of classes their shares of the training fold.
    """
    train, valid = train.detach().cpu(), valid.detach().cpu()
    if train.is_floating_point():
        constants = [train.double().mean(dim=0), train.double().quantile(0.5, dim=0)]
    else:
        constants = [log_shares(train, outputs // train.shape[1]).flatten()]
    rows = len(valid)
    return min(loss(constant.expand(rows, -1), valid).mean().item() for constant in constants)


def log_shares(label: Tensor, classes: int) -> Tensor:
    """Logarithm of each class's share of the rows, (k, classes), for class numbers (m, k)."""
    counts = torch.stack([torch.bincount(of, minlength=classes) for of in label.T])
    # half a row for a class never seen keeps the cross-entropy finite
    return (counts.double().clamp(min=0.5) / len(label)).log()
