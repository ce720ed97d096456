"""What each modality carries, for the page: parts of the test fold, probes in the data card, and
what people reach."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from msa.base.reading import read_json
from msa.report.trained import Model
from msa.results.carried import probe_table, remarks, subset_note, subset_table
from msa.results.ceilings import ceilings
from msa.results.paper_table import TITLES


def carries(folder: Path, models: Sequence[Model], metric: str) -> dict[str, Any]:
    """Tables of the parts of the test fold, a target each, and the section of the data card.

    Args:
        folder: of the results, with what probe and subsets left.
        models: those on the page; where ridge is none of them, probes are left of earlier runs.
        metric: the one that results are sorted by.
    """
    card, said = "", []
    path = folder / "modalities.json"
    if path.is_file() and "ridge" in {model.result["model"] for model in models}:
        probes = read_json(path, "probes", "left_out")
        said = [f"{remark[:1].upper()}{remark[1:]}." for remark in remarks(probes)]
        card = "\n## What each modality carries\n\n"
        card += f"Ridge on one modality alone, and on all.\n\n{probe_table(probes)}\n\n"
        card += " ".join(said) + "\n"
    tables, note = [], ""
    if (path := folder / "subsets.csv").is_file():
        frame = pd.read_csv(path)
        note = subset_note(frame, TITLES[metric])
        for target in frame["target"].unique():
            shown = subset_table(frame, target, metric)
            lines = [
                (name, list(cells))
                for name, cells in zip(shown.index, shown.to_numpy(), strict=True)
            ]
            tables.append({"target": target, "columns": [*shown.columns], "lines": [*lines]})
    return {
        "card": card,
        "tables": tables,
        "note": " ".join([note, *said]),
        "metric": TITLES[metric],
    }


def human_rows(
    published: pd.DataFrame, titles: Collection[str], targets: Collection[str]
) -> list[dict[str, Any]]:
    """What people reach, as the last rows of a leaderboard.

    Args:
        published: with the columns of `msa.results.published`.
        titles: of the leaderboard's metrics.
        targets: of the data set.
    """
    metrics: Mapping[str, str] = {name: title for name, title in TITLES.items() if title in titles}
    rows = []
    for human in ceilings(published, metrics):
        scores = {metrics[name]: f"{value:.3f}" for name, value in human.scores.items()}
        target = f"{human.target}: " if len(targets) > 1 else ""
        rows.append(
            {
                "name": target + human.name,
                "cells": [scores.get(title, "") for title in titles],
                "note": f"{human.name}: not ranked ({human.remark})",
            }
        )
    return rows
