"""Split: aligned segments into the official folds, as ragged arrays, with a data card.

A fold's folder holds `<name>.npy`, all rows of all segments one after another; `offsets.npy`, a
structured array with one field a sequence, (segments + 1,); `label.npy`, (segments, targets);
`ids.npy`, the segments' keys `video[i]`.
"""

import argparse
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.atomic import allocate, atomic_folders, atomic_write
from msa.errors import InputError
from msa.reading import read_array, read_json, read_offsets, said
from msa.segments import FOLDS, check_widths, parse_widths

PAUSE = b"sp"
BLOCK = 1 << 18  # rows handled at once


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


def word_rows(
    words: np.ndarray, offsets: np.ndarray, rows: np.ndarray, row_offsets: np.ndarray
) -> np.ndarray:
    """For each word of each segment the row of another sequence that belongs to it, or -1.

    Args:
        words: numbers of the words, segment after segment, (w,).
        offsets: where each segment begins in `words`, (s + 1,).
        rows: number of the word each of the other sequence's rows belongs to, (r,).
        row_offsets: where each segment begins in `rows`, (s + 1,).
    """
    if not len(rows):
        return np.full(len(words), -1)
    span = max(words.max(initial=0), rows.max()) + 1

    def keys(numbers: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        return np.repeat(np.arange(len(bounds) - 1), np.diff(bounds)) * span + numbers

    have, want = keys(rows, row_offsets), keys(words, offsets)
    order = np.argsort(have, kind="stable")
    place = np.minimum(np.searchsorted(have[order], want), len(have) - 1)
    found = order[place]
    return np.where(have[found] == want, found, -1)


def sizes(offsets: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen segments' own offsets: (chosen + 1,)."""
    return np.concatenate([[0], np.cumsum(np.diff(offsets)[chosen])])


def spread(offsets: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Numbers of the rows of the chosen segments, segment after segment."""
    counts = np.diff(offsets)[chosen]
    begins = np.repeat(offsets[:-1][chosen] - (np.cumsum(counts) - counts), counts)
    return begins + np.arange(len(begins))


def blocks(rows: np.ndarray) -> Iterator[slice]:
    """Slices of at most BLOCK rows."""
    for begin in range(0, len(rows), BLOCK):
        yield slice(begin, begin + BLOCK)


def copy_rows(source: np.ndarray, rows: np.ndarray, path: Path) -> dict[str, Any]:
    """Write `source[rows]` (zeros where -1) to a .npy file; count NaN and infinity by column."""
    allocate(path, (len(rows), *source.shape[1:]), source.dtype)
    target = np.load(path, mmap_mode="r+")
    nan, inf = np.zeros((2, source.shape[1]), dtype=np.int64)
    numeric = source.dtype.kind == "f"
    for block in blocks(rows):
        taken = source[np.maximum(rows[block], 0)]
        taken[rows[block] < 0] = 0 if numeric else b""
        target[block] = taken
        if numeric:
            nan += np.isnan(taken).sum(axis=0)
            inf += np.isinf(taken).sum(axis=0)
    target.flush()
    counts = {"rows": len(rows), "width": int(source.shape[1])}
    if not numeric:
        return counts
    return counts | {
        "imputed_rows": int(np.count_nonzero(rows < 0)),
        "nan": {str(c): int(n) for c, n in enumerate(nan) if n},
        "inf": {str(c): int(n) for c, n in enumerate(inf) if n},
    }


def _table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A table that the stage align wrote, as text."""
    try:
        text = path.read_text(encoding="utf-8")
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: expected a table, got: {said(error)}; run align again"
        ) from error
    if list(table) != list(columns):
        raise InputError(f"{path}: expected the columns {columns}, got {list(table)}")
    if not text.endswith("\n") or (table.isna() | (table == "")).any(axis=None):
        raise InputError(f"{path}: expected whole lines, got one that is cut off; run align again")
    return table


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
    segments = _table(aligned / "segments.csv", ["key", "video", "i", "start", "end"])
    offsets = read_offsets(aligned / "offsets.npy")
    if len(segments) != len(offsets) - 1:
        raise InputError(
            f"{aligned}/segments.csv: expected {len(offsets) - 1} segments as offsets.npy says, "
            f"got {len(segments)}; run align again"
        )
    names = list(offsets.dtype.names or ())
    arrays = {
        name: read_array(
            aligned / f"{name}.npy",
            "words" if name == "words" else "numbers",
            2,
            offsets[name][-1],
            mapped=True,
        )
        for name in names
    }
    check_widths({name: rows.shape[1] for name, rows in arrays.items()}, widths or {}, str(aligned))
    labels = _labels(aligned, segments["key"].tolist(), columns, span)
    route = read_json(aligned / "route.json", "route")["route"]

    bounds = {name: offsets[name] for name in names}
    rows = {name: np.arange(len(arrays[name])) for name in names}
    if route == "words":
        numbers = {
            name: read_array(aligned / f"{name}.word.npy", "numbers", 1, offsets[name][-1])
            for name in names
        }
        for name in set(names) - {"words"}:
            rows[name] = word_rows(numbers["words"], bounds["words"], numbers[name], bounds[name])
            bounds[name] = bounds["words"]
    if drop_pauses and "words" in names:
        spoken = arrays["words"][:, 0] != PAUSE
        kept = np.concatenate([[0], np.cumsum(spoken)])[offsets["words"]]
        for name in names if route == "words" else ["words"]:
            rows[name], bounds[name] = rows[name][spoken], kept

    fold_of = {video: fold for fold, videos in folds.items() for video in videos}
    reasons = _table(aligned / "dropped.csv", ["key", "video", "reason"])
    dropped: list[dict[str, Any]] = [
        {"id": key, "fold": fold_of.get(video), "reason": reason}
        for key, video, reason in reasons.itertuples(index=False)
    ]
    chosen: dict[str, list[int]] = {fold: [] for fold in FOLDS}
    lengths = {name: np.diff(bounds[name]) for name in names}
    for i, (key, video) in enumerate(zip(segments["key"], segments["video"], strict=True)):
        fold = fold_of.get(video)
        if fold is None:
            reason = "its video is in no fold"
        elif "words" in names and not lengths["words"][i]:
            reason = "it has no words but pauses" if drop_pauses else "it has no words"
        elif not np.isfinite(labels[i]).all():
            reason = "its label is not a number"
        else:
            chosen[fold].append(i)
            continue
        dropped.append({"id": key, "fold": fold, "reason": reason})
    for fold, numbers_of in chosen.items():
        if not numbers_of:
            raise InputError(
                f"{folds_file}: the fold {fold} has no segment: none of its {len(folds[fold])} "
                f"videos is among the {segments['video'].nunique()} aligned ones with words"
            )

    counts: dict[str, dict[str, Any]] = {fold: {} for fold in FOLDS}
    with atomic_folders(outputs) as folders:
        for fold, folder in folders.items():
            take = np.array(chosen[fold])
            own = np.zeros(len(take) + 1, dtype=offsets.dtype)
            for name in names:
                own[name] = sizes(bounds[name], take)
                source = rows[name][spread(bounds[name], take)]
                counts[fold][name] = copy_rows(arrays[name], source, folder / f"{name}.npy")
            np.save(folder / "offsets.npy", own)
            np.save(folder / "label.npy", labels[take])
            np.save(folder / "ids.npy", segments["key"].to_numpy(dtype=str)[take])
    with atomic_write(card) as file:
        absent = {f: sorted(set(v) - set(segments["video"])) for f, v in folds.items()}
        summary = {
            "segments": {fold: len(chosen[fold]) for fold in FOLDS},
            "expected": dict(expected or {}),
            "videos": {f: segments["video"][chosen[f]].nunique() for f in FOLDS},
            "videos_without_segments": absent,
            "route": route,
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
