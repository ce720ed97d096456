"""The page: all results of the configured data sets in one self-contained HTML file.

It is made from files alone: results, comparisons, published figures, histories and predictions of
the runs, data cards, and what studies of robustness, modalities and segments left.
The same files give the same bytes.
"""

import argparse
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import markdown
import pandas as pd

from msa import studies
from msa.atomic import atomic_folder, atomic_write
from msa.clean import table as card_markdown
from msa.illustrate import draw
from msa.leaderboard import table
from msa.paper_table import caption, cells
from msa.reading import read_json
from msa.trained import read_models

TEMPLATE = Path(__file__).parent.parent / "workflow" / "report"


def section(folder: Path, runs: Path, data: Path) -> dict[str, Any]:
    """All of one data set that the template shows."""
    models = read_models(folder, runs)
    results = [model.result for model in models]
    comparisons = read_json(folder / "comparisons.json", "targets", "resamples")
    shown, marks = cells(results, comparisons)
    board = table(results)
    published = pd.read_csv(folder / "published.csv")
    name = results[0]["dataset"]
    card = read_json(data / name / "clean" / "card.json", "segments", "dropped", "cleaning")
    return {
        "name": name,
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
        # names in a data set are not trusted: as text alone
        "card": markdown.markdown(html.escape(card_markdown(card)), extensions=["tables"]),
        "runs": [
            {
                "name": model.name,
                "seconds": model.result["wall_time_s"]["per_seed"],
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
        sections=sections, citations=citations, graph=studies.stages(), dump=json.dumps
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
