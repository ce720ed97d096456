"""Labels of another scale than the task says: CH-SIMS's, in [-1, 1], taken for those of MOSI."""

import sys
from collections.abc import Iterable

import numpy as np

FEW = 5  # fewer values tell nothing of a scale


def check_scale(labels: Iterable[np.ndarray], span: tuple[float, float] | None) -> None:
    """Say it where the range is [-3, 3] and all labels lie in [-1, 1].

    Args:
        labels: of each fold, (n, targets).
        span: smallest and largest label of a regression.
    """
    values = np.unique(np.concatenate([label.ravel() for label in labels]))
    if span == (-3, 3) and len(values) >= FEW and np.abs(values).max() <= 1:
        print(
            "warning: all labels lie in [-1, 1], the task's range is [-3, 3]: accuracies and F1 "
            "are those of MOSI's scale. Of CH-SIMS it is `range: [-1, 1], metrics: sims`",
            file=sys.stderr,
        )
