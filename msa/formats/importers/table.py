"""Tables: a CSV of segments beside folders of features, as those have who extracted their own.

The CSV has a line a segment: `id`, perhaps `video`, `start`, `end` (seconds), `text` and `split`,
and a column for each label. The folders glove, embedding, audio and vision have a file a segment,
`<id>.npy` or `<id>.csv`, or a file a video, `<video>.npy` or `<video>.csv`, of which start and end
cut the segment's rows.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.formats.content import as_words, describe
from msa.formats.importers.feature_files import Part, feature_files, named_files
from msa.formats.importers.segment_table import SHOWN, Table, read_table, tables
from msa.formats.segments import FOLDS, Segments

FOLDERS = ("glove", "embedding", "audio", "vision")


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if isinstance(content, Path) and tables(content):
        return []
    return [f"expected a folder with a .csv file that has a column id, found {describe(content)}"]


def read(
    content: Any,
    file: str | None = None,
    holds: Collection[str] = (),
    targets: Sequence[str] = (),
    classes: Sequence[str] = (),
    rates: Mapping[str, float] | None = None,
    folds: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Segments]:
    """Words of the texts, the features of each folder, and the targets' labels.

    Args:
        content: the folder.
        file: the CSV's name; by default it is the only one that has a column `id`.
        holds: the sequences to read; by default all.
        targets: columns of labels; by default all that are nothing else.
        classes: what may stand for the labels 0, 1, ...
        rates: by sequence, rows a second of the arrays of whole videos.
        folds: by fold its videos, in place of the column `split`.

    Raises:
        InputError: a column, a file or a number is missing, or something else than it should be.
    """
    table = read_table(content / file if file else _only_table(content))
    fold_of = table.folds(folds)
    label = table.labels(targets, classes)
    sequences = _sequences(content, table, holds, rates or {})
    segments = Segments(table.ids, label, sequences)
    reason = "its split is empty" if folds is None else "its video is in no fold"
    numbers = {
        fold: np.array([i for i, other in enumerate(fold_of) if other == fold]) for fold in FOLDS
    }
    left_out = [
        {"id": table.ids[i], "fold": None, "reason": reason}
        for i, fold in enumerate(fold_of)
        if fold is None
    ]
    return {
        fold: replace(
            segments.take(numbers[fold], list(sequences), reason),
            dropped=left_out if fold == FOLDS[0] else (),
        )
        for fold in FOLDS
    }


def _only_table(folder: Path) -> Path:
    paths = tables(folder)
    if len(paths) > 1:
        raise InputError(
            f"expected one .csv file with a column id, found {', '.join(p.name for p in paths)}; "
            "name that of the segments in the recipe's `files`"
        )
    return paths[0]


def _sequences(
    folder: Path, table: Table, holds: Collection[str], rates: Mapping[str, float]
) -> dict[str, Sequence[np.ndarray]]:
    sequences: dict[str, Sequence[np.ndarray]] = {}
    if "text" in table.columns and (not holds or "words" in holds):
        sequences["words"] = [as_words(text.split()) for text in table.columns["text"]]
    names = [name for name in FOLDERS if (name in holds if holds else (folder / name).is_dir())]
    if absent := [f"{name}/" for name in names if not (folder / name).is_dir()]:
        raise InputError(
            f"expected the folder {', '.join(absent)} with a file a segment or a video, "
            f"found {describe(folder)}"
        )
    parts = {name: _parts(folder / name, table) for name in names}
    if missing := {name: lacking for name, (_, lacking) in parts.items() if lacking}:
        said = "; ".join(
            f"{len(lacking)} have none in {name}/, the first {', '.join(lacking[:SHOWN])}"
            for name, lacking in missing.items()
        )
        raise InputError(
            f"{table.name}: expected a .npy or .csv file called as the id or the video for each of "
            f"{len(table.lines)} segments: {said}; extract them, or take their lines out"
        )
    for name, (found, _) in parts.items():
        if name in rates and not any(part.span for part in found):
            raise InputError(
                f"rates: {name}: expected arrays of whole videos, found files called as the "
                "segments' ids, which are read whole; take the rate out of the recipe, or give "
                "the segments other ids than their videos"
            )
        sequences[name] = feature_files(found, rates.get(name))
    return sequences


def _parts(folder: Path, table: Table) -> tuple[list[Part], list[str]]:
    """Each segment's own file, or its video's from start to end; and the ids that have neither."""
    files = named_files(folder)
    parts, lacking = [], []
    for i, pair in enumerate(zip(table.columns["id"], table.videos, strict=True)):
        own, whole = (files.get(unicodedata.normalize("NFC", name)) for name in pair)
        if own:
            parts.append(Part(own))
        elif whole:
            parts.append(Part(whole, table.span(i, f"{folder.name}/{whole.name}")))
        else:
            lacking.append(pair[0])
    return parts, lacking
