"""Search: all trials of one model in a table, and the best of them by the validation fold."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json_list
from msa.training.settings import write_settings
from msa.training.space import applied

COLUMNS = ("selected_epoch", "epochs", "parameters", "seconds", "failure")


def table(trials: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """One row a trial, the best of each target first.

    Args:
        trials: target to its trials.

    Returns:
        target, trial, value (the selection criterion on the validation fold, lower is better;
        empty where the training failed), one column a hyperparameter, and what it took.
    """
    rows = [
        {"target": target, "trial": trial["trial"], "value": trial["value"]}
        | trial["hyperparameters"]
        | {key: trial.get(key) for key in COLUMNS}
        for target, tried in trials.items()
        for trial in tried
    ]
    return pd.DataFrame(rows).sort_values(["target", "value", "trial"], ignore_index=True)


def judged(tried: Sequence[Mapping[str, Any]], target: str) -> list[Mapping[str, Any]]:
    """Trials of a joint network, each with the value of one of its targets alone."""
    return [{**trial, "value": trial.get("values", {}).get(target)} for trial in tried]


def best(target: str, tried: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The trial of the lowest value, the first of equal ones.

    Raises:
        InputError: every trial failed.
    """
    sound = [trial for trial in tried if trial["value"] is not None]
    if not sound:
        raise InputError(
            f"search: {target}: all {len(tried)} trials failed, the first with: "
            f"{tried[0]['failure']}; narrow the space"
        )
    return min(sound, key=lambda trial: (trial["value"], trial["trial"]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trials", type=Path, nargs="+", help="files that `trials` wrote")
    parser.add_argument(
        "--targets",
        nargs="+",
        default=["all"],
        help="what to judge the trials of a joint network by: its targets, each by its own value",
    )
    parser.add_argument("--table", type=Path, help="CSV file of all trials to write")
    parser.add_argument("--settings", type=Path, help="settings.json of the best to write")
    parser.add_argument("--base", help="with --settings: the settings that the trials changed")


def main(args: argparse.Namespace) -> None:
    trials: dict[str, list[Mapping[str, Any]]] = {}
    for path in args.trials:
        # trials/<target>/<seed>/<first>-<last>.json
        tried = read_json_list(path, "trial", "value", "hyperparameters", "failure")
        trained_for = path.parent.parent.name
        if trained_for != "all" or args.targets == ["all"]:
            trials.setdefault(trained_for, []).extend(tried)
            continue
        for target in args.targets:
            trials.setdefault(target, []).extend(judged(tried, target))
    if args.table:
        with atomic_write(args.table) as file:
            table(trials).to_csv(file, index=False)
    if args.settings:
        base = json.loads(args.base)
        every = [trial for of_target in trials.values() for trial in of_target]
        chosen = best(base["target"], every)
        settings = applied(base, chosen["hyperparameters"])
        settings |= {"settings": "adapted", "source": None}
        settings["search"] = {"trials": len(every), "trial": chosen["trial"]}
        write_settings(json.dumps(settings), args.settings)
