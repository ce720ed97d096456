"""The definitions of all scores; `METRICS_VERSION`, of scores and intervals, stands in results.

Every score is made of sums over rows, so each function takes row `weights`: how many times each
row counts. A bootstrap is then one matrix product for all resamples, and two models scored with
the same weights are a paired bootstrap.

Shapes: n rows, k targets, m model outputs, r resamples; `...` any leading axes, such as seeds or
epochs. A prediction (..., n) scores to (...), and with weights (r, n) to (..., r). Undefined is
NaN; a plain (n,) prediction without weights, a headline number, then warns.
"""

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

METRICS_VERSION = "3"
LOWER_IS_BETTER = frozenset({"mae"})
ALL = "all"  # in place of a target: the plain mean of each score over all of them
# relative deviation of a constant side: predictions are float32, of which the last bits are noise
CONSTANT = 8 * np.finfo(np.float32).eps
# where CH-SIMS's classes end, each with the border above it (Yu et al., ACL 2020)
SIMS_CLASSES = {"acc3_sims": (-0.1, 0.1), "acc5_sims": (-0.7, -0.1, 0.1, 0.7)}
UNDEFINED = {"corr": "a side is constant", "wacc": "a class does not occur"}

Array = np.ndarray
Scores = dict[str, Array]


def best(metric: str, values: Array) -> int | None:
    """The first place of the best of some values (e,); None where all are undefined."""
    losses = values if metric in LOWER_IS_BETTER else -values
    return None if np.isnan(losses).all() else int(np.nanargmin(losses))


def metrics_of(task: Mapping[str, Any]) -> str | None:
    """The scores of a regression beside mae and corr: what its `metrics` says.

    Without, those of [-3, 3] are sentiment7's, and another range has no more.
    """
    in_seven = tuple(task["range"]) == (-3, 3)
    metrics: str | None = task.get("metrics", "sentiment7" if in_seven else None)
    return metrics


def scored_targets(task: Mapping[str, Any]) -> list[str]:
    """What a task has scores of: its targets; where several may be present, first ALL of them."""
    targets = [*task["targets"]]
    return [ALL, *targets] if "present" in task and len(targets) > 1 else targets


def target_scores(
    task: Mapping[str, Any],
    target: str,
    truth: Array,
    prediction: Array,
    weights: Array | None = None,
) -> Scores:
    """All scores of one target from raw model outputs.

    Args:
        task: `type`, `targets`, and `range` and perhaps `metrics` (regression), `classes`
            (classification), or `present` (binary, where that has a weighted accuracy).
        target: one of the targets, or ALL.
        truth: (n, k) with n >= 1; class indices unless the task is a regression.
        prediction: (..., n, m): the values, or the logits of classes, of which the highest (the
            first in a tie) counts; `binary` has columns 2j and 2j + 1 for target j.
        weights: (r, n).
    """
    if target == ALL:
        each = [target_scores(task, name, truth, prediction, weights) for name in task["targets"]]
        return {key: np.mean([scores[key] for scores in each], axis=0) for key in each[0]}
    j = task["targets"].index(target)
    if task["type"] == "regression":
        return regression(truth[:, j], prediction[..., j], metrics_of(task), weights)
    if task["type"] == "binary":
        predicted = prediction[..., 2 * j : 2 * j + 2].argmax(axis=-1)
        score = presence if "present" in task else partial(classification, count=2)
        return score(truth[:, j], predicted, weights=weights)
    names = task["classes"]
    return classification(truth[:, j], prediction.argmax(axis=-1), len(names), names, weights)


def regression(
    truth: Array,
    prediction: Array,
    metrics: str | None = "sentiment7",
    weights: Array | None = None,
) -> Scores:
    """`mae`, `corr` (Pearson), and the scores that `metrics` names.

    corr: undefined where a side is constant, that is where its standard deviation is at most
    CONSTANT, eight steps of float32, times its mean's size.
    sentiment7: acc7, acc5: equal after clipping to [-3, 3], [-2, 2] and rounding, half to even.
    acc2_non0, f1_non0: rows with truth != 0, positive is > 0. acc2_has0, f1_has0: all rows,
    positive is >= 0. F1 is weighted by true classes.
    sims: all, mae and corr too, of both sides clipped to [-1, 1]. acc2_sims, f1_sims: positive is
    > 0. acc3_sims, acc5_sims: of the same class of SIMS_CLASSES, compared in float64.
    rounded: acc: equal after rounding, half to even, no clipping.

    Args:
        truth: (n,) with n >= 1.
        prediction: (..., n).
        metrics: sentiment7, sims or rounded, or None for no more than mae and corr.
        weights: (r, n).
    """
    w = np.ones(len(truth)) if weights is None else weights
    if metrics == "sims":
        truth, prediction = (np.clip(side, -1, 1) for side in (truth, prediction))
    scores = {"mae": _mean(np.abs(prediction - truth), w), "corr": _pearson(truth, prediction, w)}
    if metrics == "sims":
        scores["acc2_sims"], scores["f1_sims"], _ = _classes(truth > 0, prediction > 0, 2, w)
        for key, borders in SIMS_CLASSES.items():
            true, guess = (between(borders, side) for side in (truth, prediction))
            scores[key] = _mean(guess == true, w)
        return _warned(scores, weights)
    if metrics == "rounded":
        scores["acc"] = _mean(np.rint(prediction) == np.rint(truth), w)
    if metrics != "sentiment7":
        return _warned(scores, weights)
    for key, limit in (("acc7", 3), ("acc5", 2)):
        true, guess = (np.rint(np.clip(side, -limit, limit)) for side in (truth, prediction))
        scores[key] = _mean(guess == true, w)
    non0 = (truth > 0, prediction > 0, w * (truth != 0))
    has0 = (truth >= 0, prediction >= 0, w)
    for key, (true, guess, rows) in {"non0": non0, "has0": has0}.items():
        scores[f"acc2_{key}"], scores[f"f1_{key}"], _ = _classes(true, guess, 2, rows)
    return _warned(scores, weights)


