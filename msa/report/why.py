"""Why numbers differ: ours, the same under other papers' protocols, and what was published."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.markers import TICKDOWN, TICKUP

from msa.report.figures import COLOURS, INK, STYLE, legend, panels, svg
from msa.report.illustrate import Figure
from msa.report.trained import Model
from msa.results.leaderboard import headline_of, main_figures
from msa.results.metrics import LOWER_IS_BETTER
from msa.results.paper_table import TITLES
from msa.results.protocols import OURS, parse, signed, words
from msa.results.protocols import names as protocols
from msa.results.published import names_of
from msa.results.seeds import spread_text


def why(folder: Path, models: Sequence[Model]) -> list[dict[str, Any]]:
    """What the page shows of each target: a figure of its first metric, and a table a metric.

    Args:
        folder: of the results, with protocols.csv and published.csv.
        models: those on the page, in its order.
    """
    every = pd.read_csv(folder / "protocols.csv")
    every = every[every["model"].isin([model.name for model in models])]
    published = main_figures(pd.read_csv(folder / "published.csv", keep_default_na=False))
    shown = []
    for target, scores in models[0].result["targets"].items():
        frame, headline = every[every["target"] == target], headline_of(scores)
        names = [name for name in protocols([*scores]) if name in set(frame["protocol"])]
        marks = published[published["target"] == target]
        first = frame[frame["metric"] == headline]
        order = [model.name for model in models if model.name in set(first["model"])]
        # that one is of each metric's best epoch too
        told_apart = [name for name in names if name != f"best_test_epoch:{headline}"]
        title = TITLES.get(headline, headline)
        drawn = lines(first, told_apart, order, _marks(marks, headline), title)
        shown.append(
            {
                "target": target,
                "figure": Figure("Why numbers differ", drawn, _caption(headline)),
                "most": _most(first, headline),
                "tables": [
                    _table(
                        frame[frame["metric"] == metric], names, order, TITLES.get(metric, metric)
                    )
                    for metric in [headline, *(name for name in scores if name != headline)]
                ],
                "words": [(name, words(name)) for name in names if name != OURS],
            }
        )
    return shown


def _marks(published: pd.DataFrame, metric: str) -> dict[str, list[float]]:
    """By model, what was published of a metric; nothing of what ours reconstructs."""
    marks: dict[str, list[float]] = {}
    for figure in published.to_dict("records"):
        of_metric = metric in names_of(figure["metric"], figure["protocol"])
        if of_metric and figure["authority"] != "reconstruction":
            marks.setdefault(figure["model"], []).append(float(figure["published"]))
    return marks


def _caption(metric: str) -> str:
    better = "lower" if metric in LOWER_IS_BETTER else "higher"
    return (
        f"{TITLES.get(metric, metric)} of the test fold, a line a model: the dot is ours, a tick "
        "the same predictions under another protocol (whole ticks choose an epoch, those above the "
        "line a seed, those below it compute the score otherwise), a diamond what was published, "
        "unless ours is a reconstruction. Ticks may cover one another. "
        f"{better.capitalize()} is better."
    )


def _most(frame: pd.DataFrame, metric: str) -> str:
    """Which protocol flatters most, on average over the models that it applies to."""
    means = frame[frame["protocol"] != OURS].groupby("protocol", sort=False)["flattery"].mean()
    if not (means > 0).any():
        return ""
    title, name = TITLES.get(metric, metric), means.idxmax()
    return f"{name} flatters most: {title} by {means.max():.3f}, on average over the models."


def _table(
    frame: pd.DataFrame, names: Sequence[str], order: Sequence[str], title: str
) -> dict[str, Any]:
    """A line a model: ours, and by how much better each protocol looks that changes this metric."""
    names = [name for name in names if name in set(frame["protocol"]) - {OURS}]
    rows = frame.set_index(["model", "protocol"])
    made = []
    for model in order:
        ours = spread_text(*rows.loc[(model, OURS), ["mean", "std"]])
        flattery = rows["flattery"].reindex([(model, name) for name in names])
        made.append({"name": model, "ours": ours, "cells": [*map(signed, flattery)]})
    return {"title": title, "columns": names, "lines": made}


def look(names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A marker for each protocol: its kind is the tick's, its place in the kind the colour."""
    counts: dict[Any, int] = {}
    for name in names:
        protocol = parse(name)
        marker: Any = TICKUP if protocol.best_seed else "|" if protocol.epoch else TICKDOWN
        number = counts[marker] = counts.get(marker, -1) + 1
        yield name, {"marker": marker, "color": COLOURS[number % len(COLOURS)]}


@mpl.rc_context(STYLE)
def lines(
    frame: pd.DataFrame,
    names: Sequence[str],
    order: Sequence[str],
    published: Mapping[str, Sequence[float]],
    title: str,
) -> str:
    """One line a model with ours, every protocol and what was published, of one metric.

    Args:
        frame: the rows of protocols.csv for that metric and a target.
        names: of the protocols to show, in the legend's order.
        order: the models, from above.
        published: by model, its figures.
        title: of the metric.
    """
    figure, [axis] = panels(1, 7.2, 1.3 + 0.36 * len(order))
    places = {model: place for place, model in enumerate(order)}
    known = frame[frame["mean"].notna() & frame["protocol"].isin(names)]
    for model, place in places.items():
        ends = [*known.loc[known["model"] == model, "mean"], *published.get(model, ())]
        if ends:
            axis.plot([min(ends), max(ends)], [place] * 2, color=INK, lw=0.6, alpha=0.4)
    shown = [name for name in names if name in set(known["protocol"]) - {OURS}]
    for name, style in look(shown):
        part = known[known["protocol"] == name]
        heights = part["model"].map(places)
        axis.plot(part["mean"], heights, ls="", ms=9, mew=1.8, label=name, **style)
    part = known[known["protocol"] == OURS]
    axis.plot(part["mean"], part["model"].map(places), "o", color=INK, ms=5.5, label=OURS)
    marks = [(x, places[model]) for model in order for x in published.get(model, ())]
    if marks:
        style = {"mfc": "none", "mec": INK, "mew": 1.2, "ms": 6}
        axis.plot(*zip(*marks, strict=True), "D", label="published", **style)
    axis.set_yticks(range(len(order)), list(order))
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(order) - 0.4, -0.6)
    axis.margins(x=0.04)
    axis.set_xlabel(title)
    legend(figure, [axis], 2.3)
    return svg(figure)
