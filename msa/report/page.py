"""The page: all results of the configured data sets in one self-contained HTML file.

It is made from files alone: results, comparisons, protocols, published figures, histories and
predictions of the runs, data cards, and what studies of robustness, modalities and segments left.
The same files give the same bytes.
"""

import argparse
import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jinja2
import markdown
import pandas as pd

from msa.base.atomic import atomic_folder, atomic_write
from msa.base.bibtex import REFERENCES, cited
from msa.base.reading import read_json
from msa.base.workflow import WORKFLOW
from msa.data.card import card_markdown
from msa.data.pieces import pieces_table
from msa.report import errors, studies
from msa.report.audits import audits
from msa.report.carries import carries, human_rows
from msa.report.illustrate import draw
from msa.report.trained import Model, read_models
from msa.report.transfers import transfers
from msa.report.why import why
from msa.results.cost import read_cost
from msa.results.gain import NOTE as GAIN_NOTE
from msa.results.gain import gain_texts
from msa.results.leaderboard import (
    APART,
    PUBLISHED,
    USES,
    footnotes,
    headline_of,
    main_figures,
    stands_apart,
    table,
    use_texts,
)
from msa.results.paper_table import TITLES, caption, cells
from msa.results.readable import sentence as readable_sentence

TEMPLATE = WORKFLOW / "report"
DIGITS = 9  # of a digest, as many as tell two apart
SHORTENED = ("git_commit", "code_digest", "data_digest", "config_digest")
CARD = ("segments", "sequences", "dropped", "cleaning")
OF_DATA = ("align", "import-data", "encode")
PROVENANCE = ("device", "processor", "threads", *SHORTENED)


def section(folder: Path, runs: Path, data: Path, words: bool = True) -> dict[str, Any]:
    """All of one data set that the template shows; the words of its segments, where they may be."""
    models = read_models(folder, runs)
    results = [model.result for model in models]
    comparisons = read_json(folder / "comparisons.json", "targets", "resamples", "bootstrap")
    shown, marks = cells(results, comparisons)
    board = table(results, comparisons)
    gained, gain_note = [""] * len(board), ""
    headline = headline_of(next(iter(results[0]["targets"].values())))
    apart = readable_sentence(results, comparisons, headline, TITLES[headline])
    if "gain" in board:
        gained, gain_note = gain_texts(board), GAIN_NOTE.format(metric=TITLES[headline])
    uses = use_texts(board)
    every_figure = pd.read_csv(folder / "published.csv")
    published = main_figures(every_figure)
    carried = carries(folder, models, headline)
    humans = human_rows(every_figure, [*shown.columns], results[0]["targets"])
    name = results[0]["dataset"]
    crossed = results[0]["folds"]
    dealt = crossed and "fold" not in crossed
    deals = [f"{name}.fold{n}" for n in range(1, crossed["k"] + 1)] if dealt else [name]
    card = read_json(data / deals[0] / "clean" / "card.json", *CARD)
    has_words = "words" in card["sequences"]["test"]
    said = [data / deal / "test" for deal in deals] if words and has_words else []
    segments = errors.table(models, said)
    known: dict[str, Any] = next((r["text"] for r in results if r.get("text")), {})
    licences: list[Any] = next(filter(None, (_licences(r) for r in results)), [])
    # the results' licences are those of now
    content = card_markdown(card | {"licences": []}) + ("\n" + pieces_table(known) if known else "")
    content += carried["card"]
    return {
        "name": name,
        "caption": f"{caption(results, comparisons)} {apart}".rstrip(),
        "notes": footnotes(results) + [human["note"] for human in humans],
        "gain_note": gain_note,
        "uses_note": USES if any(uses) else "",
        "columns": list(shown.columns),
        "lines": [
            {
                "name": shown.index[i],
                "cells": list(zip(shown.iloc[i], marks.iloc[i], strict=True)),
                "gain": gained[i],
                "uses": uses[i],
                "parameters": int(board["parameters"].iloc[i]),
                "settings": board["settings"].iloc[i],
                "seconds": float(board["wall_time_s"].iloc[i]),
            }
            for i in range(len(shown))
        ],
        "published": [
            (note, part.astype(object).fillna("").to_dict("records"))
            for note, part in zip((PUBLISHED, APART), stands_apart(published), strict=True)
            if len(part)
        ],
        "humans": humans,
        "carries": carried,
        "why": why(folder, models),
        "transfers": transfers(folder, models),
        "targets": [
            (target, list(draw(models, folder, target, words))) for target in results[0]["targets"]
        ],
        "audit": audits(data, deals),
        "licences": licences,
        "errors": segments,
        "errors_json": errors.script(segments),
        "words_left_out": has_words and not words,
        "card": _card(content, len(deals) if dealt else 0),
        "runs": [_run(model) for model in models],
        "costs": list(_costs(models)),
        "versions": _versions(models),
        "mirrored": mirrored(model.result for model in models),
    }


def _card(content: str, deals: int) -> str:
    """A data card as HTML; of a cross-validation, how many deals its first one stands for."""
    # names in a data set are not trusted: as text alone; its headings stand below the page's
    _, _, text = html.escape(content).partition("# Data card\n")
    text = text.replace("\n## ", "\n### ")
    if deals:
        text = f"\nOf the first of {deals} folds; the others deal the same segments.\n{text}"
    return markdown.markdown(text, extensions=["tables"])


