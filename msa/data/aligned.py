"""Aligned segments: what the stage align wrote, and which of its rows each segment gets."""

import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from msa.base.atomic import allocate
from msa.base.errors import InputError
from msa.base.pauses import PAUSES
from msa.base.reading import read_array, read_json, read_offsets, said
from msa.formats.segments import check_widths

BLOCK = 1 << 18  # rows handled at once


@dataclass(frozen=True)
class Aligned:
    """All segments, s of them, before the folds.

    Attributes:
        segments: the columns key, video, i, start, end, as text.
        dropped: of the segments that align left out, the columns key, video, reason.
        route: of the alignment.
        arrays: by sequence, its rows on disk, memory-mapped.
        rows: by sequence, the numbers of the rows that make the segments, -1 for zeros.
        bounds: by sequence, where each segment begins in `rows`, (s + 1,).
        met: of the sequences averaged over words, whether they have a row there, as `rows`.
        lacking: of the others, the columns video, sequence, segments, lacking (those without rows).
        remarks: what is odd in the files' times.
        pauses: how many pauses each segment lost, (s,).
        pause_words: the words that these were, segment after segment, (sum of pauses,).
    """

    segments: pd.DataFrame
    dropped: pd.DataFrame
    route: str
    arrays: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    bounds: dict[str, np.ndarray]
    met: dict[str, np.ndarray]
    lacking: pd.DataFrame
    remarks: list[str]
    pauses: np.ndarray
    pause_words: np.ndarray

    def lost_pauses(self, numbers: np.ndarray) -> dict[str, int]:
        """The pauses that some segments lost, the most frequent first, with their numbers."""
        bounds = np.concatenate([[0], np.cumsum(self.pauses)])
        words = self.pause_words[segment_rows(bounds, numbers)]
        return {
            word.decode("utf-8", "replace"): count
            for word, count in Counter(words.tolist()).most_common()
        }

    def coverage(self, numbers: np.ndarray, videos: Collection[str]) -> dict[str, dict[str, Any]]:
        """What each sequence covers of the segments' words, or of the videos' segments.

        `msa.base.coverage` says what it holds.
        """
        owners = self.segments["video"].to_numpy()[numbers]
        content = {}
        for name in self.arrays:
            table = self.lacking[self.lacking["sequence"] == name]
            table = table[table["video"].isin(videos)]
            if name in self.met:
                bounds = self.bounds[name]
                met = self.met[name][segment_rows(bounds, numbers)]
                words = np.repeat(owners, np.diff(bounds)[numbers])
                table = pd.DataFrame({"video": words, "segments": 1, "lacking": ~met})
            numbers_of = table.groupby("video", sort=False)[["segments", "lacking"]].sum()
            content[name] = {
                "unit": "words" if name in self.met else "segments",
                "total": int(numbers_of["segments"].sum()),
                "without_rows": int(numbers_of["lacking"].sum()),
                "videos": {
                    video: {"total": int(total), "without_rows": int(without)}
                    for video, total, without in numbers_of.itertuples()
                    if without
                },
            }
        return content

    def write(self, numbers: np.ndarray, folder: Path) -> dict[str, Any]:
        """Write some segments' sequences, offsets.npy and ids.npy; counts by sequence."""
        offsets = np.zeros(len(numbers) + 1, [(name, np.int64) for name in self.arrays])
        counts = {}
        for name, array in self.arrays.items():
            offsets[name] = segment_offsets(self.bounds[name], numbers)
            source = self.rows[name][segment_rows(self.bounds[name], numbers)]
            counts[name] = copy_rows(array, source, folder / f"{name}.npy")
        np.save(folder / "offsets.npy", offsets)
        np.save(folder / "ids.npy", self.segments["key"].to_numpy(dtype=str)[numbers])
        return counts


