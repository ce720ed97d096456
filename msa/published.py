"""Published numbers beside ours: what the papers say, where, and what they did otherwise."""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from msa.atomic import atomic_write
from msa.leaderboard import read_result

RESOURCES = Path(__file__).parent.parent / "workflow" / "resources"
COLUMNS = (
    *("model", "target", "metric", "ours", "ours_std", "published", "difference"),
    *("source", "note", "protocol"),
)
SHARES = ("acc", "f1")  # published in percent
# settings of a figure that say what its input was; any other is a target
INPUTS = ("", "unaligned")
# the binary accuracy of a task of two classes has another name here
OTHER_NAMES = {"acc2": "acc"}


def beside(
    results: Sequence[Mapping[str, Any]],
    figures: pd.DataFrame,
    protocols: Sequence[Mapping[str, str]],
) -> pd.DataFrame:
    """Published figures with ours, one row each, in the published order.

    Args:
        results: ours, of one data set; only the variant `main` is compared.
        figures: of that data set, the columns of workflow/resources/published.csv.
        protocols: the entries of workflow/resources/protocols.yaml.

    Returns:
        The columns COLUMNS; `published` in our units, shares rather than percent; ours is NaN for
        a system or a metric that we have not.
    """
    ours = {result["model"]: result for result in results if result["variant"] == "main"}
    rows = []
    for figure in figures.to_dict("records"):
        model, metric, setting = figure["model"], figure["metric"], figure["setting"]
        share = metric.startswith(SHARES)
        value = figure["value"] / 100 if share else figure["value"]
        targets = ours[model]["targets"] if model in ours else {}
        target = setting if setting not in INPUTS else next(iter(targets), "")
        scores = targets.get(target, {})
        spread = scores.get(metric) or scores.get(OTHER_NAMES.get(metric, ""), {})
        mean, std = (np.nan if spread.get(k) is None else spread[k] for k in ("mean", "std"))
        if metric == "parameters" and model in ours:
            mean = ours[model]["parameters"]
        rows.append(
            {
                "model": model,
                "target": target,
                "metric": metric,
                "ours": mean,
                "ours_std": std,
                "published": value,
                "difference": mean - value,
                "source": figure["source"],
                "note": figure["note"],
                "protocol": "; ".join(_differences(figure, protocols, ours.get(model, {}))),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _differences(
    figure: Mapping[Any, Any], protocols: Sequence[Mapping[str, str]], ours: Mapping[str, Any]
) -> Iterator[str]:
    for entry in protocols:
        patterns = {key: pattern for key, pattern in entry.items() if key != "differs"}
        if all(re.fullmatch(pattern, figure[key]) for key, pattern in patterns.items()):
            yield entry["differs"]
    if ours.get("settings") == "adapted":
        yield "ours: adapted settings"
    if ours.get("missing_modalities"):
        yield f"ours: no {', '.join(ours['missing_modalities'])}"


def read_figures(dataset: str, setting: str = "") -> pd.DataFrame:
    """The published figures of a data set: those of single targets, and those for its input."""
    figures = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False)
    others = set(INPUTS) - {setting}
    return figures[(figures["dataset"] == dataset) & ~figures["setting"].isin(others)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULT.json")
    parser.add_argument("--dataset", required=True, help="its name in published.csv")
    parser.add_argument("--setting", choices=INPUTS, default="", help="which input's figures")
    parser.add_argument("--output", type=Path, required=True, help="published.csv of the data set")


def main(args: argparse.Namespace) -> None:
    protocols = yaml.safe_load((RESOURCES / "protocols.yaml").read_text(encoding="utf-8"))
    figures = read_figures(args.dataset, args.setting)
    table = beside([read_result(path) for path in args.results], figures, protocols)
    with atomic_write(args.output) as file:
        table.to_csv(file, index=False)
