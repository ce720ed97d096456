"""The page: all results of the configured data sets in one self-contained HTML file.

It is made from files alone: results, comparisons, published figures, histories and predictions of
the runs, and the data cards. The same files give the same bytes.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from msa import figures
from msa.atomic import atomic_folder, atomic_write
from msa.clean import table as card_markdown
from msa.compare import label
from msa.leaderboard import read_result, table
from msa.metrics import LOWER_IS_BETTER, confusion
from msa.paper_table import TITLES, caption, cells
from msa.reading import read_json
from msa.score import read_folds

TEMPLATE = Path(__file__).parent.parent / "workflow" / "report"
BINS = 10
CHAIN = (
    *("download or import", "align", "split", "clean", "encode", "settings", "train"),
    *("predict", "score", "summarize", "compare", "report"),
)


@dataclass(frozen=True)
class Model:
    """One model's result and what its runs left.

    Attributes:
        result: results/<dataset>/<model>.json.
        runs: folder of each run, by target and seed.
        task: of the runs.
    """

    result: Mapping[str, Any]
    runs: Mapping[tuple[str, int], Path]
    task: Mapping[str, Any]

    @property
    def name(self) -> str:
        return label(self.result)

    def of(self, target: str) -> list[Path]:
        """Runs that predict a target, one a seed."""
        return [path for (of, _), path in self.runs.items() if of in ("all", target)]


@dataclass(frozen=True)
class Figure:
    """An SVG with its title and what it shows."""

    title: str
    svg: str
    caption: str


def read_models(folder: Path, runs: Path) -> list[Model]:
    """The models of a data set's leaderboard, in its order."""
    board = pd.read_csv(folder / "leaderboard.csv")
    models = []
    for name in board["model"].drop_duplicates():
        found = re.fullmatch(r"(\w+)(?: \((\w+)\))?", name)
        assert found
        best = found[2] == "best"
        result = read_result(folder / (f"{found[1]}.best.json" if best else f"{found[1]}.json"))
        home = runs / result["dataset"] / result["model"] / result["variant"]
        seeds = result["provenance"]["seeds"]
        paths = {
            (path.parent.name, seed): path
            for seed in seeds
            for path in sorted(home.glob(f"*/{seed}"))
            if path.parent.name in ("all", *result["targets"])
        }
        task = read_json(next(iter(paths.values())) / "settings.json", "task")["task"]
        models.append(Model(result, paths, task))
    return models


def histories(model: Model) -> list[tuple[pd.DataFrame, int]]:
    """The history of each run that was trained for more than one epoch, and its selected epoch."""
    found = []
    for path in model.runs.values():
        if (path / "history.csv").is_file():
            history = pd.read_csv(path / "history.csv")
            if len(history) > 1:
                record = read_json(path / "training.json", "selected_epoch")
                found.append((history, record["selected_epoch"]))
    return found


