"""LMF: `mosi.pkl`, `iemocap.pkl` and `pom.pkl` of Low-rank Multimodal Fusion, by Python 2.

{train, valid, test: {covarep (n, a), facet (n, v), glove (n, l, 300), label}}, audio and vision one
row a segment, NaN included, and glove padded with zeros. Labels are (n, 1) for MOSI and (n, 16) for
POM. IEMOCAP has a level of emotions above, each with its own copy of the features and labels
(n, 2), of which [1, 0] is the emotion (Liu, Shen et al., ACL 2018).
"""

import hashlib
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.formats.content import describe, fold_keys
from msa.formats.importers.padded import array_problems, cut_segments, not_zero, numbered_ids, trim
from msa.formats.segments import Segments

KEYS = {"covarep": 2, "facet": 2, "glove": 3}
# the order of their columns; others follow by name
EMOTIONS = ("neutral", "happy", "sad", "angry")


def problems(content: Any) -> list[str]:
    """What speaks against this layout."""
    if isinstance(content, Mapping) and fold_keys(content):
        return [
            wrong for key in fold_keys(content).values() for wrong in _problems(key, content[key])
        ]
    if not _has_emotions(content):
        return [
            "expected the keys train, valid, test, or emotions each with these, "
            f"found {describe(content)}"
        ]
    return [
        wrong
        for emotion, folds in content.items()
        for key in fold_keys(folds).values()
        for wrong in _problems(f"{emotion}: {key}", folds[key], 2)
    ]


def _has_emotions(content: Any) -> bool:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(folds, Mapping) and fold_keys(folds) for folds in content.values())
    )


def _problems(where: str, fold: Any, columns: int | None = None) -> list[str]:
    dims = getattr(fold.get("label"), "ndim", 1) if isinstance(fold, Mapping) else 1
    if wrong := array_problems(where, fold, KEYS | {"label": max(dims, 1)}):
        return wrong
    shape = fold["label"].shape
    if columns is not None and shape[1:] != (columns,):
        wrong.append(f"{where}: label: expected ({shape[0]}, {columns}), found {shape}")
    return wrong


def read(content: Any) -> dict[str, Segments]:
    """GloVe without its padding, audio and vision of one row; MOSI's or POM's labels as they are.

    Of IEMOCAP, 0 or 1 for each emotion of the file, in the order of `EMOTIONS`.

    Raises:
        InputError: a label is not [1, 0] or [0, 1], or two emotions' features are not those of
            the same segments.
    """
    if fold_keys(content):
        return {
            fold: _fold(fold, content[key], content[key]["label"])
            for fold, key in fold_keys(content).items()
        }
    emotions = sorted(
        content, key=lambda name: (name not in EMOTIONS, [*EMOTIONS, name].index(name), name)
    )
    reference = content[emotions[0]]
    folds = {}
    for fold, key in fold_keys(reference).items():
        columns = []
        for emotion in emotions:
            emotion_fold = content[emotion][fold_keys(content[emotion])[fold]]
            where = f"{emotion}: {fold}"
            order = _order(
                f"{where}: expected the segments of {emotions[0]}", reference[key], emotion_fold
            )
            columns.append(_is_positive(where, emotion_fold["label"])[order])
        label = np.stack(columns, axis=1)
        if fold == "train":
            _count(emotions, label)
        folds[fold] = _fold(fold, reference[key], label)
    return folds


def _fold(fold: str, data: Mapping[str, np.ndarray], label: np.ndarray) -> Segments:
    n = len(data["covarep"])
    sequences = {
        "glove": cut_segments(data["glove"], *trim(not_zero(data["glove"]), "both")),
        "audio": list(data["covarep"][:, None]),
        "vision": list(data["facet"][:, None]),
    }
    return Segments(numbered_ids(fold, n), label.reshape(n, -1).astype(np.float64), sequences)


def _order(where: str, base: Mapping[str, Any], other: Mapping[str, Any]) -> np.ndarray:
    """The rows of `other` in the order of `base`, told by their features."""
    (ours, sorted_ours), (theirs, sorted_theirs) = map(_sorted_digests, (base, other))
    if sorted_ours != sorted_theirs:
        shared = len(set(sorted_ours) & set(sorted_theirs))
        raise InputError(
            f"{where}, of which it has {shared} of {len(ours)}: import a file of one emotion at a "
            "time"
        )
    order = np.empty_like(ours)
    order[ours] = theirs
    return order


def _sorted_digests(data: Mapping[str, np.ndarray]) -> tuple[np.ndarray, list[bytes]]:
    """The segments sorted by a digest of their features, and these digests."""
    digests = []
    for rows in zip(*(np.asarray(data[key]) for key in KEYS), strict=True):
        digest = hashlib.sha256()
        for row in rows:
            digest.update(np.ascontiguousarray(row).data)
        digests.append(digest.digest())
    numbers = sorted(range(len(digests)), key=digests.__getitem__)
    return np.array(numbers), [digests[i] for i in numbers]


def _is_positive(where: str, label: np.ndarray) -> np.ndarray:
    invalid = np.flatnonzero((np.sort(label, axis=1) != (0, 1)).any(axis=1))
    if invalid.size:
        raise InputError(
            f"{where}[{invalid[0]}]: label: expected [1, 0] or [0, 1], "
            f"found {label[invalid[0]].tolist()}"
        )
    return label[:, 0] == 1


def _count(emotions: list[str], label: np.ndarray) -> None:
    """Say where an emotion is commoner than its absence, as in IEMOCAP none is."""
    for emotion, share in zip(emotions, label.mean(axis=0), strict=True):
        if share > 0.5:
            print(
                f"{emotion}: [1, 0] is taken for the emotion, but {share:.0%} of the training "
                "segments have it; this file may mean the opposite",
                file=sys.stderr,
            )
