"""A result computed again from its saved predictions, beside what it says; nothing is trained."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json
from msa.results.leaderboard import read_result
from msa.results.metrics import METRICS_VERSION, metrics_of
from msa.results.score import Fold, read_folds, score
from msa.results.summarize import (
    DESCRIPTION,
    SETTINGS,
    TRAINING,
    Run,
    deal_of,
    run_folders,
    summarize,
)

OF_SIGN = ("acc2_", "f1_")


def rescore(result: Path, runs: Path, threshold: float = 0.0) -> dict[str, Any]:
    """Every score of the test fold, now and as stored.

    Args:
        result: results/<dataset>/<model>.json.
        runs: the folder of all runs.
        threshold: a regression's prediction counts as positive above it (at it too, with zeros
            counted in); the truth's sign stays at zero.

    Raises:
        InputError: a run of the result is not there or broken, or the task has no sign.
    """
    stored = read_result(result)
    paths = run_folders(stored, runs)
    usual = summarize([read(path, 0.0) for path in paths])
    moved = summarize([read(path, threshold) for path in paths]) if threshold else usual
    targets: dict[str, Any] = {}
    for target, scores in usual["targets"].items():
        before = stored["targets"].get(target, {})
        targets[target] = {}
        for metric, spread in scores.items():
            if metric.startswith(OF_SIGN):
                spread = moved["targets"][target][metric]
            mean = before.get(metric, {}).get("mean")
            targets[target][metric] = spread | {"stored_mean": mean}
    return {
        **{key: stored[key] for key in DESCRIPTION},
        "metrics_version": METRICS_VERSION,
        "bootstrap": usual["bootstrap"],
        "stored_metrics_version": stored["metrics_version"],
        "threshold": threshold,
        "targets": targets,
    }


def read(path: Path, threshold: float) -> Run:
    """A run with the scores that its predictions have at a threshold."""
    settings = read_json(path / "settings.json", *SETTINGS)
    task = settings["task"]
    folds = read_folds(path, task)
    if threshold:
        if task["type"] != "regression" or metrics_of(task) not in ("sentiment7", "sims"):
            raise InputError(
                f"{path}: a threshold is for scores of the sign, `metrics: sentiment7` or sims, "
                f"got the task {task}"
            )
        folds = {name: _shifted(fold, threshold) for name, fold in folds.items()}
    training = read_json(path / "training.json", *TRAINING)
    scores = score(task, folds)
    return Run(path, settings, training, scores, folds["test"], deal_of(path, settings))


def _shifted(fold: Fold, threshold: float) -> Fold:
    return fold._replace(prediction=np.asarray(fold.prediction) - threshold)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", type=Path, help="results/<dataset>/<model>.json")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument(
        "--threshold", type=float, default=0.0, help="above which a prediction is positive"
    )
    parser.add_argument("--output", type=Path, help="JSON file to write")


def main(args: argparse.Namespace) -> None:
    if not np.isfinite(args.threshold):
        raise InputError(f"--threshold: expected a number, got {args.threshold}")
    content = rescore(args.result, args.runs, args.threshold)
    for target, scores in content["targets"].items():
        for metric, spread in scores.items():
            print(f"{target} {metric}: {spread['mean']} (stored: {spread['stored_mean']})")
    every = [spread for scores in content["targets"].values() for spread in scores.values()]
    others = sum(spread["mean"] != spread["stored_mean"] for spread in every)
    why = f", positive being above {args.threshold:g}" if args.threshold else ""
    print(f"{others} of {len(every)} means differ{why}" if others else "all means are as stored")
    if args.output:
        with atomic_write(args.output) as file:
            json.dump(content, file, indent=1, allow_nan=False)
            file.write("\n")
