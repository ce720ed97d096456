"""Clean: replace NaN and infinity, standardise; every statistic comes from the training fold."""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import allocate, atomic_folders, atomic_path, atomic_write
from msa.base.coverage import uncovered
from msa.base.errors import InputError
from msa.base.reading import read_array, read_json, read_npz, read_offsets
from msa.data.labels import label_table
from msa.data.licences import licence_table

FOLDS = ("train", "valid", "test")
SEQUENCES = ("glove", "embedding", "audio", "vision", "hcf")
POLICIES = {
    "zero": "NaN and infinity become 0",
    "mean": "NaN and infinity become the column's mean",
    "clip": "infinity becomes the column's largest or smallest finite value, NaN its mean",
}
CARD_KEYS = ("route", "pauses", "videos", "segments", "expected", "sequences", "dropped")
ODD_TIMES = {
    "reversed": "end before they start",
    "repeated": "have the times of another one of their video",
}
BLOCK = 1 << 17  # rows handled at once


@dataclass(frozen=True)
class Columns:
    """What the finite values of the training fold say of each column, (d,) each."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def statistics(rows: np.ndarray) -> Columns:
    """Mean, smallest and largest finite value of each column; 0 for a column without one.

    Args:
        rows: (n, d) float, may be memory-mapped.
    """
    width = rows.shape[1]
    total, count = np.zeros((2, width))
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    for begin in range(0, len(rows), BLOCK):
        block = rows[begin : begin + BLOCK].astype(np.float64)
        finite = np.isfinite(block)
        total += np.where(finite, block, 0).sum(axis=0)
        count += finite.sum(axis=0)
        low = np.minimum(low, np.where(finite, block, np.inf).min(axis=0))
        high = np.maximum(high, np.where(finite, block, -np.inf).max(axis=0))
    empty = count == 0
    low[empty] = high[empty] = 0
    return Columns(total / np.maximum(count, 1), low, high)


def repair(rows: np.ndarray, policy: str, columns: Columns) -> np.ndarray:
    """Replace what is not finite by a policy of `POLICIES`: (n, d) in, a new (n, d) out."""
    if policy == "zero":
        return np.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)
    repaired = rows.copy()
    bad = ~np.isfinite(rows) if policy == "mean" else np.isnan(rows)
    repaired[bad] = np.broadcast_to(columns.mean, rows.shape)[bad]
    return np.clip(repaired, columns.low, columns.high) if policy == "clip" else repaired


def moments(rows: np.ndarray, policy: str, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each repaired column; a constant column has deviation 1."""
    total, squares = np.zeros((2, rows.shape[1]))
    center = columns.mean  # keeps the squares of large columns exact
    for begin in range(0, len(rows), BLOCK):
        block = repair(rows[begin : begin + BLOCK].astype(np.float64), policy, columns) - center
        total += block.sum(axis=0)
        squares += (block**2).sum(axis=0)
    count = max(len(rows), 1)
    variance = squares / count - (total / count) ** 2
    constant = variance <= 1e-12 * np.maximum(squares / count, np.finfo(np.float64).tiny)
    return center + total / count, np.where(constant, 1.0, np.sqrt(np.maximum(variance, 0)))


