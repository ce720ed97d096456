"""Import data: a file that others circulate into the folds, in place of align and split."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.data.scale import check_scale
from msa.data.split import read_folds
from msa.data.unspaced import cut_texts
from msa.formats.content import as_text, as_words
from msa.formats.importers import LAYOUTS
from msa.formats.layouts import read_layout
from msa.formats.segments import (
    FOLDS,
    Asked,
    Segments,
    check_widths,
    parse_rates,
    parse_widths,
    write,
)

TABLES = (".csv", ".tsv")


def checked_fold(
    where: str,
    segments: Segments,
    sequences: Sequence[str],
    columns: Sequence[int],
    span: tuple[float, float] | None,
    classes: int | None,
    aligned: bool,
) -> Segments:
    """One fold with the sequences and targets that are asked for, if it is sound.

    Args:
        where: the file and the fold, for messages.
        segments: as read.
        sequences: the sequences to keep.
        columns: the targets' columns in the labels.
        span: smallest and largest label of a regression.
        classes: the number of classes of a classification.
        aligned: audio and vision have one row a word.

    Raises:
        InputError: a sequence or a column is missing, a label is out of range, or rows and words
            differ in number.
    """
    if missing := [name for name in sequences if name not in segments.sequences]:
        raise InputError(
            f"{where}: expected {', '.join(missing)} as the recipe's `holds` says, "
            f"found {', '.join(segments.sequences)}"
        )
    if max(columns) >= segments.label.shape[1]:
        raise InputError(
            f"{where}: expected a label column {max(columns)} as the task says, "
            f"got {segments.label.shape[1]} columns"
        )
    label = segments.label[:, list(columns)]
    label_range = span or (0, classes - 1 if classes else 1)
    outside = (label < label_range[0] - 1e-6) | (label > label_range[1] + 1e-6)
    if span is None:
        outside |= np.isfinite(label) & (label != np.rint(label))
    if outside.any():
        first = int(np.argmax(outside.any(axis=1)))
        raise InputError(
            f"{where}: {int(outside.any(axis=1).sum())} labels lie outside the task's range "
            f"[{label_range[0]:g}, {label_range[1]:g}], the first in {segments.ids[first]}: "
            f"{label[first].tolist()}; correct the recipe's task or the labels"
        )
    lengths = row_counts(where, segments, sequences, aligned)
    is_labelled = np.isfinite(label).all(axis=1)
    has_rows = np.min([*lengths.values()], axis=0) > 0
    labelled = replace(segments, label=label).take(
        np.flatnonzero(is_labelled), list(sequences), "its label is not a number"
    )
    return labelled.take(
        np.flatnonzero(has_rows[is_labelled]), list(sequences), "one of its sequences has no rows"
    )


def row_counts(
    where: str, segments: Segments, sequences: Sequence[str], aligned: bool
) -> dict[str, np.ndarray]:
    """How many rows each segment has of each sequence, (n,).

    Raises:
        InputError: they differ, though there should be one row a word.
    """
    lengths = {
        name: np.array([len(rows[i]) for i in range(len(segments.ids))])
        for name, rows in segments.sequences.items()
        if name in sequences
    }
    if aligned:
        # without words, the text's rows may be pieces
        reference = "words" if "words" in lengths else sequences[0]
        for name, counts in lengths.items():
            if (unlike := np.flatnonzero(counts != lengths[reference])).size:
                first = unlike[0]
                raise InputError(
                    f"{where}: {segments.ids[first]}: expected as many rows of {name} as of "
                    f"{reference}, {lengths[reference][first]}, got {counts[first]}"
                )
    return lengths


def import_data(
    path: Path,
    layout: str,
    output: Path,
    card: Path,
    *,
    holds: Sequence[str],
    columns: Sequence[int] = (0,),
    span: tuple[float, float] | None = None,
    classes: int | None = None,
    class_names: Sequence[str] = (),
    aligned: bool = False,
    widths: Mapping[str, int] | None = None,
    expected: Mapping[str, int] | None = None,
    encoder: Path | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write the folds and the data card of a file or folder.

    Args:
        path: the file or folder.
        layout: what it has to be.
        output: folder of the folds' folders.
        card: JSON file to write.
        holds: the sequences to keep.
        columns, span, classes, aligned: as in `checked_fold`.
        class_names: of the classes, where labels may be names.
        widths: columns that a sequence has to have.
        expected: segments that others report, by fold.
        encoder: folder of the text encoder, which cuts text without spaces.
        options: as in `read_layout`.
    """
    folds = read_layout(path, layout, Asked(holds, columns, classes, class_names), options)
    for fold, segments in folds.items():
        fold_widths = {
            name: rows[0].shape[1] for name, rows in segments.sequences.items() if len(rows)
        }
        check_widths(fold_widths, widths or {}, f"{path}: {fold}")
    checked_folds = {
        fold: checked_fold(f"{path}: {fold}", folds[fold], holds, columns, span, classes, aligned)
        for fold in FOLDS
    }
    if empty := [fold for fold, segments in checked_folds.items() if not len(segments.ids)]:
        reasons = Counter(left_out["reason"] for left_out in checked_folds[empty[0]].dropped)
        why = ", ".join(f"{count} because {reason}" for reason, count in reasons.items())
        raise InputError(
            f"{path}: the fold {empty[0]} has no segment{f': left out were {why}' if why else ''}"
        )
    check_scale([segments.label for segments in checked_folds.values()], span)
    if encoder and "words" in holds and not aligned:
        checked_folds = {fold: with_spaces(checked_folds[fold], encoder) for fold in FOLDS}
    write(checked_folds, output, card, f"imported ({layout})", expected)


