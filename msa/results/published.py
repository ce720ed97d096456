"""Published numbers beside ours: what the papers say, where, and what they did otherwise."""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from msa.base.atomic import atomic_write
from msa.results.ceilings import HUMAN, kind_of
from msa.results.leaderboard import read_result
from msa.results.metrics import regression
from msa.results.score import of_target
from msa.results.summarize import protocol, read_run, run_folders

RESOURCES = Path(__file__).parents[2] / "workflow" / "resources"
COLUMNS = (
    *("model", "variant", "target", "metric", "ours", "ours_std", "published", "difference"),
    *("source", "second_hand", "note", "protocol", "authority", "kind"),
)
SHARES = ("acc", "wacc", "f1", "auc")  # published in percent
# settings of a figure that say what its input was, aligned or not said; any other is a target
INPUTS = ("", "unaligned")
# what is published has other names here: the accuracy of two classes, and CH-SIMS's scores
OTHER_NAMES = {
    "acc2": ("acc", "acc2_sims"),
    **{name: (f"{name}_sims",) for name in ("f1", "acc3", "acc5")},
}


def beside(
    results: Sequence[Mapping[str, Any]],
    figures: pd.DataFrame,
    protocols: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    """Published figures with ours, one row each, in the published order.

    Args:
        results: ours, of one data set; only the variant `main` is compared. For a figure whose
            protocol swaps the sides of F1 they have `f1_*_swapped`, as of `with_swapped`.
        figures: of that data set, the columns of workflow/resources/published.csv. `variant` is
            what of a system is not its main form, such as an ablation; `second_hand` is `yes` of
            what the source quotes from elsewhere.
        protocols: the entries of workflow/resources/protocols.yaml.

    Returns:
        The columns COLUMNS; `published` in our units, shares rather than percent; ours is NaN for
        a system, variant or metric that we have not. `authority` is what ours is checked against;
        of a reconstruction there is no difference. `kind` is system, or human.
    """
    ours = {result["model"]: result for result in results if result["variant"] == "main"}
    rows = []
    for figure in figures.to_dict("records"):
        model, metric, setting = figure["model"], figure["metric"], figure["setting"]
        share = metric.startswith(SHARES)
        value = figure["value"] / 100 if share else figure["value"]
        mine = {} if figure["variant"] else ours.get(model, {})
        kind = kind_of(model)
        targets = (next(iter(results), {}) if kind == HUMAN else mine).get("targets", {})
        target = setting if setting not in INPUTS else next(iter(targets), "")
        scores = mine.get("targets", {}).get(target, {})
        key = f"{metric}_swapped" if _swapped(figure, protocols) else metric
        names = (key, *OTHER_NAMES.get(key, ()))
        spread: Mapping[str, Any] = next((scores[name] for name in names if name in scores), {})
        mean, std = (np.nan if spread.get(k) is None else spread[k] for k in ("mean", "std"))
        apart = mine.get("authority") == "reconstruction"
        if metric == "parameters" and mine:
            mean = mine["parameters"]
        rows.append(
            {
                "model": model,
                "variant": figure["variant"],
                "target": target,
                "metric": metric,
                "ours": mean,
                "ours_std": std,
                "published": value,
                "difference": np.nan if apart else mean - value,
                **{name: figure[name] for name in ("source", "second_hand", "note")},
                "protocol": "; ".join(_differences(figure, protocols, mine)),
                "authority": mine.get("authority") or "",
                "kind": kind,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _entries(
    figure: Mapping[Any, Any], protocols: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """The protocols that hold for a figure."""
    for entry in protocols:
        patterns = {key: entry[key] for key in entry if key not in ("differs", "swapped")}
        if all(re.fullmatch(pattern, figure[key]) for key, pattern in patterns.items()):
            yield entry


def _swapped(figure: Mapping[Any, Any], protocols: Sequence[Mapping[str, Any]]) -> bool:
    return any(entry.get("swapped") for entry in _entries(figure, protocols))


def _differences(
    figure: Mapping[Any, Any], protocols: Sequence[Mapping[str, Any]], ours: Mapping[str, Any]
) -> Iterator[str]:
    yield from (entry["differs"] for entry in _entries(figure, protocols))
    if ours and _swapped(figure, protocols):
        yield "ours: swapped too, here alone"
    if text := protocol(ours):
        yield f"ours: {text}"
    if ours.get("settings") == "adapted":
        yield "ours: adapted settings"
    if ours.get("missing_modalities"):
        yield f"ours: no {', '.join(ours['missing_modalities'])}"


def with_swapped(result: Mapping[str, Any], runs: Path) -> dict[str, Any]:
    """A result with `f1_*_swapped` beside its scores, from the predictions of its runs.

    They are for figures that were made so, and stand in no result of ours.

    Args:
        result: of a regression in [-3, 3].
        runs: folder of all runs.
    """
    every = [read_run(path) for path in run_folders(result, runs)]
    targets = {}
    for target, scores in result["targets"].items():
        folds = [
            of_target(run.test, run.settings["task"], target)
            for run in every
            if target in run.columns
        ]
        outputs = np.stack([fold.prediction[:, 0] for fold in folds])  # (s, n)
        found = regression(folds[0].truth[:, 0], outputs, swapped=True)
        swapped = {
            key: {"mean": values.mean(), "std": values.std(ddof=1) if len(values) > 1 else None}
            for key, values in found.items()
            if key.endswith("_swapped")
        }
        targets[target] = {**scores, **swapped}
    return {**result, "targets": targets}


def read_figures(dataset: str, setting: str = "") -> pd.DataFrame:
    """The published figures of a data set: those of single targets, and those for its input."""
    figures = pd.read_csv(RESOURCES / "published.csv", keep_default_na=False)
    others = set(INPUTS) - {setting}
    return figures[(figures["dataset"] == dataset) & ~figures["setting"].isin(others)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULT.json")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument("--dataset", required=True, help="its name in published.csv")
    parser.add_argument("--setting", choices=INPUTS, default="", help="which input's figures")
    parser.add_argument("--output", type=Path, required=True, help="published.csv of the data set")


def main(args: argparse.Namespace) -> None:
    protocols = yaml.safe_load((RESOURCES / "protocols.yaml").read_text(encoding="utf-8"))
    figures = read_figures(args.dataset, args.setting)
    swapped = {of["model"] for of in figures.to_dict("records") if _swapped(of, protocols)}
    results = [read_result(path) for path in args.results]
    results = [with_swapped(of, args.runs) if of["model"] in swapped else of for of in results]
    table = beside(results, figures, protocols)
    with atomic_write(args.output) as file:
        table.to_csv(file, index=False)
