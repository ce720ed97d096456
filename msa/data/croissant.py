"""Croissant: the data card for programs, JSON-LD of Croissant 1.1.

Beside it lies `segments.csv`: a line a segment with its id, split, labels, and where its rows begin
and end in the arrays of its split. Readers of Croissant load that table; they find the arrays by
name, type, shape and checksum, but none of them opens a .npy file.
"""

import argparse
import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_write
from msa.base.provenance import json_digest
from msa.base.reading import open_npy, read_array, read_json, read_offsets
from msa.data import croissant_terms as terms
from msa.data.cleaning import POLICIES
from msa.formats.segments import FOLDS

TABLE = "segments.csv"
ROWS = "of all segments of a split, one after another"


def croissant(
    files: Mapping[str, Mapping[str, Any]],
    sequences: Mapping[str, np.ndarray],
    card: Mapping[str, Any],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The JSON-LD.

    Args:
        files: {sha256, size} of the table and of each array, by path below the data's folder.
        sequences: some rows of each, (n, d).
        card: the data card that the stage clean completes.
        about: what the recipe says, {name, targets, licences}, the last the ledger; where it says
            so also title, note, urls, range, classes and cite (BibTeX).
    """
    years = re.findall(r"\byear\s*=\s*[{\"]?(\d{4})", about.get("cite", ""))
    stated = {
        "license": _licence(about["licences"]),
        "citeAs": about.get("cite"),
        "datePublished": years[0] if years else None,
        "url": next(iter(about.get("urls", ())), None),
        "isBasedOn": about.get("urls"),
    }
    return {
        "@context": terms.CONTEXT,
        "@type": "Dataset",
        "conformsTo": terms.VERSION,
        "name": about["name"],
        "description": _description(card, about),
        **{key: value for key, value in stated.items() if value},
        # the data's own: another digest is other data
        "version": f"1.0.0+{json_digest(files)[:12]}",
        "rai:dataPreprocessingProtocol": _cleaning(card["cleaning"]),
        "distribution": [
            *(
                terms.file_object(path, terms.CSV if path == TABLE else terms.NPY, **facts)
                for path, facts in files.items()
            ),
            *(
                terms.file_set(
                    f"{name}-files", terms.NPY, [p for p in files if p.endswith(f"/{name}.npy")]
                )
                for name in sequences
            ),
        ],
        "recordSet": [
            terms.splits(),
            terms.record_set("segments", [*_columns(sequences, about)]),
            *(
                terms.record_set(name, [terms.array(name, "rows", rows, f"{name}-files", ROWS)])
                for name, rows in sequences.items()
            ),
        ],
    }


def _description(card: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{fold} {card['segments'][fold]}" for fold in FOLDS)
    sentences = [
        about.get("title", about["name"]),
        f"Segments: {counts}",
        f"Alignment: {card['route']}; pauses: {card['pauses']}",
        about.get("note", ""),
        *(
            f"Licence of the {entry['what']} {entry['name']}: {entry['licence']}"
            for entry in about["licences"]
        ),
    ]
    return "".join(f"{sentence}. " for sentence in sentences if sentence).strip()


def _licence(ledger: Sequence[Mapping[str, Any]]) -> str | None:
    """The data set's, where somebody says one."""
    said = ledger[0]["licence"] if ledger else None
    return None if said in ("unknown", "not stated") else said


def _cleaning(cleaning: Mapping[str, Any]) -> list[str]:
    """What became of the sequences of numbers."""
    said = [POLICIES[cleaning["policy"]]]
    if names := cleaning["standardized"]:
        said.append(f"mean 0 and standard deviation 1 in the training fold: {', '.join(names)}")
    bad = {
        name: sum(of_fold[name]["not_finite"] for of_fold in cleaning["counts"].values())
        for name in cleaning["counts"][FOLDS[0]]
    }
    return said + [f"values of {name} that were not finite: {n}" for name, n in bad.items() if n]


def _columns(sequences: Iterable[str], about: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields of the table, in its order."""

    def column(name: str, kind: str, description: str, **more: Any) -> dict[str, Any]:
        return terms.column("segments", name, kind, TABLE, description=description, **more)

    label = "label"
    if "classes" in about:
        label += ": " + ", ".join(f"{i} {name}" for i, name in enumerate(about["classes"]))
    elif "range" in about:
        label += f" in {about['range']}"
    yield column("id", terms.TEXT, "the segment, video[clip] where the video is known")
    split = {"references": {"field": {"@id": "splits/name"}}}
    yield column("split", terms.TEXT, "train, valid or test", **split)
    for target in about["targets"]:
        yield column(target, terms.NUMBER, label)
    for name in sequences:
        first = f"the first of its rows among those of {name} in its split"
        yield column(f"{name}_begin", terms.PLACE, first)
        yield column(f"{name}_end", terms.PLACE, "the row after its last")


def segment_lines(data: Path, names: Sequence[str]) -> Iterator[list[Any]]:
    """The lines of the table: id, split, labels, and each sequence's begin and end."""
    for fold in FOLDS:
        offsets = read_offsets(data / fold / "offsets.npy", names)
        n = len(offsets) - 1
        ids = read_array(data / fold / "ids.npy", "text", 1, n).tolist()
        labels = read_array(data / fold / "label.npy", "numbers", 2, n).tolist()
        for i, (segment, label) in enumerate(zip(ids, labels, strict=True)):
            places = [int(offsets[name][j]) for name in names for j in (i, i + 1)]
            yield [segment, fold, *label, *places]


def array_files(data: Path, clean: Path) -> dict[str, Path]:
    """The arrays of all folds, a cleaned one in place of what it was made from.

    Returns:
        Their files by path below `data`, the fold's folder, or `clean` and it.
    """
    files = {}
    for fold in FOLDS:
        for path in sorted((data / fold).glob("*.npy")):
            cleaned = clean / fold / path.name
            if cleaned.is_file():
                path = cleaned
            files[path.relative_to(data).as_posix()] = path
    return files


def _facts(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        return {
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            "size": path.stat().st_size,
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of the folds, with `clean` below it")
    parser.add_argument(
        "--about", type=json.loads, required=True, help="JSON: what the recipe says"
    )
    parser.add_argument(
        "--licences", type=json.loads, default=[], help="JSON: of the data, features, encoder"
    )


def main(args: argparse.Namespace) -> None:
    data, clean = args.data, args.data / "clean"
    card = read_json(clean / "card.json", "segments", "route", "pauses", "cleaning")
    arrays = array_files(data, clean)
    names = read_offsets(data / FOLDS[0] / "offsets.npy").dtype.names or ()
    sequences = {
        name: open_npy(next(path for path in arrays.values() if path.stem == name))
        for name in names
    }
    table = data / TABLE
    with atomic_write(table) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field["name"] for field in _columns(names, args.about))
        writer.writerows(segment_lines(data, names))
    files = {path: _facts(file) for path, file in {TABLE: table, **arrays}.items()}
    about = args.about | {"licences": args.licences}
    with atomic_write(data / "croissant.json") as file:
        json.dump(croissant(files, sequences, card, about), file, indent=1, ensure_ascii=False)
        file.write("\n")
