"""Which figures show a data set's results, and what their captions say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from msa.base.reading import read_json
from msa.report import figures, studies
from msa.report.trained import Model, histories, outputs
from msa.results.bootstrap import caution, drawn
from msa.results.ceilings import lines
from msa.results.leaderboard import headline_of
from msa.results.metrics import (
    ALL,
    LOWER_IS_BETTER,
    SIMS_CLASSES,
    between,
    confusion,
    metrics_of,
)
from msa.results.paper_table import TITLES

BINS = 10
SHOWN = 2  # segments of a model whose attention or experts are drawn
ENSEMBLE = (
    " Several seeds averaged are an ensemble: its scores are not the tables', which are means of "
    "the seeds' scores."
)


@dataclass(frozen=True)
class Figure:
    """An SVG with its title and what it shows."""

    title: str
    svg: str
    caption: str


def draw(
    models: Sequence[Model], folder: Path, target: str, words: bool = True
) -> Iterator[Figure]:
    """The figures of one target; `folder` holds the tables of the studies, where they ran.

    Without `words` there are none of single segments, which show theirs.
    """
    task, rows = models[0].task, models[0].result["rows"]["test"]
    every = [model for model in models if target in model.result["targets"]]
    scores = {model.name: model.result["targets"][target] for model in every}
    headline = headline_of(next(iter(scores.values())))
    title = TITLES[headline]
    better = "lower" if headline in LOWER_IS_BETTER else "higher"
    palette = figures.styles([model.name for model in models])
    path = folder / "published.csv"
    human = lines(pd.read_csv(path), target, headline) if path.is_file() else {}
    ceiling = f" The dashed line: {', '.join(human)}." if human else ""
    yield Figure(
        f"{title} of each model",
        figures.bars(
            {name: score[headline] for name, score in scores.items()}, title, palette, human
        ),
        f"{title}{_over(every)} on the {rows} test segments; {_interval(models[0])}. "
        f"{caution(models[0].result['bootstrap'])}{better.capitalize()} is better.{ceiling}",
    )
    points = {
        model.name: (model.result["parameters"], scores[model.name][headline]["mean"])
        for model in every
    }
    yield Figure(
        "Size and score",
        figures.sizes({n: p for n, p in points.items() if p[1] is not None}, title, palette, human),
        f"{title} on the {rows} test segments against the number of parameters that are trained: "
        "systems that read a frozen encoder's features do not count it, systems that train it do. "
        f"{better.capitalize()} is better.{ceiling}",
    )
    trained = {model.name: found for model in every if (found := histories(model, target))}
    if trained:
        yield Figure(
            "Learning curves",
            figures.curves(trained),
            "Each system's own loss after each epoch, a line a seed: training grey, validation "
            "blue; the dot is the epoch that the validation fold selected. The largest values may "
            f"lie above a panel.{_oracle_gap(every, target, headline)}",
        )
    if target != ALL:
        read = {model.name: outputs(model, target) for model in every}
        figures_of = _regression_figures if task["type"] == "regression" else _class_figures
        yield from figures_of(read, task, f"The {rows} test segments")
    yield from _ablation(folder, every, target, headline)
    yield from _robustness(folder, every, target, headline, palette)
    if words:
        yield from _segments(folder, every, target)


def _over(models: Sequence[Model]) -> str:
    """Of how many seeds a mean is, if of several."""
    counts = {len(model.result["provenance"]["seeds"]) for model in models}
    few, many = min(counts), max(counts)
    number = f"{many}" if few == many else f"{few} to {many}"
    return "" if many == 1 else f", mean over {number} seeds,"


def _interval(model: Model) -> str:
    bootstrap = model.result["bootstrap"]
    if bootstrap["n"] == 1:
        return f"one {bootstrap['unit']} alone has no interval"
    return f"the line is the 95 % interval of a bootstrap over {drawn(bootstrap)}"


def _oracle_gap(models: Sequence[Model], target: str, metric: str) -> str:
    gaps = []
    for model in models:
        if model.result["oracle"]:
            best = model.result["oracle"]["targets"][target][metric]["mean"]
            ours = model.result["targets"][target][metric]["mean"]
            if best is not None and ours is not None and best != ours:
                gaps.append(f"{model.name} {abs(best - ours):.3f}")
    if not gaps:
        return ""
    return (
        f" The oracle gap, by which {TITLES[metric]} would be better at the best test epoch: "
        f"{', '.join(gaps)}."
    )


def _regression_figures(
    read: Mapping[str, tuple[np.ndarray, np.ndarray]], task: Mapping[str, Any], fold: str
) -> Iterator[Figure]:
    low, high = task["range"]
    pairs = {name: (truth, output[:, 0]) for name, (truth, output) in read.items()}
    yield Figure(
        "Predicted and true",
        figures.scatter(pairs, low, high),
        f"{fold}, a dot each, predictions averaged over the seeds; on the line they are right."
        f"{ENSEMBLE}",
    )
    metrics = metrics_of(task)
    if metrics not in CLASSES:
        return
    count, into, names, how = CLASSES[metrics]
    counts = {
        name: confusion(into(truth), into(predicted), len(names))
        for name, (truth, predicted) in pairs.items()
    }
    yield Figure(
        f"Confusion of the {count} classes",
        figures.matrices(counts, names),
        f"{fold}, truth and the mean prediction over seeds {how}. Numbers are "
        f"segments, shades their share of the row.{ENSEMBLE}",
    )
    bins = {name: _binned(predicted, truth > 0) for name, (truth, predicted) in pairs.items()}
    yield Figure(
        "Calibration of the sign",
        figures.calibration(bins, ("predicted", "truly positive")),
        f"{fold} in up to {BINS} bins of equally many, by the mean prediction over seeds: the "
        "share whose label is above 0. A sign one can trust rises steeply through the cross."
        f"{ENSEMBLE}",
    )


def _class_figures(
    read: Mapping[str, tuple[np.ndarray, np.ndarray]], task: Mapping[str, Any], fold: str
) -> Iterator[Figure]:
    names = task.get("classes", ["no", "yes"])
    counts, bins = {}, {}
    for name, (truth, logits) in read.items():
        chosen = logits.argmax(axis=1)
        counts[name] = confusion(truth, chosen, len(names))
        bins[name] = _binned(softmax(logits, axis=1).max(axis=1), chosen == truth)
    yield Figure(
        "Confusion",
        figures.matrices(counts, names),
        f"{fold}, by the logits' average over the seeds. Numbers are segments, shades their share "
        f"of the row.{ENSEMBLE}",
    )
    yield Figure(
        "Reliability",
        figures.calibration(bins, ("confidence", "right"), diagonal=True),
        f"{fold} in up to {BINS} bins of equally many, by the probability of the chosen class: the "
        f"share that is right. On the line a model is as sure as it should be.{ENSEMBLE}",
    )


def _seven(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, -3, 3)).astype(int) + 3


def _five(values: np.ndarray) -> np.ndarray:
    return between(SIMS_CLASSES["acc5_sims"], values)


# by a regression's metrics: how many classes it is cut into, by what, their names, and in words
CLASSES = {
    "sentiment7": (
        "seven",
        _seven,
        [f"{i:+d}" if i else "0" for i in range(-3, 4)],
        "rounded as Acc7 rounds",
    ),
    "sims": (
        "five",
        _five,
        ["to -0.7", "to -0.1", "to 0.1", "to 0.7", "to 1"],
        "in the classes of SIMS's Acc5",
    ),
}


def _binned(values: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean value and share of hits of each bin; equal values are never of two bins."""
    cuts = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    of = np.searchsorted(cuts, values, side="left")
    parts = [of == i for i in np.unique(of)]
    return (
        np.array([values[part].mean() for part in parts]),
        np.array([hits[part].mean() for part in parts]),
    )


