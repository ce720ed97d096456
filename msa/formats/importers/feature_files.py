"""Files of features, .npy or .csv: rows (t, d), and the times of the rows where a file has them.

A .csv has a column a feature; `start` and `end`, or `time`, are seconds. A first line of numbers
is a row.
"""

import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from msa.base.errors import InputError
from msa.base.reading import open_npy, said
from msa.formats.importers.segment_table import names_of

ENDINGS = (".npy", ".csv")  # the first that is there is read
TIMES = ("time", "timestamp", "frametime")
MARGIN = 1e-5  # seconds; what overlaps by less does not, as in align


class Features(NamedTuple):
    """Rows of a file, (t, d), and start and end of each in seconds, (t, 2), if it has them."""

    rows: np.ndarray
    times: np.ndarray | None = None


class Part(NamedTuple):
    """The file that has a segment's rows, and which seconds of it are the segment's: None, all."""

    path: Path
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class FeatureFiles(Sequence[np.ndarray]):
    """The rows of each segment, read when asked for.

    Attributes:
        parts: of each segment.
        width: columns that each has.
        read: a file's features.
    """

    parts: Sequence[Part]
    width: int
    read: Callable[[Path], Features]

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, i: Any) -> Any:
        path, span = self.parts[i]
        rows, times = self.read(path)
        if not rows.size:
            return np.empty((0, self.width), dtype=np.float32)
        if rows.shape[1] != self.width:
            raise InputError(
                f"{path}: expected {self.width} columns as in {self.parts[0].path.name}, "
                f"found {rows.shape[1]}; extract the same features"
            )
        if span is None or times is None:
            return rows
        begin, end = times.T
        lasting = (begin < span[1] - MARGIN) & (end > span[0] + MARGIN)
        return rows[np.where(begin == end, (begin >= span[0]) & (begin < span[1]), lasting)]


def feature_files(parts: Sequence[Part], rate: float | None) -> FeatureFiles:
    """The rows of segments.

    Args:
        parts: of each segment.
        rate: rows a second of arrays of which a span is a segment's.

    Raises:
        InputError: a file is broken, has no times, or most spans end after its last row.
    """
    spans = {part.path for part in parts if part.span}

    @lru_cache(maxsize=8)  # segments of one video follow one another
    def read(path: Path) -> Features:
        features = read_features(path)
        return features if path not in spans else _timed(path, features, rate)

    _check_spans(parts, read)
    widths = (rows.shape[1] for rows, _ in (read(part.path) for part in parts) if rows.size)
    return FeatureFiles(parts, next(widths, 0), read)


def _timed(path: Path, features: Features, rate: float | None) -> Features:
    """The features with times, from the rate where the file has none."""
    if features.times is not None:
        return features
    if rate is None:
        raise InputError(
            f"{path}: expected the times of its rows, which are of a whole video, found none: say "
            f"how many rows a second has, in the recipe `rates: {{{path.parent.name}: 100}}` for "
            "instance, or write .csv files with the columns start and end"
        )
    begins = np.arange(len(features.rows)) / rate
    return Features(features.rows, np.stack([begins, begins + 1 / rate], axis=1))


def _check_spans(parts: Sequence[Part], read: Callable[[Path], Features]) -> None:
    """Refuse times in milliseconds or frames, and rates that are none: spans beyond the rows."""
    lasts: dict[Path, float] = {}
    beyond = []
    spans = [part for part in parts if part.span]
    for path, span in spans:
        if path not in lasts:
            times = read(path).times
            lasts[path] = float(times.max()) if times is not None and len(times) else 0.0
        if span and span[1] - lasts[path] > max(1.0, 0.5 * (span[1] - span[0])):
            beyond.append((path, span))
    if 2 * len(beyond) > len(spans):
        path, (start, end) = beyond[0]
        raise InputError(
            f"{path}: its rows end at {lasts[path]:g} s, the segment from {start:g} to {end:g} s "
            f"lies beyond, as {len(beyond)} of {len(spans)} do; give start and end in seconds, and "
            "the rate in rows a second"
        )


def named_files(folder: Path) -> Mapping[str, Path]:
    """The files of features in a folder, by what they are called without their ending."""
    # an archive of another system may spell é with two signs
    return {
        unicodedata.normalize("NFC", path.name.removesuffix(ending)): path
        for ending in reversed(ENDINGS)
        for path in folder.glob(f"*{ending}")
    }


def read_features(path: Path) -> Features:
    """What a file has; one vector is one row.

    Raises:
        InputError: it is broken, or has no numbers.
    """
    try:
        features = Features(open_npy(path)) if path.suffix == ".npy" else _read_csv(path)
    except (OSError, ValueError, Warning) as error:
        raise InputError(f"{path}: expected rows of numbers (t, d), found {said(error)}") from error
    rows, times = features
    rows = rows[None] if rows.ndim == 1 and rows.size else rows.reshape(rows.shape or (1,))
    if rows.size and (rows.ndim != 2 or rows.dtype.kind not in "biuf"):
        raise InputError(
            f"{path}: expected rows of numbers (t, d), found {rows.dtype} {rows.shape}"
        )
    return Features(rows, times)


def _read_csv(path: Path) -> Features:
    names, delimiter = names_of(path)
    header = None if all(_is_number(name, delimiter) for name in names) else 0
    with warnings.catch_warnings():
        # pandas leaves out what a line has beyond the first one's cells
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = _parsed(path, delimiter, header, ".")
        if delimiter == ";" and _texts(frame):
            frame = _parsed(path, delimiter, header, ",")
    if texts := _texts(frame):
        raise ValueError(
            f"text in the column {texts[0]}, such as {frame[texts[0]].dropna().iloc[0]!r}"
        )
    frame.columns = [str(name).strip().lower() for name in frame.columns]
    points = [name for name in TIMES if name in frame]
    pair = ["start", "end"] if {"start", "end"} <= set(frame) else points[:1] * 2
    times = frame[pair].to_numpy(np.float64) if pair else None
    rows = frame.drop(columns=[name for name in ("start", "end", *TIMES) if name in frame])
    return Features(rows.to_numpy(), times)


def _parsed(path: Path, delimiter: str, header: int | None, decimal: str) -> pd.DataFrame:
    return pd.read_csv(
        path,
        sep=delimiter,
        header=header,
        decimal=decimal,
        index_col=False,
        encoding="utf-8-sig",
        low_memory=False,
    )


def _texts(frame: pd.DataFrame) -> list[Any]:
    return [name for name, kind in frame.dtypes.items() if kind.kind not in "biuf"]


def _is_number(text: str, delimiter: str) -> bool:
    try:
        float(text.replace(",", ".") if delimiter == ";" else text)
    except ValueError:
        return text == ""
    return True
