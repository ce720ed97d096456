"""Which epoch's predictions count: choices of other papers, beside that by validation loss.

Shapes: e epochs, v and n rows of the validation and the test fold, k targets, m model outputs.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

from msa.results.metrics import Array, Scores, best

EPOCHS = {
    "best_test_per_metric": "each metric at its own best test epoch",
    "best_test_epoch": "one epoch, the best on the test fold by",
    "best_valid_per_metric": "each metric at its own best validation epoch",
    "last_epoch": "the last epoch, without a selection",
    "valid_and_test": "an epoch is kept only if validation and TEST loss are the best so far",
}


class Seed(NamedTuple):
    """What one run predicted after each epoch that did not diverge; e is 1 where none were kept.

    Attributes:
        selected: the place of the epoch that is ours.
        valid: predictions of the validation fold (e, v, m).
        test: and of the test fold (e, n, m).
        valid_truth: (v, k).
        test_truth: (n, k).
        loss: the name of the task loss.
    """

    selected: int
    valid: Array
    test: Array
    valid_truth: Array
    test_truth: Array
    loss: str


def places(epoch: str, by: str, seed: Seed, test: Scores, valid: Scores) -> dict[str, int | None]:
    """The place of the epoch that counts for each metric; None where it is undefined everywhere.

    Args:
        epoch: one of EPOCHS, or "" for the selected epoch.
        by: the test metric that chooses in best_test_epoch.
        seed: the run.
        test: its scores of every epoch, metric to (e,).
        valid: the same of the validation fold.
    """
    match epoch:
        case "best_test_per_metric":
            return {metric: best(metric, values) for metric, values in test.items()}
        case "best_valid_per_metric":
            return {metric: best(metric, valid[metric]) for metric in test}
        case "best_test_epoch":
            return dict.fromkeys(test, best(by, test[by]))
        case "last_epoch":
            return dict.fromkeys(test, len(seed.test) - 1)
        case "valid_and_test":
            valid_losses = task_loss(seed.valid_truth, seed.valid, seed.loss)
            test_losses = task_loss(seed.test_truth, seed.test, seed.loss)
            return dict.fromkeys(test, better_on_both(valid_losses, test_losses))
    return dict.fromkeys(test, seed.selected)


def better_on_both(valid: Array, test: Array) -> int:
    """The place of the last of e epochs that is kept, by its losses (e,) on both folds.

    An epoch is kept whose validation loss is the lowest so far and whose test loss is lower than
    that of the one kept before: MMIM's loop.
    """
    kept, lowest = 0, valid[0]
    for epoch in range(1, len(valid)):
        if valid[epoch] < lowest:
            lowest = valid[epoch]
            kept = epoch if test[epoch] < test[kept] else kept
    return kept


def task_loss(truth: Array, prediction: Array, loss: str) -> Array:
    """The task loss over rows and targets, from (n, k) and (..., n, m) to (...).

    Args:
        truth: numbers, or class indices for cross_entropy.
        prediction: numbers, or as many logits a target.
        loss: l1, mse, half_mse or cross_entropy, as the settings name it.
    """
    if loss == "cross_entropy":
        logits = prediction.reshape(*prediction.shape[:-1], truth.shape[1], -1)
        place = np.broadcast_to(truth.astype(int)[..., None], (*logits.shape[:-1], 1))
        losses = -np.take_along_axis(log_softmax(logits, axis=-1), place, axis=-1)[..., 0]
    else:
        errors = np.abs(prediction - truth)
        losses = errors if loss == "l1" else errors**2 * (0.5 if loss == "half_mse" else 1)
    means: Array = losses.mean(axis=(-2, -1))  # of (..., n, k)
    return means
