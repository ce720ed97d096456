"""Pool: one seed's runs of all deals of a cross-validation as one run of the whole data set.

Each deal's model predicts its own test fold, so that together every segment is predicted once, by
a model that saw neither it nor anything else of its group.
"""

import argparse
import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_path, atomic_write
from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.base.learned import all_learned
from msa.base.provenance import json_digest
from msa.base.reading import read_json
from msa.results.cost import COLUMNS, read_cost
from msa.results.score import Fold, read_folds

TRAINING = (
    "parameters",
    "rows",
    "lengths",
    "text",
    "selection",
    "wall_time_s",
    "rows_per_s",
    "provenance",
)
DIGESTS = ("config_digest", "data_digest", "code_digest")


def pool(tests: Sequence[Fold], groups: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The test rows of all deals one after another, with `group` and `fold` (from 1), (n,) each.

    Raises:
        InputError: a group is tested by two deals, or a row is not finite.
    """
    group = [np.array([groups[video_of(i)] for i in test.ids.tolist()]) for test in tests]
    times = Counter(name for names in group for name in set(names.tolist()))
    if twice := sorted(name for name, n in times.items() if n > 1):
        raise InputError(f"{twice[0]} is in the test fold of {times[twice[0]]} deals; deal again")
    if left := sorted(set(groups.values()) - set(times)):
        # its segments were dropped by split, which says why
        print(f"in no test fold, for none of its segments was kept: {', '.join(left)}")
    return {
        **{part: np.concatenate([getattr(t, part) for t in tests]) for part in Fold._fields},
        "group": np.concatenate(group),
        "fold": np.repeat(np.arange(1, len(tests) + 1), [len(test.ids) for test in tests]),
    }


def record(deals: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The training.json of the whole: sums of times, all test rows, means of the other rows.

    Raises:
        InputError: the deals are not of the same segments.
    """
    rows = [deal["rows"] for deal in deals]
    totals = [sum(of_deal.values()) for of_deal in rows]
    if len(set(totals)) > 1 or sum(of_deal["test"] for of_deal in rows) != totals[0]:
        raise InputError(f"expected deals of the same segments, each tested once, got rows {rows}")
    speeds = [deal["rows_per_s"] for deal in deals]
    known = [speed for speed in speeds if speed is not None]
    read = deals[0]["lengths"]
    origins = [deal["provenance"] for deal in deals]
    origin = {key: _one(key, [o[key] for o in origins]) for key in origins[0]}
    return {
        "parameters": max(deal["parameters"] for deal in deals),
        "rows": {
            **{f: round(np.mean([of_deal[f] for of_deal in rows])) for f in ("train", "valid")},
            "test": totals[0],
        },
        "lengths": {name: _lengths([deal["lengths"][name] for deal in deals]) for name in read},
        "text": _known([deal["text"] for deal in deals]),
        "selection": deals[0]["selection"],
        "selected_epoch": None,
        "learned": all_learned([deal.get("learned") for deal in deals]),
        "wall_time_s": sum(deal["wall_time_s"] for deal in deals),
        "rows_per_s": float(np.mean(known)) if known else None,
        "provenance": origin | {"config_digest": json_digest([settings, origin["config_digest"]])},
    }


def _lengths(deals: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of one modality the most steps that any deal reads, and the means of the shares cut."""
    return {
        "steps": max(deal["steps"] for deal in deals),
        **{
            key: {fold: float(np.mean([deal[key][fold] for deal in deals])) for fold in share}
            for key, share in deals[0].items()
            if key != "steps"
        },
    }


def _known(deals: Sequence[Mapping[str, Any] | None]) -> dict[str, dict[str, int]] | None:
    """The sums of what was counted of the encoder's pieces, by fold; None where it was not."""
    known = [deal for deal in deals if deal is not None]
    if len(known) < len(deals):
        return None
    return {
        fold: {key: sum(deal[fold][key] for deal in known) for key in counts}
        for fold, counts in known[0].items()
    }


def _one(key: str, values: Sequence[Any]) -> Any:
    """What deals agree in; of digests one of all, of others the first one's with the rest."""
    if all(value == values[0] for value in values):
        return values[0]
    if key in DIGESTS:
        return json_digest(list(values))
    if all(isinstance(value, str) for value in values):
        return ", ".join(dict.fromkeys(values))
    return values[0]


def write_costs(runs: Sequence[Path], output: Path) -> None:
    """What training took for all deals together, as a benchmark of Snakemake's, if it is known."""
    costs = [read_cost(run / "benchmarks/train.tsv") for run in runs]
    sums = {
        key: (max if key == "memory_mb" else sum)([cost[key] or 0 for cost in costs])
        for key in COLUMNS
        if all(cost[key] is not None for cost in costs)
    }
    if sums:
        with atomic_write(output / "benchmarks/train.tsv") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([COLUMNS.values(), [sums.get(key, "NA") for key in COLUMNS]])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN_DIR", help="one a deal, in order"
    )
    parser.add_argument("--groups", type=Path, required=True, help="JSON {video: group}")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run to write")


def main(args: argparse.Namespace) -> None:
    settings = read_json(args.output / "settings.json", "task", "folds")
    folds = [read_folds(run, settings["task"]) for run in args.runs]
    deals = [read_json(run / "training.json", *TRAINING) for run in args.runs]
    test = pool([of_run["test"] for of_run in folds], read_json(args.groups))
    valid = {p: np.concatenate([getattr(f["valid"], p) for f in folds]) for p in Fold._fields}
    parts = {"valid": valid, "test": test}
    arrays: dict[str, Any] = {
        f"{fold}/{part}": values
        for fold, of_fold in parts.items()
        for part, values in of_fold.items()
    }
    content = record(deals, settings)
    path = args.output / "predictions" / "clean.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)
    with atomic_write(args.output / "training.json") as file:
        json.dump(content, file, indent=1)
    write_costs(args.runs, args.output)
