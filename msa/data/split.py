"""Split: aligned segments into the official folds, as ragged arrays, with a data card.

A fold's folder holds `<name>.npy`, all rows of all segments one after another; `offsets.npy`, a
structured array with one field a sequence, (segments + 1,); `label.npy`, (segments, targets);
`ids.npy`, the segments' keys `video[i]`.
"""

import argparse
import json
import reprlib
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_folders, atomic_write
from msa.base.coverage import fold_lacks
from msa.base.errors import InputError
from msa.base.ids import entry_video, unlike
from msa.base.pauses import PAUSES
from msa.base.reading import read_array, read_json
from msa.data import labels as labelling
from msa.data.aligned import Aligned, read_aligned
from msa.data.labels import Kind, label_card, task_labels
from msa.data.scale import check_scale
from msa.data.unspaced import cut_fold
from msa.formats.segments import FOLDS, faulty_ids, parse_widths

FEW = 0.05  # of a data set's own folds
PLACES = "the folds have", "the data"


def read_folds(path: Path) -> dict[str, list[str]]:
    """Read and check a folds file: {train, valid, test: [id]}, no video in two of them.

    An id is that of a video, or of a segment `video[i]`.
    """
    folds = read_json(path)
    if set(folds) != set(FOLDS):
        raise InputError(f"{path}: expected the keys {list(FOLDS)}, got {sorted(folds)}")
    seen: dict[str, tuple[str, str]] = {}
    for fold, names in folds.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            listed = names if isinstance(names, list) else [names]
            first_other = next((x for x in listed if not isinstance(x, str)), names)
            raise InputError(
                f"{path}: {fold}: expected a list of video ids as text, got "
                f"{reprlib.repr(first_other)}"
            )
        for name in names:
            video = entry_video(name)
            first, other = seen.setdefault(video, (fold, name))
            if first != fold:
                segments = "" if name == other == video else f" ({other} and {name})"
                raise InputError(
                    f"{path}: leakage: the video {video} is in {first} and in {fold}{segments}; "
                    "a video may be in one fold only"
                )
    return {fold: folds[fold] for fold in FOLDS}


def _names(key: str, video: str) -> tuple[str, str, str]:
    """What a folds file may call a segment by: its id, its entry in the files, its video."""
    return key, key.rpartition("[")[0], video


def _check_ids(
    where: Path,
    folds: Mapping[str, Sequence[str]],
    unmet: Mapping[str, Sequence[str]],
    videos: Collection[str],
    allow_missing: bool,
    official: bool,
) -> None:
    """Say how many ids of each fold the data does not have; refuse where it is over half of one.

    Args:
        where: the folds file.
        folds: its ids.
        unmet: those of them that no segment has, dropped or not.
        videos: of the data.
        allow_missing: go on where over half is missing.
        official: of the data set's own folds a few are known to be absent, and not worth a word.
    """
    for fold, names in unmet.items():
        share = len(names) / max(len(folds[fold]), 1)
        if not names or (official and share <= FEW):
            continue
        text = (
            f"{where}: the fold {fold}: {len(names)} of its {len(folds[fold])} ids are not in the "
            f"data: {unlike(names, videos, PLACES)}"
        )
        if share > 0.5 and not allow_missing:
            raise InputError(
                f"{text}; correct the ids, or go on without with `folds: {{allow_missing: true}}` "
                "in the recipe (--allow-missing)"
            )
        print(f"warning: {text}", file=sys.stderr)


def _label_counts(
    folds: Mapping[str, Sequence[str]],
    chosen: Mapping[str, Sequence[int]],
    misfits: np.ndarray,
    dropped: Sequence[Mapping[str, Any]],
    odd: Mapping[str, Mapping[str, int]],
) -> dict[str, dict[str, int]]:
    """What the card says of each fold's labels, as of `msa.data.labels.label_card`.

    Args:
        folds: their ids.
        chosen: the segments that stay in each.
        misfits: which of all segments have a label beyond the range, (n,).
        dropped: {fold, reason} of those that do not stay.
        odd: of the labels' times what is odd, by entry of the file.
    """
    reasons = Counter((segment["fold"], segment["reason"]) for segment in dropped)
    counts = {}
    for fold, numbers in chosen.items():
        videos = {entry_video(name) for name in folds[fold]}
        repeated = odd.get("repeated", {}).items()
        counts[fold] = {
            "missing": reasons[fold, labelling.MISSING],
            "beyond": int(misfits[list(numbers)].sum()) + reasons[fold, labelling.BEYOND],
            "repeated": sum(n for entry, n in repeated if entry_video(entry) in videos),
        }
    return counts


