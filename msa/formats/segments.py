"""Segments: the folds of a data set in memory, and the layout on disk that the stage split writes.

A fold's folder holds `<sequence>.npy`, all rows of all segments one after another; `offsets.npy`, a
structured array with one field a sequence, (n + 1,); `label.npy`, (n, targets) float64; `ids.npy`,
(n,); where words begin with a context, `context.npy`, (n,): how many words that is; and, where
single modalities have labels, `label_text.npy`, `label_audio.npy` and `label_vision.npy`, (n,).
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import allocate, atomic_folders, atomic_write
from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.base.reading import read_array, read_offsets

FOLDS = ("train", "valid", "test")
MODALITIES = ("text", "audio", "vision")


@dataclass(frozen=True)
class Asked:
    """What of a file is asked for.

    Attributes:
        holds: the sequences; None for all.
        columns: of the labels; None for all.
        classes: how many there are, where the labels are classes.
        class_names: what they are called, where that is known, in their order.
    """

    holds: Sequence[str] | None = None
    columns: Sequence[int] | None = None
    classes: int | None = None
    class_names: Sequence[str] = ()


EVERYTHING = Asked()


@dataclass(frozen=True)
class Segments:
    """One fold, n segments.

    Attributes:
        ids: the segments' ids, `video[clip]` where the video is known, (n,).
        label: (n, targets) float64; class numbers unless the task is a regression.
        sequences: by name (words, glove, embedding, audio, vision, hcf) the rows of each segment,
            (t, d) each: bytes for words, else float. May read from disk when asked for one.
        context: how many leading words of each segment are context, (n,).
        dropped: segments that were left out, {id, reason}, and {fold: None} where of none.
        unimodal: by modality the labels that it has alone, (n,) float64, NaN where there is none.
    """

    ids: Sequence[str]
    label: np.ndarray
    sequences: Mapping[str, Sequence[np.ndarray]]
    context: np.ndarray | None = None
    dropped: Sequence[Mapping[str, str | None]] = field(default_factory=tuple)
    unimodal: Mapping[str, np.ndarray] = field(default_factory=dict)

    def take(self, numbers: np.ndarray, names: Sequence[str], reason: str) -> "Segments":
        """The numbered segments with the named sequences; the others are dropped, for a reason."""
        left_out = set(range(len(self.ids))) - set(numbers.tolist())
        return Segments(
            [self.ids[i] for i in numbers],
            self.label[numbers],
            {name: _Chosen(self.sequences[name], numbers) for name in names},
            None if self.context is None else self.context[numbers],
            [*self.dropped, *({"id": self.ids[i], "reason": reason} for i in sorted(left_out))],
            {name: label[numbers] for name, label in self.unimodal.items()},
        )


@dataclass(frozen=True)
class _Stored(Sequence[np.ndarray]):
    """A sequence on disk, a view of each segment's rows."""

    rows: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: Any) -> Any:
        return self.rows[self.offsets[i] : self.offsets[i + 1]]


@dataclass(frozen=True)
class _Chosen(Sequence[np.ndarray]):
    """Some segments' rows of a sequence."""

    rows: Sequence[np.ndarray]
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: Any) -> Any:
        return self.rows[self.numbers[i]]


def check_widths(widths: Mapping[str, int], expected: Mapping[str, int], where: str) -> None:
    """Raise an InputError where a sequence has not as many columns as expected."""
    for name, width in expected.items():
        if name in widths and widths[name] != width:
            raise InputError(
                f"{where}: {name}: expected {width} columns as the recipe's `features` says, "
                f"got {widths[name]}; it is another version of the data set"
            )


