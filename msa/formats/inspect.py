"""Inspect data: what a file or folder is, its splits, shapes, types and ranges, NaN and infinity.

The exit status is 0 for a known layout, otherwise 2, with one line on standard error.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.base.ids import video_of
from msa.formats.content import HDF5
from msa.formats.csd import Sequence
from msa.formats.hdf5 import known_hdf5
from msa.formats.layouts import recognize
from msa.formats.segments import Segments, parse_rates, read

METADATA = (
    "root name",
    "dataset name",
    "dataset version",
    "computational sequence description",
    "computational sequence version",
    "dimension names",
    "creator",
    "md5",
)


def inspect(path: Path, rates: Mapping[str, float] = MappingProxyType({})) -> dict[str, Any]:
    """What is there, as values that are JSON.

    `layout` and `splits`, the segments of each fold, or of a .csd file all its rows; by fold the
    sequences and the labels, or of a .csd file what it says of itself.

    Raises:
        InputError: the file is of no known layout, or broken.
    """
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(HDF5)) == HDF5:
                try:
                    return {"path": str(path), **inspect_csd(path)}
                except InputError as error:
                    if known := known_hdf5(path):
                        raise InputError(known) from error
                    raise
    if (path / "train" / "offsets.npy").is_file():
        layout, folds = "folds of this workflow", read(path)
    else:
        layout, folds = recognize(path, rates)
    return {
        "path": str(path),
        "layout": layout,
        "splits": {fold: len(segments.ids) for fold, segments in folds.items()},
        "videos": {
            fold: len({video_of(i) for i in segments.ids}) for fold, segments in folds.items()
        },
        "sequences": {fold: _sequences(segments) for fold, segments in folds.items()},
        "labels": {fold: _labels(segments.label) for fold, segments in folds.items()},
    }


def inspect_csd(path: Path) -> dict[str, Any]:
    """What a computational sequence holds, read one video at a time."""
    with Sequence(path) as sequence:
        shapes = [sequence.shape(video) for video in sequence.videos]
        rows = sum(shape.rows for shape in shapes)
        widths = sorted({shape.width for shape in shapes if shape.rows})
        if len(widths) > 1:
            raise InputError(f"{path}: expected features of one width, got {widths}")
        intervals = [_range(sequence.intervals(video)) for video in sequence.videos]
        metadata = sequence.metadata()
        return {
            "layout": "csd",
            "splits": {"all": rows},
            "root": sequence.root,
            "videos": len(sequence.videos),
            "rows": rows,
            "width": widths[0] if widths else 0,
            "dtype": sorted({str(shape.dtype) for shape in shapes}),
            "seconds": _merged(intervals),
            "values": _merged(_range(sequence.features(video)) for video in sequence.videos),
            "metadata": {key: metadata[key] for key in METADATA if metadata.get(key) is not None},
        }


def _sequences(segments: Segments) -> dict[str, Any]:
    summary = {}
    for name, rows in segments.sequences.items():
        numbers = range(len(segments.ids))
        lengths = [len(rows[i]) for i in numbers]
        summary[name] = {
            "rows": sum(lengths),
            "shortest": min(lengths),
            "longest": max(lengths),
            "width": sorted({rows[i].shape[1] for i in numbers}),
            "dtype": sorted({str(rows[i].dtype) for i in numbers if rows[i].dtype.kind != "S"})
            or ["bytes"],
            **_merged(_range(rows[i]) for i in numbers),
        }
    return summary


def _labels(label: np.ndarray) -> list[dict[str, Any]]:
    return [
        {**_range(column), "distinct": len(np.unique(column[np.isfinite(column)]))}
        for column in label.T
    ]


def _range(values: np.ndarray) -> dict[str, Any]:
    """Smallest and largest finite value, counts of NaN and infinity; nothing for text."""
    if values.dtype.kind not in "biuf":
        return {}
    finite = values[np.isfinite(values)]
    return {
        "min": float(finite.min()) if finite.size else None,
        "max": float(finite.max()) if finite.size else None,
        "nan": int(np.isnan(values).sum()),
        "inf": int(np.isinf(values).sum()),
    }


def _merged(ranges: Iterable[dict[str, Any]]) -> dict[str, Any]:
    ranges = [values for values in ranges if values]
    if not ranges:
        return {}
    lows, highs = (
        [values[key] for values in ranges if values[key] is not None] for key in ("min", "max")
    )
    return {
        "min": min(lows, default=None),
        "max": max(highs, default=None),
        "nan": sum(values["nan"] for values in ranges),
        "inf": sum(values["inf"] for values in ranges),
    }


def report_text(report: dict[str, Any]) -> str:
    """The same to read: a line for each value that is no dictionary."""
    lines: list[str] = []

    def add(value: Any, names: tuple[str, ...]) -> None:
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            value = {f"column {i}": inner for i, inner in enumerate(value)}
        if isinstance(value, dict) and any(map(_nested, value.values())):
            for name, inner in value.items():
                add(inner, (*names, name))
        else:
            lines.append(f"{' '.join(names)}: {_plain(value)}")

    for name, value in report.items():
        add(value, (name,))
    return "\n".join(lines)


def _nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_nested, value)))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="the file or folder")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--rates", nargs="*", default=[], help="of a table's arrays, rows a second: audio=100"
    )


def main(args: argparse.Namespace) -> None:
    try:
        report = inspect(args.path, parse_rates(args.rates))
    except (InputError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(report, allow_nan=False) if args.json else report_text(report))