def _study(folder: Path, kind: str, models: Sequence[Model], target: str) -> pd.DataFrame:
    """The rows of a study's tables for one target; other models may be left of earlier runs."""
    # studies are of the variant that a search does not choose
    paths = {
        model.name: folder / f"{model.result['model']}.{kind}.csv"
        for model in models
        if model.result["variant"] != "best"
    }
    tables = [pd.read_csv(p).assign(model=name) for name, p in paths.items() if p.is_file()]
    filled = [table for table in tables if len(table)]
    return pd.concat(filled).query("target == @target") if filled else pd.DataFrame()


def _ablation(folder: Path, models: Sequence[Model], target: str, metric: str) -> Iterator[Figure]:
    table = _study(folder, "ablation", models, target)
    if len(table):
        yield Figure(
            "Without one modality",
            studies.ablation(table.query("metric == @metric"), TITLES[metric]),
            f"{TITLES[metric]}{_over(models)} on the test fold without one modality: missing at "
            "test time, or the model trained again without it. The dashed line is the whole model, "
            "the thin ones a standard deviation over the seeds.",
        )


def _robustness(
    folder: Path,
    models: Sequence[Model],
    target: str,
    metric: str,
    palette: Mapping[str, Mapping[str, str]],
) -> Iterator[Figure]:
    table = _study(folder, "robustness", models, target)
    if len(table):
        yield Figure(
            "Robustness",
            studies.robustness(table.query("metric == @metric"), TITLES[metric], palette),
            f"{TITLES[metric]}{_over(models)} on the test fold as its input gets worse: a share of "
            "the frames missing, at 1 the whole modality, or Gaussian noise added, in standard "
            "deviations of the column. The vertical axes differ; bands are a standard deviation "
            "over the seeds. A model has no line where it does not read the modality, and none "
            "for noise in words.",
        )


def _segments(folder: Path, models: Sequence[Model], target: str) -> Iterator[Figure]:
    """The attention or the experts' loads of chosen segments."""
    for name in dict.fromkeys(model.result["model"] for model in models):
        path = folder / f"{name}.segments.json"
        if not path.is_file():
            continue
        stored = read_json(path, "kind", "target", "seed", "segments")
        if stored["target"] not in ("all", target):
            continue
        attends = stored["kind"] == "attention"
        title = "Attention" if attends else "Expert loads"
        made = studies.attention if attends else studies.experts
        for number, segment in enumerate(stored["segments"][:SHOWN], 1):
            why = "".join(f", {reason}" for reason in segment.get("chosen", []))
            truth, output = (
                " ".join(f"{value:.2f}" for value in segment[key])
                for key in ("truth", "prediction")
            )
            caption = "The share that each expert takes"
            if attends:
                strongest = max(map(max, segment["attention"]))
                caption = f"What the word of a row attends to, at most {strongest:.2f}"
            yield Figure(
                f"{title} of {name}, segment {number}",
                made(segment),
                f"{caption}. Test segment {segment['id']}{why}; true {truth}, "
                f"the model's output {output}, seed {stored['seed']}: "
                f"\u201c{' '.join(segment['words'])}\u201d",
            )