def faulty_ids(ids: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """By fold, ids that are there more than once, and how many are empty; folds without are not."""
    faulty = {}
    for fold, names in ids.items():
        twice = [name for name, n in Counter(names).items() if n > 1 and name.strip()]
        empty = sum(not name.strip() for name in names)
        if twice or empty:
            faulty[fold] = {"twice": twice, "empty": empty}
    return faulty


def parse_widths(arguments: Sequence[str]) -> dict[str, int]:
    """Widths from arguments such as audio=74."""
    pairs = (text.partition("=") for text in arguments)
    return {name: int(width) for name, _, width in pairs}


def parse_rates(arguments: Sequence[str]) -> dict[str, float]:
    """Rows a second from arguments such as audio=100."""
    pairs = (text.partition("=") for text in arguments)
    return {name: float(rate) for name, _, rate in pairs}


def read(
    data: Path, clean: Path | None = None, features: Path | None = None
) -> dict[str, Segments]:
    """The folds on disk, memory-mapped.

    Args:
        data: folder of the folds' folders.
        clean: folder written by the stage clean, whose sequences replace those of `data`.
        features: folder written by the stage encode: a sequence more, `features`, one row a word.

    Raises:
        InputError: a file is missing, cannot be read or has another number of rows.
    """
    return {fold: _read_fold(fold, data / fold, clean, features) for fold in FOLDS}


def _read_fold(fold: str, folder: Path, clean: Path | None, features: Path | None) -> Segments:
    offsets = read_offsets(folder / "offsets.npy")
    n = len(offsets) - 1
    files = {name: folder / f"{name}.npy" for name in offsets.dtype.names or ()}
    bounds = {name: offsets[name] for name in files}
    if clean is not None:
        cleaned = {name: clean / fold / path.name for name, path in files.items()}
        files |= {name: path for name, path in cleaned.items() if path.is_file()}
    if features is not None:
        files["features"], bounds["features"] = features / f"{fold}.npy", offsets["words"]
    sequences = {}
    for name, path in files.items():
        kind = "words" if name == "words" else "numbers"
        rows = read_array(path, kind, 2, bounds[name][-1], mapped=True)
        sequences[name] = _Stored(np.asarray(rows), bounds[name])
    context = folder / "context.npy"
    unimodal = {name: folder / f"label_{name}.npy" for name in MODALITIES}
    return Segments(
        read_array(folder / "ids.npy", "text", 1, n).tolist(),
        read_array(folder / "label.npy", "numbers", 2, n),
        sequences,
        read_array(context, "numbers", 1, n) if context.is_file() else None,
        unimodal={
            name: read_array(path, "numbers", 1, n)
            for name, path in unimodal.items()
            if path.is_file()
        },
    )


def write(
    folds: Mapping[str, Segments],
    output: Path,
    card: Path,
    route: str,
    expected: Mapping[str, int] | None = None,
    labels: Mapping[str, Any] | None = None,
) -> None:
    """Write the folders of all folds below `output`, and the data card's counts.

    Videos with segments in several folds are said on stderr, and stand in the card.

    Args:
        folds: by the names in `FOLDS`.
        output: folder of the folds' folders.
        card: JSON file to write.
        route: where the segments come from, for the card.
        expected: segments that others report, by fold.
        labels: what the card says of them, where that is known.

    Raises:
        InputError: rows of one sequence are of different widths.
    """
    with atomic_folders({fold: output / fold for fold in folds}) as folders:
        counts = {
            fold: _write_fold(fold, segments, folders[fold]) for fold, segments in folds.items()
        }
    videos = {fold: {video_of(i) for i in segments.ids} for fold, segments in folds.items()}
    times = Counter(video for names in videos.values() for video in names)
    leaks = sorted(video for video, n in times.items() if n > 1)
    if leaks:
        print(
            f"leakage: videos in more than one fold, {len(leaks)}: {', '.join(leaks[:5])}"
            f"{', ...' if len(leaks) > 5 else ''}; scores may be too good",
            file=sys.stderr,
        )
    summary = {
        "segments": {fold: len(segments.ids) for fold, segments in folds.items()},
        "expected": dict(expected or {}),
        "videos": {fold: len(names) for fold, names in videos.items()},
        "videos_without_segments": {fold: [] for fold in folds},
        "videos_in_two_folds": leaks,
        "ids": faulty_ids({fold: segments.ids for fold, segments in folds.items()}),
        "route": route,
        "pauses": "as imported",
        "sequences": counts,
        **({} if labels is None else {"labels": dict(labels)}),
        "dropped": [
            {
                "id": left_out["id"],
                "fold": left_out.get("fold", fold),
                "reason": left_out["reason"],
            }
            for fold, segments in folds.items()
            for left_out in segments.dropped
        ],
        "unimodal": {
            fold: {name: int(np.isfinite(label).sum()) for name, label in segments.unimodal.items()}
            for fold, segments in folds.items()
        },
    }
    with atomic_write(card) as file:
        json.dump(summary, file, indent=1)


def _write_fold(fold: str, segments: Segments, folder: Path) -> dict[str, Any]:
    n = len(segments.ids)
    offsets = np.zeros(n + 1, [(name, np.int64) for name in segments.sequences])
    counts = {}
    for name, rows in segments.sequences.items():
        offsets[name][1:] = np.cumsum([len(rows[i]) for i in range(n)])
        where = f"{fold}: {name}"
        counts[name] = _write_rows(where, segments.ids, rows, offsets[name], folder / f"{name}.npy")
    np.save(folder / "offsets.npy", offsets)
    np.save(folder / "label.npy", segments.label.astype(np.float64))
    np.save(folder / "ids.npy", np.array(segments.ids, dtype=str))
    if segments.context is not None:
        np.save(folder / "context.npy", segments.context.astype(np.int64))
    for name, label in segments.unimodal.items():
        np.save(folder / f"label_{name}.npy", label.astype(np.float64))
    return counts


def _write_rows(
    where: str, ids: Sequence[str], rows: Sequence[np.ndarray], offsets: np.ndarray, path: Path
) -> dict[str, Any]:
    width = rows[0].shape[1]
    numeric = rows[0].dtype.kind != "S"
    longest = 0 if numeric else max(rows[i].dtype.itemsize for i in range(len(ids)))
    dtype = np.dtype(np.float32) if numeric else np.dtype(f"S{max(longest, 1)}")
    allocate(path, (int(offsets[-1]), width), dtype)
    target = np.load(path, mmap_mode="r+")
    nan, inf = np.zeros((2, width), dtype=np.int64)
    for i, segment in enumerate(ids):
        block = rows[i]
        if block.ndim != 2 or block.shape[1] != width:
            raise InputError(
                f"{where}: {segment}: expected rows of width {width} as in {ids[0]}, "
                f"got an array {block.shape}"
            )
        stored = target[offsets[i] : offsets[i + 1]]
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite, and counted as such
            stored[:] = block
        if numeric:
            nan += np.isnan(stored).sum(axis=0)
            inf += np.isinf(stored).sum(axis=0)
    target.flush()
    summary: dict[str, Any] = {"rows": int(offsets[-1]), "width": width}
    if not numeric:
        return summary
    of_columns = {"nan": nan, "inf": inf}
    return summary | {
        kind: {str(c): int(k) for c, k in enumerate(found) if k}
        for kind, found in of_columns.items()
    }
