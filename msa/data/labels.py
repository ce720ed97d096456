"""Labels: what a task makes of those that a data set has, and what becomes of the others.

Intensities become classes here, and whether classes are such is checked here, so that training
reads numbers of the task alone.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from msa.base.errors import InputError

POLICIES = {
    "refuse": "an error",
    "clip": "set to the nearest end of the range",
    "drop": "their segments are left out",
}
TOLERANCE = 1e-6  # labels are often float32
MISSING = "its label is not a number"
BEYOND = "its label lies beyond the task's range"


@dataclass(frozen=True)
class Kind:
    """What the labels of a task are.

    Attributes:
        columns: the targets' columns in the labels.
        span: smallest and largest label; None where it may be any number; not read of classes.
        classes: how many there are, where labels are their numbers from 0.
        above: what a label has to be above to become 1; the others become 0.
        beyond: what becomes of labels outside the span, or of those that are no class; one of
            `POLICIES`.
    """

    columns: Sequence[int] = (0,)
    span: tuple[float, float] | None = None
    classes: int | None = None
    above: float | None = None
    beyond: str = "refuse"

    def __post_init__(self) -> None:
        if self.beyond == "clip" and (self.span is None or self.is_class):
            raise InputError("beyond: clip: expected labels with a range, such as --range -3 3")

    @property
    def is_class(self) -> bool:
        """Whether labels are numbers of classes as they come."""
        return self.classes is not None and self.above is None

    @property
    def range(self) -> tuple[float, float] | None:
        """Smallest and largest label, of classes too, where that is known."""
        return (0, self.classes - 1) if self.classes and self.is_class else self.span


def kind_of(task: Mapping[str, Any], made: bool = False) -> Kind:
    """What the labels of a recipe's task are, its columns chosen already.

    Args:
        task: the recipe's.
        made: split or import-data has made them what they are to be.
    """
    targets = range(len(task["targets"]))
    classes = 2 if task.get("type") == "binary" else len(task.get("classes", ())) or None
    if made and "present" in task:
        return Kind(targets, classes=classes)
    span = tuple(task["range"]) if "range" in task else None
    above = task.get("present", {}).get("above")
    return Kind(targets, span, classes, above, task.get("beyond", "refuse"))


def task_labels(
    where: str, ids: Sequence[str], values: np.ndarray, kind: Kind
) -> tuple[np.ndarray, np.ndarray]:
    """The labels of the targets, and which segments had one that does not fit.

    Args:
        where: the file, for messages.
        ids: of the segments, (n,).
        values: all labels that there are, (n, m).
        kind: what they have to be.

    Returns:
        (n, k) float64, clipped or as they were, NaN where there is none; (n,) bool.

    Raises:
        InputError: labels do not fit, and are to be refused.
    """
    label = values[:, list(kind.columns)].astype(np.float64)
    outside = _outside(label, kind)
    misfits = np.any(outside, axis=1)
    if kind.beyond == "refuse" and misfits.any():
        low, high = kind.range or (-np.inf, np.inf)
        wrong = (
            f"are none of the classes {low:g} to {high:g}"
            if kind.is_class
            else f"lie outside the task's range [{low:g}, {high:g}]"
        )
        first = int(np.argmax(misfits))
        first_values = ", ".join(f"{value:.7g}" for value in label[first])
        raise InputError(
            f"{where}: {int(outside.sum())} labels {wrong}, the first in {ids[first]}: "
            f"[{first_values}]; {_advice(kind)}"
        )
    if kind.beyond == "clip" and kind.span is not None:
        label = np.where(np.isfinite(label), np.clip(label, *kind.span), label)
    if kind.above is not None:
        label = np.where(np.isfinite(label), label > kind.above, np.nan)
    return label, misfits


def _outside(label: np.ndarray, kind: Kind) -> np.ndarray:
    """Which labels (n, k) do not fit; NaN is none, and neither is what clipping cannot help."""
    outside = np.zeros(label.shape, bool)
    if kind.range is not None:
        low, high = kind.range
        outside |= (label < low - TOLERANCE) | (label > high + TOLERANCE)
        if kind.is_class:
            outside |= np.isfinite(label) & (label != np.rint(label))
    return outside & np.isfinite(label) if kind.beyond == "clip" else outside


def _advice(kind: Kind) -> str:
    advice = "correct the recipe's task or the labels, or say there what becomes of them"
    if not kind.is_class:
        return f"{advice}: `beyond: clip` or `beyond: drop` (--beyond)"
    intensities = (
        "; of intensities `type: binary` with `present: {above: 0}` (--above) makes the classes 0 "
        "and 1"
    )
    return f"{advice}: `beyond: drop` (--beyond){intensities if kind.classes == 2 else ''}"


def say(fold: str, misfits: int, kind: Kind) -> None:
    """Say on stderr what became of segments whose labels do not fit, if there are any."""
    if misfits:
        low, high = kind.range or (-np.inf, np.inf)
        done = "clipped" if kind.beyond == "clip" else "left out"
        text = f"segments with labels beyond [{low:g}, {high:g}], {done}: {misfits}"
        print(f"warning: {fold}: {text}", file=sys.stderr)


def label_card(kind: Kind, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The card's part on labels.

    Args:
        kind: of the labels.
        counts: by fold, segments that are `missing` a label and left out, have one `beyond` the
            range, or are `repeated`.
    """
    return {"beyond": kind.beyond, "range": kind.range and [*kind.range], "folds": dict(counts)}


def over_folds(card: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The same over all folds, where these are no longer what they were."""
    if card is None:
        return None
    every = sum((Counter(counts) for counts in card["folds"].values()), Counter[str]())
    kinds = next(iter(card["folds"].values()))
    return {**card, "folds": {"all": {kind: every[kind] for kind in kinds}}}


def label_table(card: Mapping[str, Any]) -> list[str]:
    """Its lines in the data card, where something is to be said."""
    if "labels" not in card or not any(any(n.values()) for n in card["labels"]["folds"].values()):
        return []
    labels = card["labels"]
    low, high = labels["range"] or (-np.inf, np.inf)
    done = {"clip": "clipped", "drop": "dropped", "refuse": "refused"}[labels["beyond"]]
    lines = ["", "## Labels", ""]
    lines += [f"| fold | missing, dropped | beyond [{low:g}, {high:g}], {done} | repeated, kept |"]
    lines += ["|---|---:|---:|---:|"]
    return lines + [
        f"| {fold} | {count['missing']} | {count['beyond']} | {count['repeated']} |"
        for fold, count in labels["folds"].items()
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--columns", type=int, nargs="+", default=[0], help="the targets' columns")
    parser.add_argument("--range", type=float, nargs=2, help="smallest and largest label")
    parser.add_argument(
        "--above", type=float, help="make classes of intensities: 1 above this number, else 0"
    )
    parser.add_argument(
        "--beyond",
        choices=POLICIES,
        default="refuse",
        help="labels outside the range: "
        + "; ".join(f"{name}: {text}" for name, text in POLICIES.items()),
    )