def _run(model: Model) -> dict[str, Any]:
    """What the page says of a model's runs."""
    result = model.result
    return {
        "name": model.name,
        "seconds": result["wall_time_s"]["per_seed"],
        "seeds": result["provenance"]["seeds"],
        "epochs": result["selected_epoch"],
        "rows_per_s": result["rows_per_s"],
        "lengths": list(_lengths(result["lengths"])),
        "provenance": list(_origin(result["provenance"])),
    }


def _licences(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ledger of a result; nothing of one of before."""
    ledger: list[dict[str, Any]] = result["provenance"].get("licences", [])
    return ledger


def _lengths(targets: Mapping[str, Any]) -> Iterator[str]:
    """What each modality loses to the setting `lengths` in the test fold, if anything."""
    lines = [
        f"{name} {read['steps']} ({share:.0%} cut)" if share >= 0.005 else f"{name} {read['steps']}"
        for modalities in targets.values()
        for name, read in modalities.items()
        if (share := read["cut_steps"]["test"])
    ]
    yield from dict.fromkeys(lines)


def _origin(provenance: Mapping[str, Any]) -> Iterator[list[str]]:
    """What the page's table says: device, threads, commit and digests, each once."""
    for key in PROVENANCE:
        origin = provenance[key]
        values = list(origin.values()) if isinstance(origin, dict) else [origin]
        texts = ["none" if value is None else str(value) for value in values]
        short = [text[:DIGITS] for text in texts] if key in SHORTENED else texts
        if key == "git_commit" and provenance["git_dirty"]:
            short = [f"{text} + changes" for text in short]
        yield list(dict.fromkeys(short))


def _costs(models: Sequence[Model]) -> Iterator[dict[str, Any]]:
    """What each job took: those that made the data once, then a model's runs and its studies."""
    data: list[Any] = []
    for model in models:
        for job in model.result["provenance"].get("cost", []):
            if job["stage"] not in OF_DATA:
                yield {"name": model.name, **job}
            elif job | {"runs": []} not in data:
                data.append(job | {"runs": []})
                yield {"name": model.result["dataset"], **data[-1]}
        for run, folder in zip(model.result["selected_epoch"], model.runs, strict=True):
            if (path := folder / "benchmarks/perturb.tsv").is_file():
                yield {"name": model.name, "stage": "perturb", "runs": [run], **read_cost(path)}
        if (path := model.runs[0].parents[2] / "benchmarks/examine.tsv").is_file():
            first = next(iter(model.result["selected_epoch"]))
            yield {"name": model.name, "stage": "examine", "runs": [first], **read_cost(path)}


def mirrored(results: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The raw files that are a mirror's, and its address, each once."""
    files = [file for result in results for file in result["provenance"].get("files", [])]
    return list(dict.fromkeys((file["file"], file["source"]) for file in files if file["source"]))


def _versions(models: Iterable[Model]) -> list[tuple[list[str], dict[str, str]]]:
    """The models that were trained with the same versions, and these."""
    groups: dict[str, list[str]] = {}
    for model in models:
        text = json.dumps(model.result["provenance"]["versions"])
        groups.setdefault(text, []).append(model.name)
    return [(names, json.loads(text)) for text, names in groups.items()]


def figure_files(sections: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Name and text of each figure as a file of its own."""
    for section in sections:
        whys = [(part["target"], [part["figure"]]) for part in section["why"]]
        for target, drawn in [*section["targets"], *whys]:
            for figure in drawn:
                title = figure.title.lower().replace(" ", "-")
                yield f"{section['name']}.{target}.{title}.svg", figure.svg


def environment() -> jinja2.Environment:
    """Where the page's templates are read from, and how."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def page(
    sections: Sequence[Mapping[str, Any]],
    citations: Sequence[str],
    titles: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The whole page as HTML; ``titles`` say what the data sets and models are, by their names."""
    return (
        environment()
        .get_template("page.html")
        .render(
            sections=sections,
            citations=citations,
            titles=titles,
            graph=studies.stages(),
            dump=json.dumps,
        )
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+", metavar="RESULTS/DATASET")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of all data sets")
    parser.add_argument(
        "--references", type=Path, default=REFERENCES, help="BibTeX file (default: the catalogue's)"
    )
    parser.add_argument(
        "--cite", nargs="*", default=[], help="keys of its entries, or entries of one's own"
    )
    parser.add_argument(
        "--titles", type=json.loads, default={}, help="JSON: data sets and models to what they are"
    )
    parser.add_argument(
        "--without-words", action="store_true", help="of the segments: their licence may forbid it"
    )
    parser.add_argument("--output", type=Path, required=True, help="index.html")
    parser.add_argument("--figures", type=Path, help="folder to write each figure to, as .svg")


def main(args: argparse.Namespace) -> None:
    citations = cited(args.cite, args.references)
    places = args.runs, args.data, not args.without_words
    sections = [section(folder, *places) for folder in args.folders]
    if args.figures:
        with atomic_folder(args.figures) as folder:
            for name, text in figure_files(sections):
                (folder / name).write_text(text, encoding="utf-8")
    with atomic_write(args.output) as file:
        file.write(page(sections, citations, args.titles))