@dataclass(frozen=True)
class Cleaning:
    """How the rows of one sequence are cleaned, whatever fold they are of.

    Attributes:
        policy: one of `POLICIES`.
        columns: statistics of the training fold.
        center: taken from each repaired column, (d,); 0 where it is not standardised.
        deviation: that it is then divided by, (d,); 1 where it is not standardised.
    """

    policy: str
    columns: Columns
    center: np.ndarray
    deviation: np.ndarray

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Clean rows (n, d): (n, d) float64."""
        rows = repair(rows.astype(np.float64), self.policy, self.columns)
        return (rows - self.center) / self.deviation

    @property
    def missing(self) -> np.ndarray:
        """What is left of a row that has no number, (d,)."""
        return self.apply(np.full((1, len(self.center)), np.nan))[0]


def fit_cleaning(rows: np.ndarray, policy: str, standardize: bool) -> Cleaning:
    """The cleaning of a sequence from the rows of its training fold, (n, d)."""
    columns = statistics(rows)
    unscaled = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    return Cleaning(policy, columns, *(moments(rows, policy, columns) if standardize else unscaled))


def write_cleanings(path: Path, cleanings: Mapping[str, Cleaning]) -> None:
    """Write the cleanings by sequence to an .npz file, for data that comes later."""
    arrays: dict[str, Any] = {}
    for name, cleaning in cleanings.items():
        fields = {
            "policy": cleaning.policy,
            "center": cleaning.center,
            "deviation": cleaning.deviation,
        }
        arrays |= {
            f"{name}/{key}": value for key, value in (fields | vars(cleaning.columns)).items()
        }
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_cleanings(path: Path) -> dict[str, Cleaning]:
    """What `write_cleanings` wrote; InputError if it is missing or damaged."""
    arrays = read_npz(path)
    parts = ("policy", "center", "deviation", "mean", "low", "high")
    cleanings = {}
    for name in dict.fromkeys(key.partition("/")[0] for key in arrays):
        try:
            policy, center, deviation, *columns = (arrays[f"{name}/{part}"] for part in parts)
        except KeyError as error:
            raise InputError(f"{path}: expected {error}; run the stage clean again") from error
        cleanings[name] = Cleaning(str(policy), Columns(*columns), center, deviation)
    return cleanings


def write_cleaned(rows: np.ndarray, cleaning: Cleaning, path: Path, where: str) -> dict[str, int]:
    """Write cleaned rows as float32; counts of values, not finite before, and after.

    Args:
        rows: (n, d), may be memory-mapped.
        cleaning: of their sequence.
        path: .npy file to write.
        where: the rows' own file, for the error.

    Raises:
        InputError: a value does not fit float32.
    """
    allocate(path, rows.shape, np.dtype("f4"))
    target = np.load(path, mmap_mode="r+")
    not_finite = overflowing = 0
    for begin in range(0, len(rows), BLOCK):
        block = rows[begin : begin + BLOCK]
        not_finite += int(np.count_nonzero(~np.isfinite(block)))
        with np.errstate(over="ignore"):  # counted, and refused, below
            target[begin : begin + BLOCK] = cleaning.apply(block)
        overflowing += int(np.count_nonzero(~np.isfinite(target[begin : begin + BLOCK])))
    target.flush()
    if overflowing:
        raise InputError(
            f"{where}: {overflowing} values do not fit float32 after "
            f"the policy {cleaning.policy}; choose clip or standardise {path.stem}"
        )
    return {"values": rows.size, "not_finite": not_finite, "left": overflowing}


def _read(folder: Path, names: list[str]) -> dict[str, np.ndarray]:
    offsets = read_offsets(folder / "offsets.npy", names)
    return {
        name: read_array(folder / f"{name}.npy", "numbers", 2, offsets[name][-1], mapped=True)
        for name in names
    }


def clean(data: Path, output: Path, policy: str, standardize: list[str]) -> dict[str, Any]:
    """Write the cleaned sequences of every fold and return the counts before and after.

    Args:
        data: folder of the folds, written by the stage split.
        output: folder to write, `<fold>/<sequence>.npy` of the same shapes, float32, and
            `cleaning.npz`, what the training fold taught.
        policy: one of `POLICIES`.
        standardize: sequences whose columns get mean 0 and standard deviation 1.
    """
    report: dict[str, Any] = {"policy": policy, "standardized": sorted(standardize), "counts": {}}
    available = read_offsets(data / "train" / "offsets.npy").dtype.names or ()
    names = [name for name in SEQUENCES if name in available]
    for name in standardize:
        if name not in names:
            raise InputError(f"{data}/train: no {name}.npy to standardise; there is {names}")
    arrays = {fold: _read(data / fold, names) for fold in FOLDS}
    train = arrays["train"]
    for fold, name in product(FOLDS, names):
        expected, width = train[name].shape[1], arrays[fold][name].shape[1]
        if width != expected:
            raise InputError(
                f"{data}/{fold}/{name}.npy: expected {expected} columns as in the training fold, "
                f"got {width}; run the stage that writes it again"
            )
    cleanings = {
        name: fit_cleaning(rows, policy, name in standardize) for name, rows in train.items()
    }
    with atomic_folders({fold: output / fold for fold in FOLDS}) as folders:
        for fold, folder in folders.items():
            report["counts"][fold] = {
                name: write_cleaned(
                    rows, cleanings[name], folder / f"{name}.npy", f"{data}/{fold}/{name}.npy"
                )
                for name, rows in arrays[fold].items()
            }
    write_cleanings(output / "cleaning.npz", cleanings)
    return report


def segment_lengths(folder: Path) -> dict[str, dict[str, int]]:
    """By sequence, how many rows a fold's segments have: the median, 95 % of them at most, most."""
    offsets = read_offsets(folder / "offsets.npy")
    shares = {"median": 0.5, "p95": 0.95, "most": 1.0}
    counts = {name: np.diff(offsets[name]) for name in offsets.dtype.names or ()}
    return {
        name: {
            key: int(np.quantile(rows, share, method="inverted_cdf"))
            for key, share in shares.items()
        }
        for name, rows in counts.items()
    }


