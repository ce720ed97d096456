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
from msa.data import labels as labelling
from msa.data.labels import Kind, label_card, task_labels
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
    where: str, segments: Segments, sequences: Sequence[str], kind: Kind, aligned: bool
) -> tuple[Segments, dict[str, int]]:
    """One fold with the sequences and targets that are asked for, if it is sound.

    Args:
        where: the file and the fold, for messages.
        segments: as read.
        sequences: the sequences to keep.
        kind: of the labels.
        aligned: audio and vision have one row a word.

    Returns:
        The fold, and what the card says of its labels, as of `msa.data.labels.label_card`.

    Raises:
        InputError: a sequence or a column is missing, a label does not fit, or rows and words
            differ in number.
    """
    if missing := [name for name in sequences if name not in segments.sequences]:
        raise InputError(
            f"{where}: expected {', '.join(missing)} as the recipe's `holds` says, "
            f"found {', '.join(segments.sequences)}"
        )
    if max(kind.columns) >= segments.label.shape[1]:
        raise InputError(
            f"{where}: expected a label column {max(kind.columns)} as the task says, "
            f"got {segments.label.shape[1]} columns"
        )
    label, misfits = task_labels(where, segments.ids, segments.label, kind)
    lengths = row_counts(where, segments, sequences, aligned)
    fits = ~misfits if kind.beyond == "drop" else np.ones(len(label), bool)
    is_labelled = np.isfinite(label).all(axis=1)
    has_rows = np.min([*lengths.values()], axis=0) > 0
    sound, left = replace(segments, label=label), np.ones(len(label), bool)
    for kept, reason in (
        (fits, labelling.BEYOND),
        (is_labelled, labelling.MISSING),
        (has_rows, "one of its sequences has no rows"),
    ):
        sound = sound.take(np.flatnonzero(kept[left]), list(sequences), reason)
        left &= kept
    counts = {
        "missing": int((fits & ~is_labelled).sum()),
        "beyond": int(misfits.sum()),
        "repeated": sum(n - 1 for name, n in Counter(segments.ids).items() if name.strip()),
    }
    return sound, counts


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
    above: float | None = None,
    beyond: str = "refuse",
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
        columns, span, classes, above, beyond: of the labels, as in `msa.data.labels.Kind`; without
            span, classes and above they are 0 and 1.
        class_names: of the classes, where labels may be names.
        aligned: audio and vision have one row a word.
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
    two = 2 if span is None and above is None else None
    kind = Kind(columns, span, classes or two, above, beyond)
    checked_folds, label_counts = {}, {}
    for fold in FOLDS:
        checked_folds[fold], label_counts[fold] = checked_fold(
            f"{path}: {fold}", folds[fold], holds, kind, aligned
        )
        labelling.say(fold, label_counts[fold]["beyond"], kind)
    if empty := [fold for fold, segments in checked_folds.items() if not len(segments.ids)]:
        reasons = Counter(left_out["reason"] for left_out in checked_folds[empty[0]].dropped)
        why = ", ".join(f"{count} because {reason}" for reason, count in reasons.items())
        raise InputError(
            f"{path}: the fold {empty[0]} has no segment{f': left out were {why}' if why else ''}"
        )
    check_scale([segments.label for segments in checked_folds.values()], span)
    if encoder and "words" in holds and not aligned:
        checked_folds = {fold: with_spaces(checked_folds[fold], encoder) for fold in FOLDS}
    labels = label_card(kind, label_counts)
    write(checked_folds, output, card, f"imported ({layout})", expected, labels)


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
    labelling.add_arguments(parser)
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
        above=args.above,
        beyond=args.beyond,
        aligned=args.aligned,
        widths=parse_widths(args.widths),
        expected=dict(zip(FOLDS, args.expected, strict=True)) if args.expected else None,
        encoder=args.encoder,
        options=table_options(args) if is_table else {},
    )
