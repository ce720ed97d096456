"""Cleaning: how NaN and infinity are replaced and columns standardised, by the training fold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.atomic import allocate, atomic_path
from msa.base.errors import InputError
from msa.base.reading import read_npz

FOLDS = ("train", "valid", "test")
SEQUENCES = ("glove", "embedding", "audio", "vision", "hcf")
POLICIES = {
    "zero": "NaN and infinity become 0",
    "mean": "NaN and infinity become the column's mean",
    "clip": "infinity becomes the column's largest or smallest finite value, NaN its mean",
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
