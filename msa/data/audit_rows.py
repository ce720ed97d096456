"""Rows and labels: what carries nothing, and what differs between the folds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from msa.base.coverage import LIMIT
from msa.data.cleaning import BLOCK, statistics
from msa.data.findings import Finding
from msa.formats.segments import FOLDS

STEPS = 20  # the largest n of labels that are multiples of 1/n
MOST = 0.9  # of the labels
TOLERANCE = 2e-3  # of a step; labels such as .3333 are rounded
SHIFT = 0.25  # of the training labels' standard deviation


def column_findings(name: str, rows: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    """Columns of a sequence that have one value in the training fold.

    Args:
        name: of the sequence.
        rows: by fold, (t, d), may be memory-mapped.
    """
    columns = {fold: statistics(part) for fold, part in rows.items() if len(part)}
    if len(rows["train"]) < 2:
        return
    train = columns["train"]
    constant = train.low == train.high
    varied = constant & np.any(
        [(part.low != train.low) | (part.high != train.low) for part in columns.values()], axis=0
    )
    for severity, chosen, where, advice in (
        ("warning", varied, "and others elsewhere", "No model can learn them: see what broke"),
        ("note", constant & ~varied, "and everywhere", "They carry nothing"),
    ):
        if count := int(chosen.sum()):
            zeros = int((chosen & (train.low == 0)).sum())
            yield Finding(
                severity,
                f"constant columns of {name}",
                [*rows],
                count,
                f"Columns of {name} with one value in train {where}: {count} of {len(chosen)}, "
                f"{zeros or 'none'} of them 0",
                advice,
                [(f"column {number}",) for number in np.flatnonzero(chosen).tolist()],
            )


def empty_segments(rows: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Which segments have no row of a sequence, or rows of zeros and NaN alone, (n,) bool.

    Args:
        rows: (t, d), may be memory-mapped.
        bounds: where each segment begins, (n + 1,).
    """
    filled = np.zeros(len(rows) + 1, np.int64)
    for begin in range(0, len(rows), BLOCK):
        block = rows[begin : begin + BLOCK]
        filled[begin + 1 :][: len(block)] = (np.isfinite(block) & (block != 0)).any(axis=1)
    return np.diff(np.cumsum(filled)[bounds]) == 0


def empty_findings(
    name: str, empty: Mapping[str, np.ndarray], ids: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Segments without a face, a voice or whatever a sequence is of.

    Args:
        name: of the sequence.
        empty: by fold, as of `empty_segments`.
        ids: by fold, of the segments.
    """
    count = sum(int(flags.sum()) for flags in empty.values())
    if not count:
        return
    parts = [f"{fold} {int(flags.sum())} of {len(flags):,}" for fold, flags in empty.items()]
    share = max(float(flags.mean()) for flags in empty.values() if len(flags))
    yield Finding(
        "warning" if share > LIMIT else "note",
        f"segments without {name}",
        [fold for fold, flags in empty.items() if flags.any()],
        count,
        f"Segments without {name}, with no row or zeros alone: {', '.join(parts)}",
        f"A model reads zeros there: no {name} was found, or it was lost on the way",
        [(ids[fold][i],) for fold, flags in empty.items() for i in np.flatnonzero(flags).tolist()],
    )


def step_of(labels: np.ndarray) -> float | None:
    """The largest 1, 1/2, ..., 1/20 of which most labels (n,) are multiples; None of others."""
    steps = (1 / n for n in range(1, STEPS + 1))
    return next((step for step in steps if on_step(labels, step) >= MOST), None)


def on_step(labels: np.ndarray, step: float) -> float:
    """The share of labels (n,) that are multiples of a step."""
    multiples = labels / step
    return float(np.mean(np.abs(multiples - np.rint(multiples)) < TOLERANCE / step))


def label_facts(
    labels: Mapping[str, np.ndarray], is_number: bool
) -> dict[str, dict[str, float | int | None]]:
    """What the labels of a target are, by fold.

    Args:
        labels: by fold, (n,).
        is_number: they are intensities, and no classes.
    """
    step = step_of(labels["train"]) if is_number else None
    return {
        fold: {
            "segments": len(values),
            "zero": float(np.mean(values == 0)) if is_number else None,
            "low": float(values.min()),
            "high": float(values.max()),
            "step": step,
            "on_step": None if step is None else on_step(values, step),
            "mean": float(values.mean()),
            "deviation": float(values.std()),
        }
        for fold, values in labels.items()
    }


def label_findings(target: str, facts: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Folds whose labels are unlike those of the training fold; facts as of `label_facts`."""
    train = facts["train"]
    if train["zero"] is None and train["high"] > 1:
        return  # of more than two classes a mean says nothing
    for fold in FOLDS[1:]:
        own = facts[fold]
        shift = own["mean"] - train["mean"]
        if abs(shift) > SHIFT * train["deviation"]:
            text = (
                f"{target}: the mean label of {fold} is {own['mean']:.3f}, of train "
                f"{train['mean']:.3f}, which is {abs(shift) / train['deviation']:.2f} standard "
                "deviations away"
                if train["deviation"]
                else f"{target}: all labels of train are {train['mean']:.3f}, those of {fold} not"
            )
            advice = "What is constant is worse in this fold than training can know"
            yield Finding("note", "shift of the labels", ["train", fold], 1, text, advice)
        if train["step"] is not None and own["on_step"] < train["on_step"] - LIMIT:
            text = (
                f"{target}: {own['on_step']:.0%} of the labels of {fold} are multiples of "
                f"{train['step']:.4g}, of train {train['on_step']:.0%}"
            )
            advice = "Were they annotated, or averaged, in another way?"
            yield Finding("note", "other steps of the labels", ["train", fold], 1, text, advice)