def outputs(model: Model, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Truth (n,) and outputs (n, m) of the test fold, averaged over the seeds."""
    folds = [read_folds(path, model.task)["test"] for path in model.of(target)]
    j = model.task["targets"].index(target)
    mean = np.mean([fold.prediction for fold in folds], axis=0)
    if model.task["type"] == "regression":
        mean = mean[:, j : j + 1]
    elif model.task["type"] == "binary":
        mean = mean[:, 2 * j : 2 * j + 2]
    return folds[0].truth[:, j], mean


def draw(models: Sequence[Model], folder: Path, target: str) -> Iterator[Figure]:
    """The figures of one target."""
    task, rows = models[0].task, models[0].result["rows"]["test"]
    every = [model for model in models if target in model.result["targets"]]
    scores = {model.name: model.result["targets"][target] for model in every}
    headline = "mae" if task["type"] == "regression" else "f1"
    title = TITLES[headline]
    better = "lower" if headline in LOWER_IS_BETTER else "higher"
    yield Figure(
        f"{title} of each model",
        figures.bars({name: score[headline] for name, score in scores.items()}, title),
        f"Mean over the seeds on the {rows} test segments; the line is the 95 % bootstrap "
        f"interval over segments. {better.capitalize()} is better.",
    )
    points = {
        model.name: (model.result["parameters"], scores[model.name][headline]["mean"])
        for model in every
    }
    yield Figure(
        "Size and score",
        figures.sizes({n: (p, s) for n, (p, s) in points.items() if s is not None}, title),
        f"{title} against the number of parameters, of all models of a system together.",
    )
    trained = {model.name: found for model in every if (found := histories(model))}
    if trained:
        yield Figure(
            "Learning curves",
            figures.curves(trained),
            "Loss of each epoch and seed: training grey, validation blue; the dot is the epoch "
            f"that the validation fold selected.{_oracle_gap(every, target, headline)}",
        )
    read = {model.name: outputs(model, target) for model in every}
    if task["type"] == "regression":
        yield from _regression_figures(read, task)
    else:
        yield from _class_figures(read, task)
    yield from _tables(folder, {model.result["model"] for model in models}, target, headline)


def _oracle_gap(models: Sequence[Model], target: str, metric: str) -> str:
    gaps = []
    for model in models:
        if model.result["oracle"] and len(model.result["selected_epoch"]):
            best = model.result["oracle"]["targets"][target][metric]["mean"]
            ours = model.result["targets"][target][metric]["mean"]
            if best is not None and ours is not None and best != ours:
                gaps.append(f"{model.name} {abs(best - ours):.3f}")
    if not gaps:
        return ""
    return f" The best test epoch would give {TITLES[metric]} better by: {', '.join(gaps)}."


def _regression_figures(
    read: Mapping[str, tuple[np.ndarray, np.ndarray]], task: Mapping[str, Any]
) -> Iterator[Figure]:
    low, high = task["range"]
    pairs = {name: (truth, output[:, 0]) for name, (truth, output) in read.items()}
    yield Figure(
        "Predicted and true",
        figures.scatter(pairs, low, high),
        "A dot is a test segment, its prediction averaged over the seeds; on the line it is right.",
    )
    if (low, high) != (-3, 3):
        return
    counts = {
        name: confusion(_seven(truth), _seven(predicted), 7)
        for name, (truth, predicted) in pairs.items()
    }
    yield Figure(
        "Confusion of the seven classes",
        figures.matrices(counts, [f"{i:+d}" if i else "0" for i in range(-3, 4)]),
        "Test segments, rounded to whole sentiments as Acc7 rounds; shades are shares of the row.",
    )
    bins = {name: _binned(predicted, truth > 0) for name, (truth, predicted) in pairs.items()}
    yield Figure(
        "Calibration of the sign",
        figures.calibration(bins, ("predicted sentiment", "share truly positive")),
        f"Test segments in {BINS} bins of equally many, by prediction: a steep rise through one "
        "half at zero is a sign one can trust.",
    )


def _class_figures(
    read: Mapping[str, tuple[np.ndarray, np.ndarray]], task: Mapping[str, Any]
) -> Iterator[Figure]:
    names = task.get("classes", ["no", "yes"])
    counts, bins = {}, {}
    for name, (truth, logits) in read.items():
        chosen = logits.argmax(axis=1)
        counts[name] = confusion(truth, chosen, len(names))
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        sure = (shares / shares.sum(axis=1, keepdims=True)).max(axis=1)
        bins[name] = _binned(sure, chosen == truth)
    yield Figure(
        "Confusion",
        figures.matrices(counts, names),
        "Test segments, by the logits' average over the seeds; shades are shares of the row.",
    )
    yield Figure(
        "Reliability",
        figures.calibration(bins, ("probability of the chosen class", "share that is right")),
        f"Test segments in up to {BINS} bins of equally many, by how sure the model is.",
    )


def _seven(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, -3, 3)).astype(int) + 3


def _binned(values: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(values, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return (
        np.array([values[part].mean() for part in parts]),
        np.array([hits[part].mean() for part in parts]),
    )


def _tables(folder: Path, models: set[str], target: str, metric: str) -> Iterator[Figure]:
    """Figures of what the stages ablation and robustness wrote, where they ran."""
    for kind, text, made in (
        (
            "ablation",
            "Without one modality: zeros at test time, or trained again without it. The dashed "
            "line is the whole model.",
            figures.ablation,
        ),
        (
            "robustness",
            "Test input made worse: frames left out (share), noise added (standard deviations).",
            figures.robustness,
        ),
    ):
        parts = [pd.read_csv(path) for path in sorted(folder.glob(f"*.{kind}.csv"))]
        if parts:
            frame = pd.concat(parts)
            frame = frame[(frame["target"] == target) & (frame["metric"] == metric)]
            frame = frame[frame["model"].isin(models)]  # others may be left of earlier runs
            if len(frame):
                yield Figure(kind.capitalize(), made(frame, TITLES[metric]), text)


def section(folder: Path, runs: Path, data: Path) -> dict[str, Any]:
    """All of one data set that the template shows."""
    models = read_models(folder, runs)
    results = [model.result for model in models]
    comparisons = read_json(folder / "comparisons.json", "targets", "resamples")
    shown, marks = cells(results, comparisons)
    board = table(results)
    published = pd.read_csv(folder / "published.csv", keep_default_na=True)
    name = results[0]["dataset"]
    card = read_json(data / name / "clean" / "card.json", "segments", "dropped", "cleaning")
    return {
        "name": name,
        "rows": results[0]["rows"],
        "caption": caption(results, comparisons),
        "columns": list(shown.columns),
        "lines": [
            {
                "name": shown.index[i],
                "cells": list(zip(shown.iloc[i], marks.iloc[i], strict=True)),
                "parameters": int(board["parameters"].iloc[i]),
                "settings": board["settings"].iloc[i],
                "seconds": float(board["wall_time_s"].iloc[i]),
            }
            for i in range(len(shown))
        ],
        "published": published.fillna("").to_dict("records"),
        "targets": [
            (target, list(draw(models, folder, target))) for target in results[0]["targets"]
        ],
        "card": card_markdown(card),
        "runs": [
            {
                "name": model.name,
                "seeds": model.result["provenance"]["seeds"],
                "epochs": model.result["selected_epoch"],
                "rows_per_s": model.result["rows_per_s"],
                "provenance": model.result["provenance"],
            }
            for model in models
        ],
    }


def figure_files(sections: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Name and text of each figure as a file of its own."""
    for of in sections:
        for target, drawn in of["targets"]:
            for figure in drawn:
                title = figure.title.lower().replace(" ", "-")
                yield f"{of['name']}.{target}.{title}.svg", figure.svg


def page(sections: Sequence[Mapping[str, Any]], citations: Sequence[str]) -> str:
    """The whole page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("page.html").render(
        sections=sections, citations=citations, chain=CHAIN, dump=json.dumps
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+", metavar="RESULTS/DATASET")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of all data sets")
    parser.add_argument("--cite", nargs="*", default=[], help="BibTeX of data sets and systems")
    parser.add_argument("--output", type=Path, required=True, help="index.html")
    parser.add_argument("--figures", type=Path, help="folder to write each figure to, as .svg")


def main(args: argparse.Namespace) -> None:
    sections = [section(folder, args.runs, args.data) for folder in args.folders]
    if args.figures:
        with atomic_folder(args.figures) as folder:
            for name, text in figure_files(sections):
                (folder / name).write_text(text, encoding="utf-8")
    with atomic_write(args.output) as file:
        file.write(page(sections, args.cite))
