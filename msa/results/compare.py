"""Every two models of a data set on the same test rows: a paired bootstrap.

A resample draws the same videos for both models and all their seeds; a difference is that of the
means over seeds. The p-value is two-sided, twice the share of resamples on the far side of zero
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 15.4), with one added to both
counts so that it is never zero. Holm (1979) corrects over the whole table of a target: all pairs,
all metrics. As a p-value is no smaller than two resamples' share, there are more resamples the more
is tested: enough for a corrected p of .01. Interval and p-value are of these seeds; `readable`
counts with others.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.results.bootstrap import resamples
from msa.results.metrics import ALL, METRICS_VERSION, target_scores
from msa.results.readable import readable
from msa.results.score import Fold, of_target
from msa.results.summarize import Run, label, read_run

SCHEMA_VERSION = "1"
RESAMPLES = 10_000  # at least
PER_TEST = 200  # 2 / 200 = .01
BLOCK = 500  # resamples at once
SEED = 0


def compare(runs: Sequence[Run], count: int | None = None) -> dict[str, Any]:
    """The content of comparisons.json; what is undefined is None.

    Args:
        runs: all runs of at least one model on one data set; a model may have one run a target.
        count: resamples; None for as many as the Holm correction needs.

    Raises:
        InputError: the models have other data sets, kinds of task or test rows.
    """
    targets = by_target(runs)
    if count is None:
        models = max(map(len, targets.values()))
        metrics = next(iter(runs[0].scores["targets"].values()))["test"]
        count = max(RESAMPLES, PER_TEST * comb(models, 2) * len(metrics))
    task = runs[0].settings["task"]
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": runs[0].settings["dataset"],
        "metrics_version": METRICS_VERSION,
        "bootstrap": runs[0].bootstrap,
        "resamples": count,
        "seed": SEED,
        # of those that read words through one
        "encoders": {label(run.settings): run.settings.get("encoder") for run in runs},
        "targets": {
            target: _table(
                task_of(task, target),
                target,
                seeds,
                count,
                runs[0].units,
            )
            for target, seeds in targets.items()
        },
    }


def by_target(runs: Sequence[Run]) -> dict[str, dict[str, list[Fold]]]:
    """By target and model, the test rows of each seed, of that target alone.

    Raises:
        InputError: as of `compare`.
    """
    _check(runs)
    columns = {target: column for run in runs for target, column in run.columns.items()}
    targets: dict[str, dict[str, list[Fold]]] = {
        target: {} for target in sorted(columns, key=columns.__getitem__)
    }
    for run in sorted(runs, key=lambda run: run.settings["seed"]):
        for target in run.columns:
            seeds = targets[target].setdefault(label(run.settings), [])
            seeds.append(of_target(run.test, run.settings["task"], target))
    return targets


def task_of(task: Mapping[str, Any], target: str) -> Mapping[str, Any]:
    """The task of one target alone; of ALL, itself."""
    return task if target == ALL else {**task, "targets": [target]}


def _check(runs: Sequence[Run]) -> None:
    first = runs[0]
    truths: dict[str, tuple[Run, np.ndarray]] = {}
    twins: dict[tuple[Any, ...], Run] = {}
    for run in runs:
        who = label(run.settings), run.settings["target"], run.settings["seed"]
        if (twin := twins.setdefault(who, run)) is not run:
            raise InputError(
                f"{run.path}: expected each model's runs once, got {twin.path} with seed {who[2]} "
                "too; give one of them"
            )
        expected, got = _facts(first), _facts(run)
        for key in expected:
            if got[key] != expected[key]:
                raise InputError(
                    f"{run.path}: {key}: expected {expected[key]} as in {first.path}, "
                    f"got {got[key]}; compare models of one data set"
                )
        same = np.array_equal(run.test.ids, first.test.ids)
        for target in run.columns:
            truth = of_target(run.test, run.settings["task"], target).truth
            other, known = truths.setdefault(target, (run if same else first, truth))
            if not (same and np.array_equal(truth, known)):
                raise InputError(
                    f"{run.path}/predictions: the test rows are not those of {other.path}; "
                    "predict again with both"
                )


def _facts(run: Run) -> dict[str, Any]:
    """What all runs agree in: the data set, and of its task what is the same for all targets."""
    task = {key: value for key, value in run.settings["task"].items() if key != "targets"}
    return {
        "dataset": run.settings["dataset"],
        "task": task,
        "folds": run.settings.get("folds", "its own"),
    }


def _table(
    task: Mapping[str, Any],
    target: str,
    seeds: Mapping[str, Sequence[Fold]],
    count: int,
    units: np.ndarray,
) -> dict[str, list[dict[str, Any]]]:
    truth = next(iter(seeds.values()))[0].truth
    outputs = {name: np.stack([fold.prediction for fold in folds]) for name, folds in seeds.items()}
    points = {name: target_scores(task, target, truth, x) for name, x in outputs.items()}  # (s,)
    drawn: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in outputs}
    for start in range(0, count, BLOCK):
        weights = resamples(units, min(BLOCK, count - start), SEED + start)
        for name, x in outputs.items():
            for metric, values in target_scores(task, target, truth, x, weights).items():
                drawn[name].setdefault(metric, []).append(values.mean(axis=0))
    means = {
        name: {metric: np.concatenate(values) for metric, values in scores.items()}
        for name, scores in drawn.items()
    }
    table: dict[str, list[dict[str, Any]]] = {metric: [] for metric in next(iter(points.values()))}
    for first, second in combinations(sorted(outputs), 2):
        for metric, pairs in table.items():
            sides = points[first][metric], points[second][metric]
            difference = sides[0].mean() - sides[1].mean()
            resampled = means[first][metric] - means[second][metric]
            resampled = resampled[~np.isnan(resampled)]
            known = len(resampled) > 0 and not np.isnan(difference)
            pairs.append(
                {
                    "first": first,
                    "second": second,
                    "difference": float(difference) if known else None,
                    "ci95": np.quantile(resampled, (0.025, 0.975)).tolist() if known else None,
                    "p": two_sided(resampled) if known else None,
                    "p_holm": None,
                    **readable(resampled if known else resampled[:0], *sides),
                }
            )
    tests = [pair for pairs in table.values() for pair in pairs if pair["p"] is not None]
    for pair, p in zip(tests, holm([pair["p"] for pair in tests]), strict=True):
        pair["p_holm"] = p
    return table


def two_sided(differences: np.ndarray) -> float:
    """The p-value of resampled differences (r,) against zero."""
    tail = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return min(1.0, 2 * (tail + 1) / (len(differences) + 1))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: Holm, Scandinavian Journal of Statistics 6, 1979."""
    order = np.argsort(p, kind="stable")
    factors = len(p) - np.arange(len(p))
    adjusted = np.maximum.accumulate(np.asarray(p)[order] * factors) if len(p) else np.zeros(0)
    result = np.empty(len(p))
    result[order] = np.minimum(adjusted, 1)
    return result.tolist()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN_DIR", help="all runs of all models"
    )
    parser.add_argument("--output", type=Path, required=True, help="comparisons.json")


def main(args: argparse.Namespace) -> None:
    content = compare([read_run(path) for path in args.runs])
    with atomic_write(args.output) as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