def read_aligned(
    aligned: Path, pauses: Sequence[str] = PAUSES, widths: Mapping[str, int] | None = None
) -> Aligned:
    """Read what align wrote.

    With word-aligned data the words set the steps: every other sequence gets one row a word, zeros
    where it has none, so that all share the same offsets.

    Args:
        aligned: folder written by the stage align.
        pauses: words to drop; with word-aligned data, their audio and vision rows too.
        widths: columns that a sequence has to have.

    Raises:
        InputError: a file is missing or damaged, or a sequence is of another width.
    """
    segments = read_segments(aligned)
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
    alignment = read_json(aligned / "route.json", "route", "remarks")
    route = alignment["route"]

    bounds = {name: offsets[name] for name in names}
    rows = {name: np.arange(len(arrays[name])) for name in names}
    met: dict[str, np.ndarray] = {}
    if route == "words":
        numbers = {
            name: read_array(aligned / f"{name}.word.npy", "numbers", 1, offsets[name][-1])
            for name in names
        }
        for name in names:
            if name == "words":
                continue
            has_rows = read_array(aligned / f"{name}.met.npy", "flags", 1, offsets[name][-1])
            rows[name] = word_rows(numbers["words"], bounds["words"], numbers[name], bounds[name])
            bounds[name] = bounds["words"]
            met[name] = np.append(has_rows, False)[rows[name]]
    pause_counts, pause_words = np.zeros(len(segments), np.int64), np.array([], "S1")
    if pauses and "words" in names:
        words = np.strings.strip(arrays["words"][:, 0])
        spoken = ~np.isin(words, [word.strip().encode() for word in pauses])
        spoken_bounds = np.concatenate([[0], np.cumsum(spoken)])[offsets["words"]]
        pause_counts = np.diff(bounds["words"]) - np.diff(spoken_bounds)
        pause_words = words[~spoken]
        for name in names if route == "words" else ["words"]:
            rows[name], bounds[name] = rows[name][spoken], spoken_bounds
        met = {name: flags[spoken] for name, flags in met.items()}

    reasons = _table(aligned / "dropped.csv", ["key", "video", "reason"])
    lacking = _table(aligned / "coverage.csv", ["video", "sequence", "segments", "lacking"])
    try:
        lacking = lacking.astype({"segments": int, "lacking": int})
    except ValueError as error:
        raise InputError(f"{aligned}/coverage.csv: expected numbers, got: {said(error)}") from error
    return Aligned(
        segments=segments,
        dropped=reasons,
        route=route,
        arrays=arrays,
        rows=rows,
        bounds=bounds,
        met=met,
        lacking=lacking,
        remarks=alignment["remarks"],
        pauses=pause_counts,
        pause_words=pause_words,
    )


def read_segments(aligned: Path) -> pd.DataFrame:
    """The segments that align wrote, the columns key, video, i, start, end, as text."""
    return _table(aligned / "segments.csv", ["key", "video", "i", "start", "end"])


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

    row_keys, word_keys = keys(rows, row_offsets), keys(words, offsets)
    order = np.argsort(row_keys, kind="stable")
    place = np.minimum(np.searchsorted(row_keys[order], word_keys), len(row_keys) - 1)
    candidates = order[place]
    return np.where(row_keys[candidates] == word_keys, candidates, -1)


def segment_offsets(offsets: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The chosen segments' own offsets: (chosen + 1,)."""
    return np.concatenate([[0], np.cumsum(np.diff(offsets)[numbers])])


def segment_rows(offsets: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Numbers of the rows of the chosen segments, segment after segment."""
    counts = np.diff(offsets)[numbers]
    begins = np.repeat(offsets[:-1][numbers] - (np.cumsum(counts) - counts), counts)
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
        values = source[np.maximum(rows[block], 0)]
        values[rows[block] < 0] = 0 if numeric else b""
        target[block] = values
        if numeric:
            nan += np.isnan(values).sum(axis=0)
            inf += np.isinf(values).sum(axis=0)
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