def _oddities(card: Mapping[str, Any]) -> list[str]:
    """A line for each kind of odd times of a sequence, and of faulty ids of a fold."""
    lines = [
        f"- {name}: rows that {ODD_TIMES[kind]}, {sum(rows.values())}: in {_first([*rows])}"
        for name, kinds in card.get("times", {}).items()
        for kind, rows in kinds.items()
    ]
    for fold, ids in card.get("ids", {}).items():
        if twice := ids["twice"]:
            lines.append(f"- {fold}: ids twice or more, {len(twice)}: {_first(twice)}")
        if ids["empty"]:
            lines.append(f"- {fold}: empty ids, {ids['empty']}")
    return lines and ["", *lines]


def _first(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _pauses(card: Mapping[str, Any]) -> str:
    """What became of pauses, and which words they were."""
    counts = sum((Counter(words) for words in card.get("pause_words", {}).values()), Counter())
    words = ", ".join(f'"{word}" {count}' for word, count in counts.most_common())
    return f"Pauses: {card['pauses']}{f' ({words})' if words else ''}."


def _imputed(card: Mapping[str, Any], fold: str, name: str) -> Any:
    """How many rows are zeros because there is none; empty where that is not known."""
    count = card.get("coverage", {}).get(fold, {}).get(name, {})
    if count.get("unit") == "words":
        return count["without_rows"]
    return card["sequences"][fold][name].get("imputed_rows", "")


def _coverage(card: Mapping[str, Any]) -> list[str]:
    """Lines on words and segments without rows of a sequence, where that is known."""
    if "coverage" not in card:
        return []
    lines = ["", "## Words and segments without rows", ""]
    lines += ["| fold | sequence | of | without rows | share |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| {fold} | {name} | {count['total']} {count['unit']} | {count['without_rows']} "
        f"| {count['without_rows'] / max(count['total'], 1):.1%} |"
        for fold, sequences in card["coverage"].items()
        for name, count in sequences.items()
    ]
    remarks = [f"- {remark}" for remark in card.get("remarks", [])]
    remarks += [
        f"- {fold}: no row of {name} in the whole of {', '.join(videos)}"
        for fold, sequences in card["coverage"].items()
        for name, videos in uncovered(sequences).items()
    ]
    return [*lines, "", *remarks] if remarks else lines


def _unimodal(card: Mapping[str, Any]) -> list[str]:
    """A line on the labels that single modalities have, where they have some."""
    folds = card.get("unimodal", {})
    counts = [
        f"{name} {', '.join(f'{fold} {of[name]}' for fold, of in folds.items())}"
        for name in folds.get("train", {})
    ]
    return ["", f"Labels of one modality alone: {'; '.join(counts)}."] if counts else []


def table(card: dict[str, Any]) -> str:
    """The data card as Markdown."""
    lines = ["# Data card", "", f"Alignment: {card['route']}. {_pauses(card)}", ""]
    lines += ["| fold | videos | segments | others report |", "|---|---:|---:|---:|"]
    lines += [
        f"| {fold} | {card['videos'][fold]} | {card['segments'][fold]} "
        f"| {card['expected'].get(fold, '')} |"
        for fold in FOLDS
    ]
    videos = {"Videos in more than one fold": card.get("videos_in_two_folds", [])}
    for fold, absent in card.get("videos_without_segments", {}).items():
        videos[f"Videos of the fold {fold} without a segment"] = absent
    if any(videos.values()):
        lines += ["", *(f"- {kind}: {', '.join(ids)}" for kind, ids in videos.items() if ids)]
    lines += _oddities(card)
    lines += _unimodal(card)
    cleaning = card["cleaning"]
    lines += ["", f"Cleaning: {cleaning['policy']} ({POLICIES[cleaning['policy']]})."]
    lines += [f"Standardised: {', '.join(cleaning['standardized']) or 'nothing'}.", ""]
    columns = "fold | sequence | rows | a segment: median | 95 % at most | most | width | imputed"
    lines += [f"| {columns} | NaN | inf | worst columns | left |"]
    lines += ["|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|"]
    for fold in FOLDS:
        for name, counts in card["sequences"][fold].items():
            nan, inf = counts.get("nan", {}), counts.get("inf", {})
            not_finite = {c: nan.get(c, 0) + inf.get(c, 0) for c in nan | inf}
            worst = sorted(not_finite, key=lambda c: -not_finite[c])[:3]
            lines.append(
                f"| {fold} | {name} | {counts['rows']} "
                f"| {' | '.join(map(str, card['lengths'][fold][name].values()))} "
                f"| {counts['width']} "
                f"| {_imputed(card, fold, name)} "
                f"| {sum(nan.values())} | {sum(inf.values())} "
                f"| {', '.join(f'{c}: {not_finite[c]}' for c in worst)} "
                f"| {cleaning['counts'][fold].get(name, {}).get('left', '')} |"
            )
    lines += _coverage(card)
    lines += label_table(card)
    lines += licence_table(card.get("licences", []))
    lines += ["", f"## Dropped segments: {len(card['dropped'])}", ""]
    lines += ["| segment | fold | reason |", "|---|---|---|"]
    lines += [f"| {d['id']} | {d['fold'] or 'none'} | {d['reason']} |" for d in card["dropped"]]
    return "\n".join(lines) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of the folds, written by split")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--card", type=Path, required=True, help="the data card to complete")
    parser.add_argument(
        "--licences", type=json.loads, default=[], help="JSON, for the card: of the data, features"
    )
    parser.add_argument(
        "--policy",
        choices=POLICIES,
        default="zero",
        help="; ".join(f"{name}: {text}" for name, text in POLICIES.items()),
    )
    parser.add_argument(
        "--standardize", nargs="*", choices=SEQUENCES, default=[], help="columns to mean 0, std 1"
    )


def main(args: argparse.Namespace) -> None:
    card = read_json(args.card, *CARD_KEYS)
    card["cleaning"] = clean(args.data, args.output, args.policy, args.standardize)
    card["licences"] = args.licences
    card["lengths"] = {fold: segment_lengths(args.data / fold) for fold in FOLDS}
    with atomic_write(args.output / "card.json") as file:
        json.dump(card, file, indent=1)
    with atomic_write(args.output / "card.md") as file:
        file.write(table(card))
