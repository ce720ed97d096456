"""Robustness: a model's scores under every condition, from the predictions that perturb stored."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json, read_npz
from msa.results.score import Fold, faults, read_folds
from msa.results.seeds import over_seeds, run_scores

CONDITION = ("kind", "modality", "level")
SETTINGS = ("model", "target", "seed", "task")


def read_conditions(run: Path, task: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Fold]]:
    """Each condition (kind, modality, level) of a run and its test rows.

    A curve begins at the level 0, which is the clean test fold.

    Raises:
        InputError: a file is missing or damaged, or shapes do not fit the task.
    """
    clean = read_folds(run, task)["test"]
    path = run / "predictions" / "perturbed.npz"
    arrays = read_npz(path, *CONDITION, "ids", "truth", "prediction")
    if not np.array_equal(arrays["ids"], clean.ids):
        raise InputError(f"{path}: expected the rows of clean.npz, got others; run perturb again")
    curves: set[tuple[str, str]] = set()
    columns = (arrays[name].tolist() for name in CONDITION)
    for *curve, level, output in zip(*columns, arrays["prediction"], strict=True):
        kind, modality = curve
        if kind != "missing-modality" and (kind, modality) not in curves:
            curves.add((kind, modality))
            yield (kind, modality, 0.0), clean
        fold = Fold(clean.ids, arrays["truth"], output.astype(float))
        if problems := list(faults(fold, task)):
            raise InputError(f"{path}: {kind} {modality} {level}: {'; '.join(problems)}")
        yield (kind, modality, level), fold


def table(runs: Sequence[Path]) -> pd.DataFrame:
    """One row a condition, target and metric: mean and sample deviation over the seeds.

    Args:
        runs: all seeds (and targets) of one model on one data set.

    Returns:
        The columns model, kind, modality, level, target, metric, mean, std, seeds. A mean is NaN
        where a seed's score is undefined.
    """
    rows = []
    for run in runs:
        settings = read_json(run / "settings.json", *SETTINGS)
        for condition, fold in read_conditions(run, settings["task"]):
            for target, metric, value in run_scores(settings, fold):
                rows.append([settings["model"], *condition, target, metric, value])
    return over_seeds(rows, ["model", *CONDITION, "target", "metric"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="+", help="folders of all seeds (and targets) of one model"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="results/<dataset>/<model>.robustness.csv"
    )


def main(args: argparse.Namespace) -> None:
    frame = table(args.runs)
    with atomic_write(args.output) as file:
        frame.to_csv(file, index=False)
