"""Transfer: scores of trained models on other data sets, from what predict-other stored."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json, read_npz
from msa.results.score import Fold, faults
from msa.results.seeds import over_seeds, run_scores

SETTINGS = ("model", "target", "seed", "task")
KEYS = ["model", "test", "target", "metric", "rows", "seen"]


def table(runs: Sequence[Path], tests: Sequence[str]) -> pd.DataFrame:
    """One row a test set, target and metric: mean and sample deviation over the seeds.

    Args:
        runs: all seeds (and targets) of one model on the data set that it is trained on.
        tests: the other data sets.

    Returns:
        The columns of `KEYS`, mean, std and seeds: `rows` are the test segments, `seen` how many
        of them are of videos in the training fold. A mean is NaN where a seed's is undefined.

    Raises:
        InputError: a file is missing or damaged, or does not fit the run's task.
    """
    rows = []
    for test in tests:
        for run in runs:
            settings = read_json(run / "settings.json", *SETTINGS)
            path = run / "predictions" / f"transfer-{test}.npz"
            arrays = read_npz(path, *Fold._fields, "seen")
            fold = Fold(*(arrays[name] for name in Fold._fields))
            if problems := list(faults(fold, settings["task"])):
                raise InputError(f"{path}: {'; '.join(problems)}")
            counts = [len(fold.ids), int(arrays["seen"].sum())]
            for target, metric, value in run_scores(settings, fold):
                rows.append([settings["model"], test, target, metric, *counts, value])
    return over_seeds(rows, KEYS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="+", help="folders of all seeds (and targets) of one model"
    )
    parser.add_argument("--tests", nargs="+", required=True, help="the other data sets")
    parser.add_argument(
        "--output", type=Path, required=True, help="results/<dataset>/<model>.transfer.csv"
    )


def main(args: argparse.Namespace) -> None:
    frame = table(args.runs, args.tests)
    with atomic_write(args.output) as file:
        frame.to_csv(file, index=False)
