"""Transfers: the scores of a data set's models on other data sets, for the page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from msa.report.trained import Model
from msa.results.paper_table import TITLES
from msa.results.seeds import spread_text


def transfers(folder: Path, models: Sequence[Model]) -> dict[str, Any] | None:
    """A line a model, test set and target, a column a metric; None where nothing was transferred.

    Args:
        folder: of the results, with the stage transfer's tables.
        models: those on the page; other tables may be left of earlier runs.
    """
    names = [model.result["model"] for model in models if model.result["variant"] != "best"]
    paths = [folder / f"{name}.transfer.csv" for name in names]
    tables = [pd.read_csv(path) for path in paths if path.is_file()]
    if not tables:
        return None
    frame = pd.concat(tables)
    metrics = [name for name in TITLES if name in set(frame["metric"])]
    lines = []
    for (model, test, target), rows in frame.groupby(["model", "test", "target"], sort=False):
        scores = rows.set_index("metric").reindex(metrics)
        lines.append(
            {
                "name": model,
                "test": test,
                "target": target,
                "rows": int(rows["rows"].iloc[0]),
                "seen": int(rows["seen"].iloc[0]),
                "cells": [spread_text(*pair) for pair in scores[["mean", "std"]].to_numpy()],
            }
        )
    return {"columns": [TITLES[name] for name in metrics], "lines": lines}
