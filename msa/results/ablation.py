"""Ablation: what a model loses without a modality, at test time and when trained without it."""

import argparse
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json, said

RESULT = ("model", "variant", "targets")
CONDITIONS = ("kind", "modality", "target", "metric", "mean", "std", "seeds")


def table(
    full: Mapping[str, Any], robustness: pd.DataFrame, retrained: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """One row a modality, way of removing it, target and metric.

    Args:
        full: the model's result.
        robustness: its table of conditions; those of a missing modality are read.
        retrained: by modality, its result without it.

    Returns:
        The columns model, modality, how (test or retrained), target, metric, mean, std, seeds,
        full_mean.
    """
    dropped = robustness[robustness["kind"] == "missing-modality"]
    parts = [dropped.assign(model=full["model"], how="test")]
    parts += [
        pd.DataFrame(
            {
                "model": full["model"],
                "modality": modality,
                "how": "retrained",
                "target": target,
                "metric": metric,
                "mean": score["mean"],
                "std": score["std"],
                "seeds": len(score["per_seed"]),
            }
            for target, scores in result["targets"].items()
            for metric, score in scores.items()
        )
        for modality, result in retrained.items()
    ]
    frame = pd.concat([part.astype({"mean": float, "std": float}) for part in parts])
    means = {
        (target, metric): score["mean"]
        for target, scores in full["targets"].items()
        for metric, score in scores.items()
    }
    frame["full_mean"] = [
        means.get(tuple(key)) for key in frame[["target", "metric"]].itertuples(index=False)
    ]
    names = ["model", "modality", "how", "target", "metric", "mean", "std", "seeds", "full_mean"]
    return frame[names]


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A CSV file with some columns; InputError if it is missing, damaged, or without them."""
    try:
        text = path.read_text(encoding="utf-8")
        frame = pd.read_csv(io.StringIO(text))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a table, got: {said(error)}") from error
    if not text.endswith("\n"):
        raise InputError(f"{path}: expected whole lines, got one that is cut off; make it again")
    if missing := [name for name in columns if name not in frame]:
        raise InputError(f"{path}: expected the columns {list(columns)}, missing: {missing}")
    return frame


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", type=Path, help="results/<dataset>/<model>.json")
    parser.add_argument("--robustness", type=Path, required=True, help="<model>.robustness.csv")
    parser.add_argument(
        "--retrained", type=Path, nargs="*", default=[], help="<model>.no-<modality>.json"
    )
    parser.add_argument("--modalities", nargs="+", required=True, help="to tell of")
    parser.add_argument("--output", type=Path, required=True, help="<model>.ablation.csv")


def main(args: argparse.Namespace) -> None:
    results = [read_json(path, *RESULT) for path in args.retrained]
    retrained = {result["variant"].removeprefix("no-"): result for result in results}
    frame = table(
        read_json(args.result, *RESULT), read_table(args.robustness, CONDITIONS), retrained
    )
    with atomic_write(args.output) as file:
        frame[frame["modality"].isin(args.modalities)].to_csv(file, index=False)
