"""Published numbers beside ours: what the papers say, where, and what they did otherwise."""

import argparse
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import yaml

from msa.base.atomic import atomic_write
from msa.base.workflow import WORKFLOW
from msa.results.ceilings import HUMAN, kind_of
from msa.results.leaderboard import read_result
from msa.results.protocols import OURS, UNKNOWN, parse, read_seeds, spread, under, words
from msa.results.summarize import protocol as crossed

RESOURCES = WORKFLOW / "resources"
COLUMNS = (
    *("model", "variant", "target", "metric", "ours", "ours_std", "published", "difference"),
    *("protocol", "ours_their_way", "ours_their_way_std", "difference_their_way"),
    *("source", "second_hand", "note", "differs", "authority", "kind"),
)
SHARES = ("acc", "wacc", "f1", "auc")  # published in percent
# settings of a figure that say what its input was, aligned or not said; any other is a target
INPUTS = ("", "unaligned")
# what is published has other names here: the accuracy of two classes, and CH-SIMS's scores
OTHER_NAMES = {
    "acc2": ("acc", "acc2_sims"),
    **{name: (f"{name}_sims",) for name in ("f1", "acc3", "acc5")},
}
# and where scores are computed otherwise, the name of that one of ours which becomes it
NAMES_OF = {
    "nonzero_rows": {"mae_non0": "mae", "corr_non0": "corr"},
    "zero_is_negative": {"acc2": "acc2_has0", "f1": "f1_has0"},
}

Spread = tuple[float, float]  # mean and deviation, NaN where there is none
# by model and protocol: target to metric to what ours is, their way
Theirs = Mapping[tuple[str, str], Mapping[str, Mapping[str, Spread]]]
NOTHING = (np.nan, np.nan)


def beside(
    results: Sequence[Mapping[str, Any]],
    figures: pd.DataFrame,
    differs: Sequence[Mapping[str, Any]],
    theirs: Theirs = MappingProxyType({}),
) -> pd.DataFrame:
    """Published figures with ours, one row each, in the published order.

    Args:
        results: ours, of one data set; only the variant `main` is compared.
        figures: of that data set, the columns of workflow/resources/published.csv. `variant` is
            what of a system is not its main form, such as an ablation; `second_hand` is `yes` of
            what the source quotes from elsewhere; `protocol` is how its authors chose and computed
            it, of `msa.results.protocols`, or `unknown`.
        differs: the entries of workflow/resources/differs.yaml.
        theirs: ours under those protocols, as of `their_way`.

    Returns:
        The columns COLUMNS; `published` in our units, shares rather than percent. `ours` is as we
        choose and compute, `ours_their_way` the same predictions under the authors' protocol; both
        are NaN for a system, variant or metric that we have not, and the latter where the protocol
        is unknown or does not apply. `authority` is what ours is checked against; of a
        reconstruction there is no difference. `kind` is system, or human.
    """
    ours = {result["model"]: result for result in results if result["variant"] == "main"}
    rows = []
    for figure in figures.to_dict("records"):
        model, metric, setting = figure["model"], figure["metric"], figure["setting"]
        value = figure["value"] / 100 if metric.startswith(SHARES) else figure["value"]
        mine = {} if figure["variant"] else ours.get(model, {})
        kind = kind_of(model)
        targets = (next(iter(results), {}) if kind == HUMAN else mine).get("targets", {})
        target = setting if setting not in INPUTS else next(iter(targets), "")
        name, keys = figure["protocol"], names_of(metric, figure["protocol"])
        scores = mine.get("targets", {}).get(target, {})
        own = {key: (spread["mean"], spread["std"]) for key, spread in scores.items()}
        if metric == "parameters" and mine:
            own = {metric: (mine["parameters"], None)}
        otherwise = theirs.get((model, name), {}) if mine else {}
        way = own if name == OURS else otherwise.get(target, {})
        (mean, std), (its_mean, its_std) = (
            [np.nan if number is None else number for number in _first(scores, keys)]
            for scores in (own, way)
        )
        apart = mine.get("authority") == "reconstruction"
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
                "protocol": name,
                "ours_their_way": its_mean,
                "ours_their_way_std": its_std,
                "difference_their_way": np.nan if apart else its_mean - value,
                **{key: figure[key] for key in ("source", "second_hand", "note")},
                "differs": "; ".join(_differences(figure, differs, mine)),
                "authority": mine.get("authority") or "",
                "kind": kind,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def names_of(metric: str, protocol: str) -> list[str]:
    """The names that a published metric may have among our scores."""
    conventions = () if protocol == UNKNOWN else parse(protocol).conventions
    others = [
        NAMES_OF[part][metric]
        for part in NAMES_OF
        if metric in NAMES_OF[part] and part in conventions
    ]
    return [metric, *OTHER_NAMES.get(metric, ()), *others]


def _first(scores: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((scores[key] for key in keys if key in scores), NOTHING)


def _differences(
    figure: Mapping[Any, Any], differs: Sequence[Mapping[str, Any]], ours: Mapping[str, Any]
) -> Iterator[str]:
    if text := words(figure["protocol"]):
        yield text
    for entry in differs:
        patterns = {key: entry[key] for key in entry if key != "differs"}
        if all(re.fullmatch(pattern, figure[key]) for key, pattern in patterns.items()):
            yield entry["differs"]
    if text := crossed(ours):
        yield f"ours: {text}"
    if ours.get("settings") == "adapted":
        yield "ours: adapted settings"
    if ours.get("missing_modalities"):
        yield f"ours: no {', '.join(ours['missing_modalities'])}"


def their_way(
    result: Mapping[str, Any], names: Collection[str], runs: Path
) -> dict[tuple[str, str], dict[str, dict[str, Spread]]]:
    """A result under protocols, from the predictions of its runs.

    Args:
        result: ours.
        names: of the protocols; what does not apply to the result is left out.
        runs: folder of all runs.
    """
    made: dict[tuple[str, str], dict[str, dict[str, Spread]]] = {}
    for target, task, seeds in read_seeds(result, runs):
        for name in names:
            protocol = parse(name)
            if scores := under(protocol, task, target, seeds):
                made.setdefault((result["model"], name), {})[target] = {
                    metric: spread(protocol, metric, values) for metric, values in scores.items()
                }
    return made


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
    differs = yaml.safe_load((RESOURCES / "differs.yaml").read_text(encoding="utf-8"))
    figures = read_figures(args.dataset, args.setting)
    results = [read_result(path) for path in args.results]
    theirs: dict[Any, Any] = {}
    for result in results:
        its = figures[(figures["model"] == result["model"]) & (figures["variant"] == "")]
        names = [name for name in its["protocol"].unique() if name not in (OURS, UNKNOWN)]
        if names and result["variant"] == "main":
            theirs |= their_way(result, names, args.runs)
    table = beside(results, figures, differs, theirs)
    with atomic_write(args.output) as file:
        table.to_csv(file, index=False)
