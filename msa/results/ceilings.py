"""Ceilings: what people reach on a data set, of the kind `human` among the published figures.

They are shown beside the systems, and never ranked, starred or subtracted from.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pandas as pd

HUMAN = "human"  # in place of a system's name


@dataclass(frozen=True)
class Ceiling:
    """Human scores on one target of a data set, as one source gives them.

    Attributes:
        name: what tables call it.
        target: of the data set.
        scores: by metric, as ours are named.
        others: of metrics that are none of ours, in words.
        source: who says so.
    """

    name: str
    target: str
    scores: dict[str, float]
    others: str
    source: str

    @property
    def remark(self) -> str:
        """What does not fit into a table of our metrics."""
        return "; ".join(filter(None, [self.others, self.source]))


def kind_of(model: str) -> str:
    """Whose figure it is: a system's, or human."""
    return HUMAN if model == HUMAN else "system"


def ceilings(published: pd.DataFrame | None, metrics: Collection[str]) -> Iterator[Ceiling]:
    """The human scores among published figures.

    Args:
        published: with the columns of `msa.results.published`.
        metrics: those that have a column of their own.
    """
    if published is None:
        return
    human = published[published["model"] == HUMAN]
    keys = [human[name].astype(object).fillna("") for name in ("target", "source", "second_hand")]
    for (target, source, second), rows in human.groupby(keys, sort=False):
        every = dict(zip(rows["metric"], rows["published"].astype(float), strict=True))
        others = [f"{name} {value:.3f}" for name, value in every.items() if name not in metrics]
        yield Ceiling(
            f"{HUMAN}, second hand" if second else HUMAN,
            str(target),
            {name: value for name, value in every.items() if name in metrics},
            ", ".join(others),
            str(source),
        )


def lines(published: pd.DataFrame | None, target: str, metric: str) -> dict[str, float]:
    """By what it is called, a human score of one target and metric, for a figure's line."""
    return {
        ceiling.name: ceiling.scores[metric]
        for ceiling in ceilings(published, [metric])
        if metric in ceiling.scores and ceiling.target == target
    }
