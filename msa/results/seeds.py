"""Over the seeds: the mean and sample deviation of every score of a model's runs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from msa.results.metrics import scored_targets, target_scores
from msa.results.score import Fold


def run_scores(settings: Mapping[str, Any], fold: Fold) -> Iterator[tuple[str, str, float]]:
    """The target, metric and score of all that a run has on a fold; undefined is NaN."""
    task, target = settings["task"], settings["target"]
    for name in scored_targets(task) if target == "all" else [target]:
        with np.errstate(all="ignore"):
            scores = target_scores(task, name, fold.truth, fold.prediction[None])
        for metric, value in scores.items():
            yield name, metric, value.item()


def over_seeds(rows: Sequence[Sequence[Any]], keys: Sequence[str]) -> pd.DataFrame:
    """One row a group of the same keys, in the order they come: mean, std and seeds.

    Args:
        rows: of each run, the keys and then the score.
        keys: the names of their columns.

    Returns:
        The keys' columns, mean, std and seeds. A mean is NaN where one of its scores is; a
        deviation too, and of one seed.
    """
    keys = [*keys]
    groups = pd.DataFrame(rows, columns=[*keys, "value"]).groupby(keys, sort=False)["value"]
    frame = groups.agg(
        mean=lambda values: values.mean(skipna=False),
        std=lambda values: values.std(skipna=False),
        seeds="size",
    )
    return frame.reset_index()


def spread_text(mean: float, std: float) -> str:
    """A mean and its deviation with 3 decimals, as tables show them; NaN is undefined."""
    if np.isnan(mean):
        return "n/a"
    return f"{mean:.3f}" if np.isnan(std) else f"{mean:.3f} ± {std:.3f}"