def between(borders: Sequence[float], values: Array) -> Array:
    """The class of each value, as float64, (...): a border belongs to the class below it."""
    return np.searchsorted(np.asarray(borders, np.float64), np.asarray(values, np.float64))


def classification(
    truth: Array,
    predicted: Array,
    count: int,
    names: Sequence[str] = (),
    weights: Array | None = None,
) -> Scores:
    """`acc`, weighted `f1`, and `f1_<name>`, undefined for a class that neither side has.

    Args:
        truth: (n,) class indices, n >= 1.
        predicted: (..., n) class indices.
        count: the number of classes.
        names: one for each class, or none.
        weights: (r, n).
    """
    w = np.ones(len(truth)) if weights is None else weights
    acc, f1, each = _classes(truth, predicted, count, w)
    named = {f"f1_{name}": each[c] for c, name in enumerate(names)}
    return _warned({"acc": acc, "f1": f1, **named}, weights)


def presence(truth: Array, predicted: Array, weights: Array | None = None) -> Scores:
    """`acc`, `wacc` and weighted `f1` of what is there, 1, or not, 0.

    wacc: the mean of the accuracies on presence and on absence, undefined where one of them does
    not occur; the weighted accuracy of MOSEI's emotions (Zadeh et al., ACL 2018).

    Args:
        truth: (n,), n >= 1.
        predicted: (..., n).
        weights: (r, n).
    """
    w = np.ones(len(truth)) if weights is None else weights
    acc, f1, _ = _classes(truth, predicted, 2, w)
    with np.errstate(invalid="ignore"):  # 0 / 0: no rows of a class
        sides = [_mean(predicted == truth, w * (truth == c)) for c in (0, 1)]
    return _warned({"acc": acc, "wacc": np.mean(sides, axis=0), "f1": f1}, weights)


def confusion(truth: Array, predicted: Array, count: int) -> Array:
    """The number of rows (count, count) of each true (first axis) and predicted class, (n,)."""
    cells = count * truth.astype(int) + predicted
    return np.bincount(cells, minlength=count**2).reshape(count, count)


def _mean(values: Array, w: Array) -> Array:
    return (values @ w.T) / w.sum(axis=-1)


def _pearson(x: Array, y: Array, w: Array) -> Array:
    (x, mean_x, var_x), (y, mean_y, var_y) = (_moments(side, w) for side in (x, y))
    scale = np.sqrt(var_x) * np.sqrt(var_y)
    return np.clip((_mean(x * y, w) - mean_x * mean_y) / scale, -1, 1)


def _moments(side: Array, w: Array) -> tuple[Array, Array, Array]:
    """The side around its mean over rows, its means there, its variances: NaN of a constant."""
    constant = CONSTANT * _mean(side, w)
    side = side - side.mean(axis=-1, keepdims=True)  # against cancellation
    mean, square = _mean(side, w), _mean(side * side, w)
    variance = square - mean**2
    # the sums of a constant leave rounding errors too
    known = variance > np.maximum(constant**2, 1e-12 * square)
    return side, mean, np.where(known, variance, np.nan)


def _classes(truth: Array, predicted: Array, count: int, w: Array) -> tuple[Array, Array, Array]:
    """Accuracy (...), F1 weighted by true classes (...), F1 of each class (count, ...)."""
    sides = np.broadcast_arrays(truth, predicted)
    is_true, is_chosen = (np.equal.outer(np.arange(count), side) for side in sides)  # (c, ..., n)
    hits, actual, guessed = (rows @ w.T for rows in (is_true & is_chosen, is_true, is_chosen))
    with np.errstate(invalid="ignore"):  # 0 / 0: no rows, or none of a class
        each = 2 * hits / (actual + guessed)  # (c, ...)
        f1 = np.where(actual > 0, actual * each, 0).sum(axis=0) / w.sum(axis=-1)
        return hits.sum(axis=0) / w.sum(axis=-1), f1, each


def _warned(scores: Scores, weights: Array | None) -> Scores:
    undefined = [key for key, value in scores.items() if np.ndim(value) == 0 and np.isnan(value)]
    if undefined and weights is None:
        reasons = {UNDEFINED.get(key, "no row counts") for key in undefined}
        message = f"undefined ({', '.join(sorted(reasons))}), null in JSON"
        warnings.warn(f"{', '.join(undefined)}: {message}", stacklevel=3)
    return scores
