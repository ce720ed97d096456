"""Split: aligned segments into the official folds, as ragged arrays, with a data card.

A fold's folder holds `<name>.npy`, all rows of all segments one after another; `offsets.npy`, a
structured array with one field a sequence, (segments + 1,); `label.npy`, (segments, targets);
`ids.npy`, the segments' keys `video[i]`.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import atomic_folders, atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_array, read_json
from msa.data.aligned import read_aligned
from msa.formats.segments import FOLDS, faulty_ids, parse_widths


def read_folds(path: Path) -> dict[str, list[str]]:
    """Read and check a folds file: {train, valid, test: [video id]}, no video in two of them."""
    folds = read_json(path, *FOLDS)
    if set(folds) != set(FOLDS):
        raise InputError(f"{path}: expected the keys {list(FOLDS)}, got {sorted(folds)}")
    seen: dict[str, str] = {}
    for fold, videos in folds.items():
        if not isinstance(videos, list) or not all(isinstance(v, str) for v in videos):
            raise InputError(f"{path}: {fold}: expected a list of video ids")
        for video in videos:
            if seen.setdefault(video, fold) != fold:
                raise InputError(
                    f"{path}: leakage: the video {video} is in {seen[video]} and in {fold}; "
                    "a video may be in one fold only"
                )
    return {fold: folds[fold] for fold in FOLDS}


def _labels(
    aligned: Path, keys: Sequence[str], columns: Sequence[int], span: tuple[float, float] | None
) -> np.ndarray:
    labels = read_array(aligned / "labels.npy", "numbers", 2, len(keys))
    if max(columns) >= labels.shape[1]:
        raise InputError(
            f"{aligned}/labels.npy: expected a column {max(columns)} as the task says, "
            f"got {labels.shape[1]} columns"
        )
    labels = labels[:, list(columns)].astype(np.float64)
    if span is not None:
        outside = (labels < span[0] - 1e-6) | (labels > span[1] + 1e-6)
        if outside.any():
            key = keys[int(np.argmax(outside.any(axis=1)))]
            raise InputError(
                f"{aligned}: {int(outside.any(axis=1).sum())} labels lie outside the task's range "
                f"[{span[0]:g}, {span[1]:g}], the first in {key}: correct the range or the labels"
            )
    return labels


def split(
    aligned: Path,
    folds_file: Path,
    outputs: Mapping[str, Path],
    card: Path,
    *,
    columns: Sequence[int],
    span: tuple[float, float] | None,
    drop_pauses: bool,
    widths: Mapping[str, int] | None = None,
    expected: Mapping[str, int] | None = None,
) -> None:
    """Write the folds and the data card.

    With word-aligned data the words set the steps: every other sequence gets one row a word, zeros
    where it has none, so that all share the same offsets.

    Args:
        aligned: folder written by the stage align.
        folds_file: JSON {train, valid, test: [video id]}.
        outputs: fold to folder.
        card: JSON file to write.
        columns: the targets' columns in the labels.
        span: smallest and largest label a regression may have.
        drop_pauses: drop the words "sp"; with word-aligned data, their audio and vision rows too.
        widths: columns that a sequence has to have.
        expected: segments that others report, by fold.

    Raises:
        InputError: leakage, labels outside the range, or a fold without segments.
    """
    folds = read_folds(folds_file)
    alignment = read_aligned(aligned, drop_pauses, widths)
    segments = alignment.segments
    labels = _labels(aligned, segments["key"].tolist(), columns, span)
    fold_of = {video: fold for fold, videos in folds.items() for video in videos}
    dropped: list[dict[str, Any]] = [
        {"id": key, "fold": fold_of.get(video), "reason": reason}
        for key, video, reason in alignment.dropped.itertuples(index=False)
    ]
    chosen: dict[str, list[int]] = {fold: [] for fold in FOLDS}
    words = np.diff(alignment.bounds["words"]) if "words" in alignment.bounds else None
    for i, (key, video) in enumerate(zip(segments["key"], segments["video"], strict=True)):
        fold = fold_of.get(video)
        if fold is None:
            reason = "its video is in no fold"
        elif words is not None and not words[i]:
            silent = alignment.pauses[i] > 0
            reason = "it has no words but pauses" if silent else "it has no words"
        elif not np.isfinite(labels[i]).all():
            reason = "its label is not a number"
        else:
            chosen[fold].append(i)
            continue
        dropped.append({"id": key, "fold": fold, "reason": reason})
    for fold, fold_numbers in chosen.items():
        if not fold_numbers:
            raise InputError(
                f"{folds_file}: the fold {fold} has no segment: none of its {len(folds[fold])} "
                f"videos is among the {segments['video'].nunique()} aligned ones with words"
            )

    counts: dict[str, dict[str, Any]] = {}
    with atomic_folders(outputs) as folders:
        for fold, folder in folders.items():
            numbers = np.array(chosen[fold])
            counts[fold] = alignment.write(numbers, folder)
            np.save(folder / "label.npy", labels[numbers])
    with atomic_write(card) as file:
        absent = {f: sorted(set(v) - set(segments["video"])) for f, v in folds.items()}
        summary = {
            "segments": {fold: len(chosen[fold]) for fold in FOLDS},
            "expected": dict(expected or {}),
            "videos": {f: segments["video"][chosen[f]].nunique() for f in FOLDS},
            "videos_without_segments": absent,
            "times": read_json(aligned / "times.json", *alignment.arrays, "labels"),
            "ids": faulty_ids(folds),
            "route": alignment.route,
            "pauses": "dropped" if drop_pauses else "kept",
            "sequences": counts,
            "dropped": dropped,
        }
        json.dump(summary, file, indent=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("aligned", type=Path, help="folder written by align")
    parser.add_argument("--folds", type=Path, required=True, help="JSON {train, valid, test: ids}")
    parser.add_argument("--output", type=Path, required=True, help="folder of the folds' folders")
    parser.add_argument("--card", type=Path, required=True, help="JSON file of counts to write")
    parser.add_argument("--columns", type=int, nargs="+", default=[0], help="the targets' columns")
    parser.add_argument("--range", type=float, nargs=2, help="smallest and largest label")
    parser.add_argument("--widths", nargs="*", default=[], help="columns, such as audio=74")
    parser.add_argument("--pauses", choices=["drop", "keep"], default="drop", help='words "sp"')
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
        widths=parse_widths(args.widths),
        drop_pauses=args.pauses == "drop",
        expected=dict(zip(FOLDS, args.expected, strict=True)) if args.expected else None,
    )