def with_spaces(segments: Segments, encoder: Path) -> Segments:
    """The segments with texts without spaces cut into words."""
    rows = segments.sequences["words"]
    words = [[as_text(word) for word in rows[i][:, 0]] for i in range(len(segments.ids))]
    cut = {"words": [as_words(texts) for texts in cut_texts(words, encoder)]}
    return replace(segments, sequences={**segments.sequences, **cut})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", type=Path, nargs="+", help="the file; or a folder; or all files of one folder"
    )
    parser.add_argument("--layout", choices=LAYOUTS, required=True, help="what it has to be")
    parser.add_argument("--output", type=Path, required=True, help="folder of the folds' folders")
    parser.add_argument("--card", type=Path, required=True, help="JSON file of counts to write")
    parser.add_argument("--holds", nargs="+", required=True, help="the sequences to keep")
    parser.add_argument("--columns", type=int, nargs="+", default=[0], help="the targets' columns")
    parser.add_argument("--range", type=float, nargs=2, help="smallest and largest label")
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="CLASS",
        help="how many there are, labels are their numbers from 0; or their names in that order",
    )
    parser.add_argument("--widths", nargs="*", default=[], help="columns, such as audio=74")
    parser.add_argument("--encoder", type=Path, help="its folder, to cut text without spaces")
    parser.add_argument("--aligned", action="store_true", help="one row a word, or an error")
    parser.add_argument(
        "--expected", type=int, nargs=3, metavar=("TRAIN", "VALID", "TEST"), help="others' counts"
    )
    table = parser.add_argument_group("table", "what a table of segments does not say of itself")
    table.add_argument("--targets", nargs="+", default=[], help="its columns of labels")
    table.add_argument(
        "--rates", nargs="+", default=[], help="rows a second of arrays of videos, as audio=100"
    )
    table.add_argument("--folds", type=Path, help="JSON {train, valid, test: video ids}")


def table_options(args: argparse.Namespace) -> dict[str, Any]:
    """What is said of a table, for its `read`."""
    files = [file.name for file in args.files if file.suffix.lower() in TABLES]
    several = len(args.files) > 1 or args.files[0].is_file()
    return {
        "file": files[0] if several and len(files) == 1 else None,
        "holds": args.holds,
        "targets": args.targets,
        "classes": args.classes if len(args.classes or ()) > 1 else (),
        "rates": parse_rates(args.rates),
        "folds": read_folds(args.folds) if args.folds else None,
    }


def main(args: argparse.Namespace) -> None:
    path, names = args.files[0], args.classes or []
    if len(names) == 1 and not names[0].isdecimal():
        raise InputError(f"--classes: expected how many there are, or their names, got {names[0]}")
    if len(args.files) > 1:
        path = path.parent
        if any(file.parent != path for file in args.files):
            raise InputError(f"{args.files}: expected files of one folder, got several folders")
    is_table = args.layout == "table"
    if is_table and path.is_file():
        path = path.parent
    import_data(
        path,
        args.layout,
        args.output,
        args.card,
        holds=args.holds,
        columns=args.columns,
        span=tuple(args.range) if args.range else None,
        classes=int(names[0]) if len(names) == 1 else len(names) or None,
        class_names=names if len(names) > 1 else (),
        aligned=args.aligned,
        widths=parse_widths(args.widths),
        expected=dict(zip(FOLDS, args.expected, strict=True)) if args.expected else None,
        encoder=args.encoder,
        options=table_options(args) if is_table else {},
    )
