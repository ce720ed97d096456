"""Padded arrays: segments (n, t, d) of which rows of zeros at an end may be padding."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from msa.formats.content import as_text, describe

BLOCK = 1 << 24  # values looked at at once


def array_problems(where: str, fold: Any, expected: Mapping[str, int]) -> list[str]:
    """What speaks against a fold being arrays of numbers of the same n segments.

    Args:
        where: the fold, for the messages.
        fold: what should be a dictionary.
        expected: by key, the number of dimensions.
    """
    if not isinstance(fold, Mapping):
        return [f"{where}: expected a dictionary of {', '.join(expected)}, found {describe(fold)}"]
    missing = ", ".join(key for key in expected if key not in fold)
    wrong = [f"{where}: expected {missing}, found only {list(fold)[:16]}"] if missing else []
    arrays = {key: fold[key] for key in expected if key in fold}
    for key, dims in expected.items():
        if key not in arrays:
            continue
        array = arrays[key]
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            kind = f" of {array.dtype}" if isinstance(array, np.ndarray) else ""
            wrong.append(f"{where}: {key}: expected numbers, found {describe(array)}{kind}")
            del arrays[key]
        elif array.ndim != dims or 0 in array.shape:
            wrong.append(
                f"{where}: {key}: expected {dims} dimensions, none of them empty, "
                f"found {array.shape}"
            )
            del arrays[key]
    counts = {key: len(array) for key, array in arrays.items()}
    if len(set(counts.values())) > 1:
        wrong.append(f"{where}: expected as many segments in each array, found {counts}")
    return wrong


def once_for_folds(problems: Mapping[str, Sequence[str]]) -> list[str]:
    """The problems of all folds, each of which begins with its fold; what several have, once."""
    folds: dict[str, list[str]] = {}
    for fold, texts_of_fold in problems.items():
        for text in texts_of_fold:
            folds.setdefault(text.removeprefix(f"{fold}: "), []).append(fold)
    return [f"{', '.join(names)}: {text}" for text, names in folds.items()]


def as_array(values: Any) -> np.ndarray:
    """An array or a list as an array; an empty one if its members are of several shapes."""
    try:
        return np.asarray(values)
    except ValueError:
        return np.empty(0)


def as_numbers(values: Any, n: int) -> np.ndarray | None:
    """One number a segment, (n,), out of an array or a list; None if it is anything else."""
    numbers = as_array(values)
    return numbers.reshape(n) if numbers.dtype.kind in "biuf" and numbers.size == n else None


def length_problems(where: str, lengths: Any, n: int, steps: int) -> list[str]:
    """What speaks against these being the numbers of rows of n segments of some steps."""
    numbers = as_numbers(lengths, n)
    if numbers is None:
        return [f"{where}: expected {n} numbers of rows, found {describe(lengths)}"]
    wrong = np.flatnonzero(~((numbers >= 0) & (numbers <= steps)) | (numbers != np.rint(numbers)))
    if not wrong.size:
        return []
    return [
        f"{where}: expected numbers of rows from 0 to {steps}, as the array has steps, "
        f"found {numbers[wrong[0]]} for segment {wrong[0]}"
    ]


def not_zero(array: np.ndarray) -> np.ndarray:
    """Which rows have a value other than 0, NaN included: (n, t, d) to (n, t)."""
    rows = np.empty(array.shape[:2], dtype=bool)
    step = max(BLOCK // max(int(np.prod(array.shape[1:])), 1), 1)
    for begin in range(0, len(array), step):
        rows[begin : begin + step] = (array[begin : begin + step] != 0).any(axis=2)
    return rows


def trim(rows: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each segment that is no padding, and one past the last, (n,) each.

    A segment keeps one row at least.

    Args:
        rows: which rows are not zeros, (n, t).
        side: where padding may be, "left", "right" or "both".
    """
    n, steps = rows.shape
    begins, ends = np.zeros(n, dtype=np.int64), np.full(n, steps)
    if side != "right":
        begins = np.where(rows.any(axis=1), rows.argmax(axis=1), steps - 1 if side == "left" else 0)
    if side != "left":
        ends = np.where(rows.any(axis=1), steps - rows[:, ::-1].argmax(axis=1), 1)
    return begins, ends


def cut_segments(array: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """The rows of each segment, as views."""
    plain = np.asarray(array)
    return [
        plain[i, begin:end]
        for i, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True))
    ]


def texts(values: Sequence[Any] | np.ndarray) -> list[str]:
    """Text of each segment, (n,) or (n, 1)."""
    return [as_text(np.asarray(value).reshape(-1)[0]) for value in values]


def numbered_ids(fold: str, n: int) -> list[str]:
    """Ids for segments that have none, `train/17`."""
    return [f"{fold}/{i}" for i in range(n)]