def _choose(
    alignment: Aligned, fold_of: Sequence[str | None], labels: np.ndarray, refused: np.ndarray
) -> tuple[dict[str, list[int]], list[dict[str, Any]]]:
    """The segments of each fold by their numbers; {id, fold, reason} of those that are in none.

    Args:
        alignment: n segments.
        fold_of: what the folds file says of each, (n,).
        labels: (n, targets), NaN where there is none.
        refused: which labels' segments are dropped as beyond the range, (n,).
    """
    chosen: dict[str, list[int]] = {fold: [] for fold in FOLDS}
    dropped = []
    words = np.diff(alignment.bounds["words"]) if "words" in alignment.bounds else None
    for i, (key, fold) in enumerate(zip(alignment.segments["key"], fold_of, strict=True)):
        if fold is None:
            reason = "its video is in no fold"
        elif words is not None and not words[i]:
            silent = alignment.pauses[i] > 0
            reason = "it has no words but pauses" if silent else "it has no words"
        elif refused[i]:
            reason = labelling.BEYOND
        elif not np.isfinite(labels[i]).all():
            reason = labelling.MISSING
        else:
            chosen[fold].append(i)
            continue
        dropped.append({"id": key, "fold": fold, "reason": reason})
    return chosen, dropped


def split(
    aligned: Path,
    folds_file: Path,
    outputs: Mapping[str, Path],
    card: Path,
    *,
    columns: Sequence[int],
    span: tuple[float, float] | None,
    classes: int | None = None,
    above: float | None = None,
    beyond: str = "refuse",
    pauses: Sequence[str] = PAUSES,
    widths: Mapping[str, int] | None = None,
    expected: Mapping[str, int] | None = None,
    allow_missing: bool = False,
    official: bool = False,
    encoder: Path | None = None,
) -> None:
    """Write the folds and the data card.

    With word-aligned data the words set the steps: every other sequence gets one row a word, zeros
    where it has none, so that all share the same offsets.

    Args:
        aligned: folder written by the stage align.
        folds_file: JSON {train, valid, test: [id]} of videos, or of segments `video[i]`.
        outputs: fold to folder.
        card: JSON file to write.
        columns, span, classes, above, beyond: of the labels, as in `msa.data.labels.Kind`.
        pauses: words to drop; with word-aligned data, their audio and vision rows too.
        widths: columns that a sequence has to have.
        expected: segments that others report, by fold.
        allow_missing: go on where over half of a fold's ids are not in the data.
        official: the folds are the data set's own, of which a few videos may be absent.
        encoder: folder of the text encoder, which cuts text without spaces.

    Raises:
        InputError: leakage, labels that do not fit the task, a fold without segments, or one of
            which over half is not in the data.
    """
    folds = read_folds(folds_file)
    alignment = read_aligned(aligned, pauses, widths)
    odd_times = read_json(aligned / "times.json", *alignment.arrays, "labels")
    segments = alignment.segments
    keys = segments["key"].tolist()
    kind = Kind(columns, span, classes, above, beyond)
    values = read_array(aligned / "labels.npy", "numbers", 2, len(keys))
    if max(columns) >= values.shape[1]:
        raise InputError(
            f"{aligned}/labels.npy: expected a column {max(columns)} as the task says, "
            f"got {values.shape[1]} columns"
        )
    labels, misfits = task_labels(f"{aligned}/labels.npy", keys, values, kind)
    fold_of_name = {name: fold for fold, names in folds.items() for name in names}

    def fold_of(key: str, video: str) -> str | None:
        return next((fold_of_name[n] for n in _names(key, video) if n in fold_of_name), None)

    kept = [*segments[["key", "video"]].itertuples(index=False, name=None)]
    lost = [*alignment.dropped[["key", "video"]].itertuples(index=False, name=None)]
    fold_of_kept, fold_of_lost = ([fold_of(*names) for names in pairs] for pairs in (kept, lost))
    reasons = zip(lost, fold_of_lost, alignment.dropped["reason"], strict=True)
    dropped: list[dict[str, Any]] = [
        {"id": key, "fold": fold, "reason": reason} for (key, _), fold, reason in reasons
    ]
    chosen, unfit = _choose(alignment, fold_of_kept, labels, misfits & (beyond == "drop"))
    dropped += unfit
    met = {name for pair in kept for name in _names(*pair)}
    known = met.union(*(_names(*pair) for pair in lost))
    absent = {fold: sorted(set(names) - met) for fold, names in folds.items()}
    unmet = {fold: sorted(set(names) - known) for fold, names in folds.items()}
    videos = {video for _, video in kept + lost}
    for fold, fold_numbers in chosen.items():
        if not fold_numbers:
            example = f"; {unlike(unmet[fold], videos, PLACES)}" if unmet[fold] else ""
            raise InputError(
                f"{folds_file}: the fold {fold} has no segment: none of its {len(folds[fold])} "
                f"videos is among the {segments['video'].nunique()} aligned ones with words"
                f"{example}"
            )
    _check_ids(folds_file, folds, unmet, videos, allow_missing, official)

    check_scale([labels[numbers] for numbers in chosen.values()], span)
    fold_segments = {
        fold: np.flatnonzero([other == fold for other in fold_of_kept]) for fold in FOLDS
    }
    counts: dict[str, dict[str, Any]] = {}
    with atomic_folders(outputs) as folders:
        for fold, folder in folders.items():
            numbers = np.array(chosen[fold])
            counts[fold] = alignment.write(numbers, folder)
            if encoder and "words" in alignment.bounds and alignment.route != "words":
                counts[fold]["words"]["rows"] = cut_fold(folder, encoder)
            np.save(folder / "label.npy", labels[numbers])
    fold_videos: dict[str | None, set[str]] = {fold: set() for fold in FOLDS}
    for any_fold, (_, video) in zip(fold_of_kept + fold_of_lost, kept + lost, strict=True):
        fold_videos.setdefault(any_fold, set()).add(video)
    coverage = {
        fold: alignment.coverage(np.array(numbers), fold_videos[fold])
        for fold, numbers in chosen.items()
    }
    for text in fold_lacks(coverage):
        print(f"warning: {text}; the data card lists the videos", file=sys.stderr)
    label_counts = _label_counts(folds, chosen, misfits, dropped, odd_times["labels"])
    for fold, count in label_counts.items():
        labelling.say(fold, count["beyond"], kind)
    with atomic_write(card) as file:
        summary = {
            "segments": {fold: len(chosen[fold]) for fold in FOLDS},
            "expected": dict(expected or {}),
            "videos": {f: segments["video"][chosen[f]].nunique() for f in FOLDS},
            "videos_without_segments": absent,
            "times": odd_times,
            "labels": label_card(kind, label_counts),
            "ids": faulty_ids(folds),
            "route": alignment.route,
            "pauses": "dropped" if pauses else "kept",
            "pause_words": {f: alignment.lost_pauses(n) for f, n in fold_segments.items()},
            "coverage": coverage,
            "remarks": alignment.remarks,
            "sequences": counts,
            "dropped": dropped,
        }
        json.dump(summary, file, indent=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("aligned", type=Path, help="folder written by align")
    parser.add_argument("--folds", type=Path, required=True, help="JSON {train, valid, test: ids}")
    parser.add_argument("--allow-missing", action="store_true", help="of the ids, over half too")
    parser.add_argument("--official", action="store_true", help="a few of them are known to lack")
    parser.add_argument("--output", type=Path, required=True, help="folder of the folds' folders")
    parser.add_argument("--card", type=Path, required=True, help="JSON file of counts to write")
    labelling.add_arguments(parser)
    parser.add_argument("--classes", type=int, help="how many, where labels are their numbers")
    parser.add_argument("--widths", nargs="*", default=[], help="columns, such as audio=74")
    parser.add_argument(
        "--pauses",
        nargs="*",
        default=PAUSES,
        help=f"words that are pauses, and dropped (default: {' '.join(map(repr, PAUSES))})",
    )
    parser.add_argument("--encoder", type=Path, help="its folder, to cut text without spaces")
    parser.add_argument(
        "--expected", type=int, nargs=3, metavar=("TRAIN", "VALID", "TEST"), help="others' counts"
    )


def main(args: argparse.Namespace) -> None:
    split(
        args.aligned,
        args.folds,
        {fold: args.output / fold for fold in FOLDS},
        args.card,
        columns=args.columns,
        span=tuple(args.range) if args.range else None,
        classes=args.classes,
        above=args.above,
        beyond=args.beyond,
        widths=parse_widths(args.widths),
        pauses=args.pauses,
        allow_missing=args.allow_missing,
        official=args.official,
        expected=dict(zip(FOLDS, args.expected, strict=True)) if args.expected else None,
        encoder=args.encoder,
    )
