"""How others compute a score from the same predictions: rows left out, sides swapped or clipped.

Shapes as in `msa.results.metrics`: n rows, k targets, m model outputs, `...` any leading axes.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from msa.results.metrics import (
    ALL,
    Array,
    Scores,
    classification,
    metrics_of,
    regression,
)

CONVENTIONS = {
    "nonzero_rows": "rows labelled exactly 0 are left out of MAE and Corr too",
    "f1_swapped": "the two sides of F1 are swapped: its weights are the predicted classes",
    "zero_is_negative": "Acc2 and F1 keep all rows, and labels of 0 count as negative",
    "clipped": "MAE and Corr after clipping both sides to the label range",
}


def rescored(
    task: Mapping[str, Any], target: str, truth: Array, prediction: Array, parts: Collection[str]
) -> Scores:
    """The scores of one target that some of CONVENTIONS make otherwise, and no others.

    nonzero_rows, clipped: `mae`, `corr` of a regression; `sims` clips anyway, so that clipped
    changes none there. zero_is_negative: `acc2_has0`, `f1_has0` of sentiment7, all rows as there,
    with positive > 0; `sims` counts so anyway. f1_swapped: every F1 that is weighted by classes,
    f1_score(prediction, truth); that of a single class is the same either way.

    Args:
        task: as of `msa.results.metrics.target_scores`.
        target: one of its targets, or ALL.
        truth: (n, k).
        prediction: (..., n, m) with at least one leading axis.
        parts: of CONVENTIONS, which hold together.
    """
    if target == ALL:
        each = [rescored(task, name, truth, prediction, parts) for name in task["targets"]]
        return {key: np.mean([scores[key] for scores in each], axis=0) for key in each[0]}
    j = task["targets"].index(target)
    true = truth[:, j]
    if task["type"] == "regression":
        return _of_numbers(task, true, prediction[..., j], parts)
    width = 2 if task["type"] == "binary" else len(task["classes"])
    start = width * j if task["type"] == "binary" else 0
    chosen = prediction[..., start : start + width].argmax(axis=-1)
    return {"f1": _f1(true, chosen, width, True)} if "f1_swapped" in parts else {}


def _of_numbers(
    task: Mapping[str, Any], truth: Array, prediction: Array, parts: Collection[str]
) -> Scores:
    metrics = metrics_of(task)
    scores: Scores = {}
    clips = "clipped" in parts and metrics != "sims"
    if clips or "nonzero_rows" in parts:
        rows = truth != 0 if "nonzero_rows" in parts else np.full(len(truth), True)
        low, high = task["range"] if clips else (-np.inf, np.inf)
        true, guess = (np.clip(side[..., rows], low, high) for side in (truth, prediction))
        empty = dict.fromkeys(("mae", "corr"), np.full(prediction.shape[:-1], np.nan))
        # of these two, sims alone has another definition
        only = "sims" if metrics == "sims" else None
        found = regression(true, guess, only) if rows.any() else empty
        scores |= {key: found[key] for key in empty}
    swaps, negative = "f1_swapped" in parts, "zero_is_negative" in parts
    if metrics == "sims" and swaps:
        scores["f1_sims"] = _f1(truth > 0, prediction > 0, 2, swaps)
    if metrics != "sentiment7":
        return scores
    if swaps:
        rows = truth != 0
        scores["f1_non0"] = _f1(truth[rows] > 0, prediction[..., rows] > 0, 2, swaps)
    if swaps or negative:
        true, guess = (side > 0 if negative else side >= 0 for side in (truth, prediction))
        scores["f1_has0"] = _f1(true, guess, 2, swaps)
        if negative:
            scores["acc2_has0"] = (true == guess).mean(axis=-1)
    return scores


def _f1(truth: Array, chosen: Array, count: int, swapped: bool) -> Array:
    """F1 (...) weighted by the classes of the truth, or where swapped by those chosen."""
    sides = (chosen, truth) if swapped else (truth, chosen)
    return classification(*sides, count, weights=np.ones(len(truth)))["f1"]
